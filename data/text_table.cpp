#include "data/text_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// The cells of a line; a carriage return at its end is none.
std::vector<std::string> cells_of(std::string_view line, char separator) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string> cells{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"' && separator == ',') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

void for_rows(std::string_view table, const std::string& source, const TableColumns& columns,
              const std::function<void(std::size_t line, std::span<const std::string> cells)>& take) {
  const auto next_line = [&] {
    const std::size_t end = table.find('\n');
    const std::string_view line = table.substr(0, end);
    table.remove_prefix(end == std::string_view::npos ? table.size() : end + 1);
    return line;
  };
  if (table.starts_with("\xEF\xBB\xBF")) table.remove_prefix(3);
  const std::string_view first = next_line();
  const bool has_tabs = first.find('\t') != std::string_view::npos;
  const char separator = !has_tabs && first.find(',') != std::string_view::npos ? ',' : '\t';
  const std::vector<std::string> header = cells_of(first, separator);
  const auto place = [&](const std::string& column) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), column) - header.begin());
  };
  std::vector<std::size_t> at;
  for (const std::string& column : columns.needed) {
    at.push_back(place(column));
    if (at.back() == header.size())
      throw UsageError(fmt::format("{}: no column '{}' in the first line, which has {}", source, column,
                                   fmt::join(header, ", ")));
  }
  const std::size_t last = at.empty() ? 0 : *std::max_element(at.begin(), at.end());
  for (const std::string& column : columns.optional)
    at.push_back(place(column));
  std::vector<std::string> chosen(at.size());
  for (std::size_t number = 2; !table.empty(); ++number) {
    const std::vector<std::string> cells = cells_of(next_line(), separator);
    if (cells.size() == 1 && cells.front().empty()) continue;
    if (cells.size() <= last)
      throw UsageError(fmt::format("{}:{}: {} columns, the first line has {}", source, number, cells.size(),
                                   header.size()));
    std::transform(at.begin(), at.end(), chosen.begin(),
                   [&](std::size_t i) { return i < cells.size() ? cells[i] : std::string(); });
    take(number, chosen);
  }
}

}  // namespace bragg::data
