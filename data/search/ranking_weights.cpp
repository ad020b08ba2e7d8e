// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (572 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{
      .similarity = 3.7792,
      .root_cosine = 2.3884,
      .misfit = 5.1228,
      .symmetric_cell = -0.75179,
      .calculated = -1.0033,
      .prior = 0.19298,
      .sharing = 2.4672,
      .alone = {.logit = {-0.9527, 1.281, 0.31906, -1.1161}, .others = 0.46905},
      .beside_network = {.logit = {-2.4372, 0.20545, 0.83689, -1.4668}, .others = 0.57404},
      .search_exponent = {0.88693, -0.11096},
      .network_exponent = {0.11066, 0.08942},
      .symmetric_cell_beside = -1.0233};
  return weights;
}

}  // namespace bragg::data
