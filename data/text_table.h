// Tables as text: columns named in the first line, separated by tabs or, where it has none, by commas.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

struct TableColumns {
  std::vector<std::string> needed;
  std::vector<std::string> optional = {};  ///< their cells are empty where the table or the row lacks them
};

/// Calls `take` for every row below the header with its line's number, from 2 on, and its cells in `columns`, the needed
/// ones first, in their order. Cells between commas may stand in double quotes. Empty lines are none. Throws UsageError
/// naming `source` for a column that the header lacks, with those that it has, and for a row that ends before one of
/// the needed columns, with its line.
void for_rows(std::string_view table, const std::string& source, const TableColumns& columns,
              const std::function<void(std::size_t line, std::span<const std::string> cells)>& take);

}  // namespace bragg::data
