#include "tests/data/search_fixture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/reflections.h"

namespace bragg::tests {

const std::vector<xrd::Crystal>& searched_crystals() {
  static const std::vector<xrd::Crystal> crystals = [] {
    std::vector<xrd::Crystal> list;
    const xrd::CifHandlers handlers{[&](xrd::Crystal&& crystal) { list.push_back(std::move(crystal)); },
                                    [](const xrd::CifError&) {}, [](const xrd::CifWarning&) {}};
    for (const char* name :
         {"albite",   "anatase",   "aragonite", "baddeleyite", "beryl",  "calcite",      "copper",
          "corundum", "diopside",  "dolomite",  "fluorite",    "gypsum", "halite",       "hematite",
          "kyanite",  "magnetite", "muscovite", "olivine",     "pyrite", "quartz_alpha", "rutile",
          "silicon",  "titanite",  "tremolite", "wurtzite",    "zircon"}) {
      const std::size_t before = list.size();
      xrd::read_cif(project_file(std::string("data/crystals/") + name + ".cif"), handlers);
      if (list.size() != before + 1) throw std::runtime_error(std::string("no crystal in ") + name);
      list.back().name = name;
    }
    return list;
  }();
  return crystals;
}

std::int32_t number_of(const std::string& block) {
  const std::vector<xrd::Crystal>& all = searched_crystals();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const xrd::Crystal& crystal) { return crystal.name == block; });
  if (found == all.end()) throw std::runtime_error("no crystal " + block);
  return static_cast<std::int32_t>(found - all.begin());
}

data::SearchLibrary library_of(const std::vector<xrd::Crystal>& crystals) {
  return {.crystals = data::crystals_of(crystals),
          .kind = std::vector(crystals.size(), data::StructureKind::experimental),
          .name = {},
          .content_hash = ""};
}

data::MeasuredPattern pattern_of(Backend& backend, xrd::Crystal crystal, double wavelength, double scale) {
  crystal.cell.a *= scale;
  crystal.cell.b *= scale;
  crystal.cell.c *= scale;
  constexpr double fwhm = 0.1;
  const auto peaks = xrd::peaks(backend, crystal, {.wavelength = wavelength, .range = {4, 91}});
  data::MeasuredPattern pattern;
  for (int i = 0; i < 4250; ++i) {
    const double x = 5 + 0.02 * i;
    double y = 20 - 0.02 * x;
    for (const xrd::Reflection& peak : peaks) {
      const double away = (x - peak.two_theta) / fwhm;
      if (std::abs(away) < 3) y += peak.intensity * std::exp2(-4 * away * away);
    }
    pattern.x.push_back(x);
    pattern.intensity.push_back(y);
  }
  return pattern;
}

data::MeasuredPattern part_of(const data::MeasuredPattern& pattern, double first, double end) {
  data::MeasuredPattern part{.abscissa = pattern.abscissa, .x = {}, .intensity = {}};
  for (std::size_t i = 0; i < pattern.x.size(); ++i) {
    if (pattern.x[i] < first || pattern.x[i] >= end) continue;
    part.x.push_back(pattern.x[i]);
    part.intensity.push_back(pattern.intensity[i]);
  }
  return part;
}

}  // namespace bragg::tests
