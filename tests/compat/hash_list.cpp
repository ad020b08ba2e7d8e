#include "tests/compat/hash_list.h"

#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

using Key = std::pair<std::string, std::string>;

std::map<Key, std::string> read_list() {
  std::map<Key, std::string> list;
  std::ifstream file(project_file("tests/compat/hashes.tsv"));
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream row(line);
    std::string what, arithmetic, written_by, hash;
    std::getline(row, what, '\t');
    std::getline(row, arithmetic, '\t');
    std::getline(row, written_by, '\t');
    std::getline(row, hash);
    const bool is_new = list.emplace(Key{what, arithmetic}, hash).second;
    if (!is_new || hash.size() != 16) ADD_FAILURE() << "hashes.tsv: " << line;
  }
  return list;
}

}  // namespace

bool is_compiled_as_the_list() {
  return std::string(BRAGG_COMPILED_BY) == "GNU 12 Release";
}

std::optional<std::string> listed_hash(const std::string& what, const std::string& arithmetic) {
  static const auto list = read_list();
  const auto found = list.find({what, arithmetic});
  return found == list.end() ? std::nullopt : std::optional(found->second);
}

::testing::AssertionResult is_listed(const std::string& what, const std::string& arithmetic,
                                     const std::string& hash) {
  const auto listed = listed_hash(what, arithmetic);
  if (listed == hash) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the list has " << listed.value_or("none") << ", computed was:\n"
                                       << what << '\t' << arithmetic << "\t?\t" << hash;
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace bragg::tests
