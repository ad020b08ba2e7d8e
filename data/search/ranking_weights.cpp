// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (572 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{
      .similarity = 3.7909,
      .root_cosine = 2.3986,
      .misfit = 5.0955,
      .symmetric_cell = -0.75359,
      .calculated = -1.0053,
      .prior = 0.19457,
      .sharing = 2.5362,
      .alone = {.logit = {-0.95739, 1.2715, 0.31957, -1.1166}, .others = 0.46914},
      .beside_network = {.logit = {-2.2499, 0.30688, 0.76106, -1.5203}, .others = 0.57652},
      .search_exponent = {0.86312, -0.099222},
      .network_exponent = {0.073012, 0.099578},
      .symmetric_cell_beside = 0};
  return weights;
}

}  // namespace bragg::data
