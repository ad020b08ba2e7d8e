// Which elements a sample may hold, and which structures that leaves.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "data/search/search_index.h"

namespace bragg::data {

/// A phase's elements are a subset of what the sample may hold and share none with what is excluded.
struct ElementFilter {
  std::optional<ElementSet> may_hold;  ///< none: any
  ElementSet excluded;
  ElementSet
      required;  ///< that the phases of an answer must hold together; says nothing of a single structure

  bool is_empty() const { return !may_hold && excluded.is_empty() && required.is_empty(); }
  bool passes(const ElementSet& phase) const {
    return (!may_hold || phase.is_subset_of(*may_hold)) && !phase.shares_any_with(excluded);
  }
  /// Whether phases of these elements together hold all that is required.
  bool is_satisfied_by(std::span<const ElementSet> phases) const;
};

/// `elements`: symbols between commas or blanks, "Si,O,Al,H", each at will with a "!" behind it: required. `exclude`:
/// symbols alone. Empty texts ask for nothing; D counts as H. Throws UsageError naming the flag and the word that is
/// no symbol, and an element that is both asked for and excluded.
ElementFilter parse_element_filter(std::string_view elements, std::string_view exclude);

/// 1 for each structure that passes, 0 for the others: what search() takes. Empty where the filter asks for nothing of a
/// single structure.
std::vector<std::uint8_t> allowed_structures(const SearchIndex&, const ElementFilter&);

}  // namespace bragg::data
