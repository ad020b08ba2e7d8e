// Structures that are held out for good: from every training, in every set, now and later. A list of keys,
// not of entries; which side a crystal is on follows from the list and the crystal alone.
//
// A text of lines, UTF-8; "#" begins a comment. Columns are separated by tabs:
//   name       words of a mineral's name             see mineral_words
//   structure  space group  composition  A^3 an atom   see StructureKey
//   type       structure type                        see xrd::StructureTypes
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/held_out_keys.h"
#include "xrd/symmetry/structure_type.h"

namespace bragg::data {

/// By which of its rules a list holds a crystal out: the first that does.
enum class HeldOutRule { none, name, structure, type };
inline constexpr std::array held_out_rules{HeldOutRule::name, HeldOutRule::structure, HeldOutRule::type};
std::string_view name_of(HeldOutRule);

struct HeldOutList {
  std::vector<std::vector<std::string>> names;
  std::vector<StructureKey> structures;
  std::set<std::string> types;

  bool operator==(const HeldOutList&) const = default;
};

/// The list as text; `comment`: its first lines, each gets its "#".
std::string to_text(const HeldOutList&, std::string_view comment);
/// Throws UsageError naming `source` and the line that is none of a list.
HeldOutList parse_held_out_list(std::string_view text, const std::string& source);
/// Throws Error where the file cannot be read.
HeldOutList load_held_out_list(const std::filesystem::path&);

/// Asks a list about crystals, one after the other: for one thread.
class HeldOutRules {
 public:
  explicit HeldOutRules(HeldOutList);
  HeldOutRule rule_of(const xrd::Crystal&);

 private:
  HeldOutList list_;
  std::map<int, std::vector<StructureKey>> structures_;  ///< by space group
  xrd::StructureTypes types_;
};

struct HeldOutShares {
  double minerals = 0.05;  ///< of the names of minerals, and of the structures without one
  double types = 0.02;     ///< of the other crystals, by whole structure types
  std::uint32_t seed = 1;
};

/// Draws a list by data::split_position of names, of composition and space group for minerals without a name,
/// and of structure types; those with the lowest ones are held out.
///   - Minerals: the share of the distinct names, and of what has none. Every entry of such a mineral gives a
///     structure, so that other sets' entries of it are held out, too.
///   - Types: of the other crystals that neither of these rules holds out, until their share is reached;
///     types that any mineral has are left out, so that a held-out type is a new one to whoever learns from
///     the minerals.
/// Crystals are called for in order. Throws UsageError for a share that is not in 0..1 or a list that would
/// hold out nothing.
HeldOutList make_held_out_list(const CrystalSource& minerals, const CrystalSource& others,
                               const HeldOutShares&);

}  // namespace bragg::data
