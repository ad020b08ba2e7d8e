// Any bytes as a CIF: crystals that can be drawn, or refusals; nothing else.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "xrd/cif/cif.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bragg::xrd;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto check = [&](Crystal&& crystal) {
    require(crystal.cell.is_possible() && !crystal.group.operators.empty());
    require(crystal.group.number >= 1 && crystal.group.number <= 230);
    for (const Site& site : crystal.sites) {
      require(std::isfinite(site.position.x + site.position.y + site.position.z + site.u_iso));
      require(site.occupancy >= 0 && site.occupancy <= 1 && site.multiplicity >= 1);
    }
    require(std::isfinite(crystal.density()));
  };
  read_cif_text({reinterpret_cast<const char*>(data), size}, "fuzz.cif",
                {.crystal = check, .rejected = [](const CifError&) {}, .warning = [](const CifWarning&) {}});
  return 0;
}
