#include "data/text_table.h"

#include <algorithm>

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

}  // namespace

void for_rows(std::string_view table, const std::string& source, const std::vector<std::string>& columns,
              const std::function<void(std::size_t line, std::span<const std::string_view> cells)>& take) {
  const auto next_line = [&] {
    const std::size_t end = table.find('\n');
    const std::string_view line = table.substr(0, end);
    table.remove_prefix(end == std::string_view::npos ? table.size() : end + 1);
    return line;
  };
  const std::vector<std::string_view> header = cells_of(next_line());
  std::vector<std::size_t> at;
  for (const std::string& column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end())
      throw UsageError(fmt::format("{}: no column '{}' in the first line, which has {}", source, column,
                                   fmt::join(header, ", ")));
    at.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  const std::size_t last = at.empty() ? 0 : *std::max_element(at.begin(), at.end());
  std::vector<std::string_view> chosen(columns.size());
  for (std::size_t number = 2; !table.empty(); ++number) {
    const std::vector<std::string_view> cells = cells_of(next_line());
    if (cells.size() == 1 && cells.front().empty()) continue;
    if (cells.size() <= last)
      throw UsageError(fmt::format("{}:{}: {} columns, the first line has {}", source, number, cells.size(),
                                   header.size()));
    std::transform(at.begin(), at.end(), chosen.begin(), [&](std::size_t i) { return cells[i]; });
    take(number, chosen);
  }
}

}  // namespace bragg::data
