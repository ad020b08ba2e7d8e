#include "data/crystals/block_filter.h"

#include <algorithm>
#include <cctype>

#include "data/text_table.h"

namespace bragg::data {
namespace {

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

void BlockFilter::leave_out(std::string_view table, const std::string& source) {
  for_rows(table, source, {{"block"}}, [&](std::size_t, auto cells) { left_out_.emplace(cells[0]); });
}

void BlockFilter::require(std::string_view table, const std::string& source, const std::string& column) {
  for_rows(table, source, {{"block", column}}, [&](std::size_t, auto cells) {
    if (std::all_of(cells[1].begin(), cells[1].end(), is_blank)) left_out_.emplace(cells[0]);
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
