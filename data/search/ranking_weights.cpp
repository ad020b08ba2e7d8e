// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known (572 patterns).
#include "data/search/ranking.h"

namespace bragg::data {

const RankingWeights& ranking_weights() {
  static constexpr RankingWeights weights{
      .similarity = 4.0176,
      .root_cosine = 2.277,
      .misfit = 5.0711,
      .symmetric_cell = 0,
      .calculated = -1.0547,
      .prior = 0.16663,
      .sharing = 2.218,
      .alone = {.logit = {-1.2204, 1.3574, 0.31825, -1.2667}, .others = 0.49038},
      .beside_network = {.logit = {-3.1327, 0.065968, 0.87522, -1.7655}, .others = 0.60376},
      .search_exponent = {0.85297, -0.092597},
      .network_exponent = {0.11305, 0.083512}};
  return weights;
}

}  // namespace bragg::data
