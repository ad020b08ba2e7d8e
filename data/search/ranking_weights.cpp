// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (452 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{.similarity = 9.1888,
                                          .calculated = -0.54697,
                                          .prior = 0.40026,
                                          .sharing = 13.152,
                                          .confidence = {-2.2216, 0.89026, 0.74229, 0.69063, -0.1923},
                                          .others = 0.55275,
                                          .search_exponent = {0.815, -0.066123},
                                          .network_exponent = {0.18, 0.11623}};
  return weights;
}

}  // namespace bragg::data
