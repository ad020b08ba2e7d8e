#include "kernels/cpu/unique_reflections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/unique_rows.h"

namespace bragg::cpu {
namespace {

constexpr IntegerPhases integer_phases = make_integer_phases();

// Appends what is left of a row. Rows count from `start`.
void append(const UniqueRow& row, int h, int k, const ReciprocalMetric& metric,
            const InverseDSquaredRange& range, int laue_order, std::size_t start, UniqueReflections& out) {
  const std::size_t first = out.miller.size();
  int bit = modulo_24(row.high());
  for (int l = row.high(); l >= row.low(); --l, bit = bit == 0 ? 23 : bit - 1) {
    if (!(row.allowed() >> bit & 1)) continue;
    const double q = inverse_d_squared(metric, h, k, l);
    if (!range.contains(q)) continue;
    const int multiplicity = row.multiplicity(l, laue_order);
    if (multiplicity == 0) continue;
    out.miller.push_back({static_cast<std::int16_t>(h), static_cast<std::int16_t>(k),
                          static_cast<std::int16_t>(l), static_cast<std::uint16_t>(multiplicity)});
    out.stol2.push_back(static_cast<float>(q / 4));
  }
  if (out.miller.size() == first) return;
  out.rows.push_back({static_cast<std::int16_t>(h), static_cast<std::int16_t>(k),
                      static_cast<std::int32_t>(first - start),
                      static_cast<std::int32_t>(out.miller.size() - first)});
}

int index(double x) {
  constexpr int limit = std::numeric_limits<std::int16_t>::max();
  if (!(std::abs(x) <= limit))
    throw ProblemError(fmt::format("[structure_factors] Miller index {} > {}", x, limit));
  return static_cast<int>(x);
}

}  // namespace

void list_unique_reflections(const ReciprocalMetric& g, std::span<const SymmetryOperator> operators,
                             const InverseDSquaredRange& range, UniqueReflections& out) {
  RotationGroup group = rotation_group(operators);
  const int laue_order = 2 * static_cast<int>(group.pairs.size());
  const std::size_t start = out.miller.size();
  // 1/d^2 as nested squares: its minimum over l is alpha k^2 + beta h k + gamma h^2, that over k and l delta
  // h^2.
  const double alpha = g[1] - g[3] * g[3] / (4 * g[2]);
  const double beta = g[5] - g[3] * g[4] / (2 * g[2]);
  const double gamma = g[0] - g[4] * g[4] / (4 * g[2]);
  const double delta = gamma - beta * beta / (4 * alpha);
  const double q = range.max * extent_slack;
  constexpr double margin = extent_margin;
  for (int h = index(std::sqrt(q / delta) + margin); h >= 0; --h) {
    const double k_middle = -beta * h / (2 * alpha);
    const double k_reach = std::sqrt(std::max(0.0, (q - delta * h * h) / alpha)) + margin;
    const int k_min = h == 0 ? 0 : index(std::ceil(k_middle - k_reach));
    for (int k = index(std::floor(k_middle + k_reach)); k >= k_min; --k) {
      const RowExtent extent = row_extent(g, q, h, k);
      const double l_reach = std::sqrt(std::max(0.0, extent.reach_squared)) + margin;
      UniqueRow row(h, k, index(std::ceil(extent.middle - l_reach)),
                    index(std::floor(extent.middle + l_reach)));
      bool left = true;
      for (const Translation& centring : group.centrings)
        left = left && row.apply(centring, integer_phases);
      for (std::size_t i = 0; left && i < group.pairs.size(); ++i) {
        left = row.apply(group.pairs[i], integer_phases);
        // What rules out this row will probably rule out the next one too.
        if (!left) std::swap(group.pairs[i], group.pairs.front());
      }
      if (left) append(row, h, k, g, range, laue_order, start, out);
    }
  }
}

}  // namespace bragg::cpu
