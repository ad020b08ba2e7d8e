#include "data/formats/xrdml_beam.h"

#include <fmt/format.h>

#include "data/formats/scan_corrections.h"
#include "data/formats/stated_radiation.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

std::optional<double> wavelength(const XmlDocument& document, Xml element) {
  const auto value = document.optional_number(element);
  if (!value) return std::nullopt;
  const std::string unit = letters_of(attribute(element, "unit"));
  if (unit == "nm") return *value * 10;
  if (unit == "pm") return *value * 0.01;
  if (!unit.empty() && unit != "angstrom" && unit != "a")
    document.fail(element, fmt::format("a wavelength in {}", quoted_line(attribute(element, "unit"))));
  return value;
}

void append(std::string& list, const std::string& item) {
  if (item.empty()) return;
  if (!list.empty()) list += ", ";
  list += item;
}

/// Filters and monochromators of both beam paths, as the file calls them. True where one in the incident beam leaves no
/// K alpha 2: a monochromator or a mirror that is joined with one.
bool read_optics(Xml measurement, std::string& names) {
  bool alpha2_removed = false;
  for (const char* path : {"incidentBeamPath", "diffractedBeamPath"}) {
    const Xml beam = child(measurement, path);
    for (const char* kind : {"filter", "monochromator", "xRayMirror"}) {
      for (const Xml optic : children(beam, kind)) {
        const bool is_mirror = std::string_view(kind) == "xRayMirror";
        const bool is_hybrid = attribute(optic, "hybrid") == "true" || attribute(optic, "hybrid") == "1";
        if (is_mirror && !is_hybrid) continue;
        const std::string name = attribute(optic, "name");
        append(names, name.empty() ? text_of(child(optic, "material")) : name);
        if (std::string_view(path) == "incidentBeamPath" && std::string_view(kind) != "filter")
          alpha2_removed = true;
      }
    }
  }
  return alpha2_removed;
}

}  // namespace

void read_xrdml_beam(const XmlDocument& document, Xml measurement, Scan& scan) {
  const Xml used = child(measurement, "usedWavelength");
  const std::string intended = attribute(used, "intended");
  StatedRadiation stated;
  stated.anode = text_of(descend(measurement, {"incidentBeamPath", "xRayTube", "anodeMaterial"}));
  scan.anode = anode_symbol(stated.anode);
  stated.alpha1 = wavelength(document, child(used, "kAlpha1"));
  stated.alpha2 = wavelength(document, child(used, "kAlpha2"));
  stated.ratio = document.optional_number(child(used, "ratioKAlpha2KAlpha1"));
  stated.alpha2_removed = read_optics(measurement, scan.monochromator);
  const std::string line = letters_of(intended);
  if (line == "kbeta" || line == "kalpha2") {
    stated.alpha1 = wavelength(document, child(used, line == "kbeta" ? "kBeta" : "kAlpha2"));
    stated.alpha2.reset();
    stated.ratio = 0;
    scan.notes.push_back({"wavelength",
                          fmt::format("the wavelength is that of {}, for which it was measured", intended),
                          document.place(used)});
  } else {
    scan.alpha2_ratio = stated.ratio;
  }
  scan.radiation = radiation_of(stated);
  if (used && !line.empty() && line.rfind("kalpha", 0) != 0 && line != "kbeta") {
    scan.warnings.push_back(fmt::format("the intended wavelength {} is not understood; K alpha 1 is taken",
                                        quoted_line(intended)));
  }
  if (stated.alpha2_removed && scan.radiation.alpha2) {
    scan.notes.push_back(
        {"wavelength",
         fmt::format("positions are those of K alpha 1: {} removes K alpha 2", scan.monochromator),
         document.place(child(measurement, "incidentBeamPath"))});
  }
  scan.geometry = attribute(measurement, "sampleMode");
}

void read_xrdml_slits(const XmlDocument& document, Xml measurement, Scan& scan) {
  const Xml slit = descend(measurement, {"incidentBeamPath", "divergenceSlit"});
  if (!slit) return;
  const std::string type = letters_of(attribute(slit, "type"));
  const Xml length = child(slit, "irradiatedLength");
  if (type.find("automatic") == std::string::npos && (!length || type.find("fixed") != std::string::npos)) {
    if (type.find("fixed") != std::string::npos || child(slit, "angle") || child(slit, "height"))
      scan.slits = SlitMode::fixed;
    else
      scan.warnings.push_back(
          fmt::format("the divergence slit {} may be fixed or automatic; it is taken for fixed",
                      quoted_line(attribute(slit, "name"))));
    return;
  }
  std::string which = "automatic slits";
  if (const auto mm = document.optional_number(length)) which += fmt::format(" of {:g} mm", *mm);
  convert_automatic_slits(scan, which, document.place(slit));
}

}  // namespace bragg::data
