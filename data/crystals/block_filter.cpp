#include "data/crystals/block_filter.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// The cells of a line; a carriage return at its end is none.
std::vector<std::string_view> cells_of(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t tab = line.find('\t');
    cells.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

/// Calls `take` with the block of each row and what it has in `column`; an empty column asks for none.
void for_rows(std::string_view rest, const std::string& source, const std::string& column,
              const std::function<void(std::string_view block, std::string_view cell)>& take) {
  const auto next_line = [&] {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  const std::vector<std::string_view> header = cells_of(next_line());
  const auto find = [&](std::string_view name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) {
      throw UsageError(fmt::format("{}: no column '{}' in the first line, which has {}", source, name,
                                   fmt::join(header, ", ")));
    }
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t block = find("block"), cell = column.empty() ? block : find(column);
  for (std::size_t number = 2; !rest.empty(); ++number) {
    const std::vector<std::string_view> cells = cells_of(next_line());
    if (cells.size() == 1 && cells.front().empty()) continue;
    if (cells.size() <= std::max(block, cell)) {
      throw UsageError(fmt::format("{}:{}: {} columns, the first line has {}", source, number, cells.size(),
                                   header.size()));
    }
    take(cells[block], cells[cell]);
  }
}

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

void BlockFilter::leave_out(std::string_view table, const std::string& source) {
  for_rows(table, source, "", [&](std::string_view block, std::string_view) { left_out_.emplace(block); });
}

void BlockFilter::require(std::string_view table, const std::string& source, const std::string& column) {
  for_rows(table, source, column, [&](std::string_view block, std::string_view cell) {
    if (std::all_of(cell.begin(), cell.end(), is_blank)) left_out_.emplace(block);
  });
}

std::string_view block_name(std::string_view block) {
  constexpr std::string_view word = "data_";
  const auto is_word = [&](std::string_view text) {
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
  };
  while (!block.empty()) {
    if (is_word(block)) {
      block.remove_prefix(word.size());
      const auto end = std::find_if(block.begin(), block.end(), is_blank);
      return block.substr(0, static_cast<std::size_t>(end - block.begin()));
    }
    const std::size_t line = block.find('\n');
    if (line == std::string_view::npos) break;
    block.remove_prefix(line + 1);
  }
  return {};
}

}  // namespace bragg::data
