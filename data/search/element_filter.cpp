#include "data/search/element_filter.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/scattering/species.h"

namespace bragg::data {
namespace {

constexpr int heaviest = 98;  // xrd::Species

struct WrittenElement {
  int atomic_number;
  bool is_required;
};

/// `word`: a symbol, with "!" behind it where that may be.
WrittenElement parse_element(const char* flag, std::string_view word, bool may_be_required) {
  const bool is_required = may_be_required && word.ends_with('!');
  const auto species = xrd::parse_species(is_required ? word.substr(0, word.size() - 1) : word);
  if (!species || species->charge != 0)
    throw UsageError(fmt::format("{}: '{}' is no symbol of an element", flag, word));
  return {species->atomic_number, is_required};
}

std::vector<WrittenElement> parse_list(const char* flag, std::string_view text, bool may_be_required) {
  std::vector<WrittenElement> list;
  constexpr std::string_view between = ", \t";
  for (std::size_t at = text.find_first_not_of(between); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(between, at), text.size());
    list.push_back(parse_element(flag, text.substr(at, end - at), may_be_required));
    at = text.find_first_not_of(between, end);
  }
  if (list.empty() && !text.empty()) throw UsageError(fmt::format("{}: '{}' names no element", flag, text));
  return list;
}

}  // namespace

bool ElementFilter::is_satisfied_by(std::span<const ElementSet> phases) const {
  ElementSet all;
  for (const ElementSet& phase : phases)
    all = all.united(phase);
  return required.is_subset_of(all);
}

ElementFilter parse_element_filter(std::string_view elements, std::string_view exclude) {
  ElementFilter filter;
  for (const WrittenElement& element : parse_list("--elements", elements, true)) {
    if (!filter.may_hold) filter.may_hold.emplace();
    filter.may_hold->add(element.atomic_number);
    if (element.is_required) filter.required.add(element.atomic_number);
  }
  for (const WrittenElement& element : parse_list("--exclude", exclude, false))
    filter.excluded.add(element.atomic_number);
  for (int z = 1; filter.may_hold && z <= heaviest; ++z) {
    if (filter.may_hold->has(z) && filter.excluded.has(z))
      throw UsageError(fmt::format("--elements and --exclude both name {}", xrd::element_symbol(z)));
  }
  return filter;
}

std::vector<std::uint8_t> allowed_structures(const SearchIndex& index, const ElementFilter& filter) {
  if (!filter.may_hold && filter.excluded.is_empty()) return {};
  std::vector<std::uint8_t> allowed(static_cast<std::size_t>(index.size()));
  for (std::int64_t i = 0; i < index.size(); ++i)
    allowed[static_cast<std::size_t>(i)] = filter.passes(index.elements(i)) ? 1 : 0;
  return allowed;
}

}  // namespace bragg::data
