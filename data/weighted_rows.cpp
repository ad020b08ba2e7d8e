#include "data/weighted_rows.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::data {

std::vector<std::int32_t> weighted_rows(const std::vector<std::int32_t>& rows,
                                        const std::vector<double>& weights) {
  if (rows.size() != weights.size())
    throw Error(fmt::format("weighted rows: {} weights for {} rows", weights.size(), rows.size()));
  const bool are_equal =
      std::adjacent_find(weights.begin(), weights.end(), std::not_equal_to<>()) == weights.end();
  if (are_equal && (weights.empty() || weights.front() > 0)) return rows;
  double total = 0;
  for (const double weight : weights) {
    if (!(weight >= 0 && std::isfinite(weight)))
      throw Error(fmt::format("weighted rows: weight {} is not a number >= 0", weight));
    total += weight;
  }
  if (!(total > 0)) throw Error("weighted rows: the weights add up to 0");
  constexpr std::size_t shortest = std::size_t{1} << 16, longest = std::size_t{1} << 24;
  const std::size_t length = std::clamp(16 * rows.size(), shortest, std::max(longest, rows.size()));
  std::vector<std::int32_t> list;
  list.reserve(length);
  double cumulative = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cumulative += weights[i] / total;
    const auto end = i + 1 == rows.size() ? length
                                          : std::min(length, static_cast<std::size_t>(std::llround(
                                                                 cumulative * static_cast<double>(length))));
    list.insert(list.end(), end > list.size() ? end - list.size() : 0, rows[i]);
  }
  return list;
}

}  // namespace bragg::data
