#include "xrd/symmetry/space_groups.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

constexpr std::array<std::pair<int, int>, 11> enantiomorphic_pairs{{{76, 78},
                                                                    {91, 95},
                                                                    {92, 96},
                                                                    {144, 145},
                                                                    {151, 153},
                                                                    {152, 154},
                                                                    {169, 170},
                                                                    {171, 172},
                                                                    {178, 179},
                                                                    {180, 181},
                                                                    {212, 213}}};

void check_number(int space_group) {
  if (space_group < 1 || space_group > space_group_count)
    throw Error(fmt::format("space group {} is not within 1..{}", space_group, space_group_count));
}

std::vector<std::string> make_short_names() {
  std::vector<std::string> names;
  for (int number = 1; number <= space_group_count; ++number) {
    std::string name = reference_setting(number).hm;
    if (crystal_system(number) == CrystalSystem::monoclinic) {  // "P 1 21/c 1" -> "P 21/c"
      name.erase(2, 2);
      name.erase(name.size() - 2);
    }
    std::erase(name, ' ');
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string_view name_of(CrystalSystem system) {
  constexpr std::array<std::string_view, crystal_system_count> names{
      "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"};
  return names.at(static_cast<std::size_t>(system));
}

CrystalSystem crystal_system(int space_group) {
  check_number(space_group);
  constexpr std::array<int, crystal_system_count> last{2, 15, 74, 142, 167, 194, 230};
  const auto at = std::lower_bound(last.begin(), last.end(), space_group);
  return static_cast<CrystalSystem>(at - last.begin());
}

std::string_view hm_short(int space_group) {
  check_number(space_group);
  static const std::vector<std::string> names = make_short_names();
  return names[static_cast<std::size_t>(space_group) - 1];
}

std::optional<int> enantiomorph(int space_group) {
  check_number(space_group);
  for (const auto& [low, high] : enantiomorphic_pairs) {
    if (space_group == low) return high;
    if (space_group == high) return low;
  }
  return std::nullopt;
}

int modulo_enantiomorph(int space_group) {
  const std::optional<int> other = enantiomorph(space_group);
  return other ? std::min(*other, space_group) : space_group;
}

}  // namespace bragg::xrd
