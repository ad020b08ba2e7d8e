// What a product leaves of its result beside the result: sums over rows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bragg::cuda {

/// Of every column, for each of several sets of rows that together are all, the sum of its numbers as they are stored and the
/// sum of their squares, or of their products with other numbers.
struct ColumnSums {
  float* pairs = nullptr;  ///< (sets, columns, 2)
  std::int64_t sets = 0, columns = 0;

  std::size_t bytes() const { return 2 * sizeof(float) * static_cast<std::size_t>(sets * columns); }
};

/// Sets of a product of so many flat rows (flat_view.h), at most: a warp's share of a tile of 128 rows is one.
constexpr std::int64_t most_column_sets(std::int64_t rows) {
  return (rows + 127) / 128 * 8;
}

}  // namespace bragg::cuda
