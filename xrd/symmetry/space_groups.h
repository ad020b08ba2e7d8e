// The 230 space groups as classes: names, crystal systems, and the pairs that powder patterns cannot tell
// apart.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace bragg::xrd {

inline constexpr int space_group_count = 230;
inline constexpr int crystal_system_count = 7;

/// A value for each of the space groups, by number: 1..230, anything else throws std::out_of_range.
template <typename T>
class BySpaceGroup {
 public:
  T& operator[](int number) { return values_.at(static_cast<std::size_t>(number) - 1); }
  const T& operator[](int number) const { return values_.at(static_cast<std::size_t>(number) - 1); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::array<T, space_group_count> values_{};
};

enum class CrystalSystem { triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal, cubic };

std::string_view name_of(CrystalSystem);
CrystalSystem crystal_system(int space_group);  ///< 1..230
/// Short Hermann-Mauguin name of the standard setting: "Fm-3m", "P2_1/c" is written "P21/c".
std::string_view hm_short(int space_group);
/// The other half of the enantiomorphic pair (76/78, 91/95, ...), if any.
std::optional<int> enantiomorph(int space_group);
/// The lower number of the pair, or the group itself: equal for two groups that cannot be told apart.
int modulo_enantiomorph(int space_group);

}  // namespace bragg::xrd
