// Tables as text: columns separated by tabs, named in the first line.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

/// Calls `take` for every row below the header with its line's number, from 2 on, and its cells in `columns`, in their
/// order. Empty lines are none. Throws UsageError naming `source` for a column that the header lacks, with those that it
/// has, and for a row that ends before one of the columns, with its line.
void for_rows(std::string_view table, const std::string& source, const std::vector<std::string>& columns,
              const std::function<void(std::size_t line, std::span<const std::string_view> cells)>& take);

}  // namespace bragg::data
