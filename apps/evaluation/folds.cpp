#include "apps/evaluation/folds.h"

#include <algorithm>
#include <map>
#include <utility>

#include "kernels/base/random.h"

namespace bragg::apps {

std::vector<int> folds_of(std::span<const std::int32_t> group, int folds) {
  constexpr std::uint32_t seed = 5;
  std::map<std::int32_t, int> fold_of;
  for (const std::int32_t one : group)
    fold_of[one] = 0;
  std::vector<std::pair<std::uint32_t, std::int32_t>> order;
  for (const auto& [one, fold] : fold_of)
    order.emplace_back(
        random_call(seed, RandomStream::split, 0, 0, static_cast<std::uint64_t>(std::int64_t{one}))[0], one);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i)
    fold_of[order[i].second] = static_cast<int>(i % static_cast<std::size_t>(folds));
  std::vector<int> result;
  for (const std::int32_t one : group)
    result.push_back(fold_of[one]);
  return result;
}

}  // namespace bragg::apps
