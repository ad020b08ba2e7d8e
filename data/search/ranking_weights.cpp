// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (572 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{.similarity = 4.0774,
                                          .root_cosine = 2.5383,
                                          .misfit = 4.6767,
                                          .calculated = -1.0945,
                                          .prior = 0.17297,
                                          .sharing = 2.27,
                                          .confidence = {-1.6281, 1.2438, 0.38221, -1.3953},
                                          .others = 0.46063,
                                          .search_exponent = {0.9511, -0.11909},
                                          .network_exponent = {-0.00021453, 0.15033}};
  return weights;
}

}  // namespace bragg::data
