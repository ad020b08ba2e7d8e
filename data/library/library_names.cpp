#include "data/library/library_names.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "data/held_out_keys.h"
#include "kernels/base/error.h"
#include "xrd/chemical_formula.h"

namespace bragg::data {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// What the library writes for a formula as chemists write it; empty, as no title is, for any other text.
std::string as_formula(const std::string& text) {
  try {
    return reduced_formula(xrd::composition_of_formula(text));
  } catch (const UsageError&) {
    return {};
  }
}

}  // namespace

LibraryNames::LibraryNames(const Library& library) {
  for (std::int64_t i = 0; i < library.size(); ++i) {
    const LibraryEntry entry = library.entry(i);
    for (const std::set<std::string> texts{lower(entry.title), lower(entry.formula), lower(entry.entry)};
         const std::string& text : texts)
      by_text_[text].push_back(i);
    if (entry.name.empty()) continue;
    for (const std::string& word : mineral_words(entry.name))
      by_word_[word].push_back(i);
    names_.push_back(entry.name);
  }
}

std::vector<std::int64_t> LibraryNames::find(const std::string& name) const {
  // Words lose their numbers: of SnO2 they would find SnO as well.
  if (const auto rows = by_text_.find(lower(as_formula(name))); rows != by_text_.end()) return rows->second;
  std::vector<std::int64_t> found;
  bool is_first = true;
  for (const std::string& word : mineral_words(name)) {
    const auto rows = by_word_.find(word);
    const std::vector<std::int64_t> own = rows == by_word_.end() ? std::vector<std::int64_t>{} : rows->second;
    std::vector<std::int64_t> both;
    std::set_intersection(found.begin(), found.end(), own.begin(), own.end(), std::back_inserter(both));
    found = is_first ? own : both;
    is_first = false;
  }
  if (const auto rows = by_text_.find(lower(name)); rows != by_text_.end()) {
    std::vector<std::int64_t> either;
    std::set_union(found.begin(), found.end(), rows->second.begin(), rows->second.end(),
                   std::back_inserter(either));
    found = std::move(either);
  }
  return found;
}

}  // namespace bragg::data
