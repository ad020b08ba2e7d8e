#include "data/formats/numbered_members.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace bragg::data {
namespace {

std::optional<int> whole_number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

bool is_numbered(std::string_view name, std::string_view folder, std::string_view stem) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || !name.starts_with(folder) || slash <= folder.size()) return false;
  return whole_number(name.substr(folder.size(), slash - folder.size())) &&
         name.substr(slash + 1).starts_with(stem);
}

std::vector<NumberedMember> numbered_members(const ZipArchive& archive, std::string_view stem,
                                             std::string_view suffix) {
  std::vector<NumberedMember> found;
  for (const ZipMember& member : archive.members()) {
    const std::string_view name = member.name;
    const std::size_t slash = name.rfind('/');
    const std::string_view folder =
        slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
    std::string_view file = name.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!file.starts_with(stem) || !file.ends_with(suffix) || file.size() <= stem.size() + suffix.size())
      continue;
    file.remove_prefix(stem.size());
    file.remove_suffix(suffix.size());
    const auto number = whole_number(file);
    if (!number) continue;
    const std::size_t last_letter = folder.find_last_not_of("0123456789");
    const auto of_folder =
        whole_number(folder.substr(last_letter == std::string_view::npos ? 0 : last_letter + 1));
    found.push_back({&member, of_folder.value_or(0), *number});
  }
  std::stable_sort(found.begin(), found.end(), [](const NumberedMember& a, const NumberedMember& b) {
    return std::tie(a.folder, a.number) < std::tie(b.folder, b.number);
  });
  return found;
}

}  // namespace bragg::data
