// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (572 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{.similarity = 4.0747,
                                          .root_cosine = 2.5511,
                                          .misfit = 4.6592,
                                          .calculated = -1.095,
                                          .prior = 0.17256,
                                          .sharing = 2.2632,
                                          .confidence = {-1.631, 1.2469, 0.37938, -1.3999},
                                          .others = 0.46064,
                                          .search_exponent = {0.96487, -0.12701},
                                          .network_exponent = {-0.0093324, 0.17514}};
  return weights;
}

}  // namespace bragg::data
