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

/// Filters and monochromators of both beam paths, as the file calls them. Those in the incident beam that leave no K alpha
/// 2, a monochromator or a mirror that is joined with one, are the radiation's remover, too.
void read_optics(Xml measurement, Scan& scan, StatedRadiation& stated) {
  for (const char* path : {"incidentBeamPath", "diffractedBeamPath"}) {
    const Xml beam = child(measurement, path);
    for (const char* kind : {"filter", "monochromator", "xRayMirror"}) {
      for (const Xml optic : children(beam, kind)) {
        const bool is_mirror = std::string_view(kind) == "xRayMirror";
        const bool is_hybrid = attribute(optic, "hybrid") == "true" || attribute(optic, "hybrid") == "1";
        if (is_mirror && !is_hybrid) continue;
        std::string name = attribute(optic, "name");
        if (name.empty()) name = text_of(child(optic, "material"));
        append(scan.monochromator, name);
        if (std::string_view(path) == "incidentBeamPath" && std::string_view(kind) != "filter")
          append(stated.alpha2_remover, name.empty() ? "a monochromator" : name);
      }
    }
  }
}

}  // namespace

void read_xrdml_beam(const XmlDocument& document, Xml measurement, Scan& scan) {
  const Xml used = child(measurement, "usedWavelength");
  const std::string intended = attribute(used, "intended");
  StatedRadiation stated;
  stated.anode = text_of(descend(measurement, {"incidentBeamPath", "xRayTube", "anodeMaterial"}));
  stated.alpha1 = wavelength(document, child(used, "kAlpha1"));
  stated.alpha2 = wavelength(document, child(used, "kAlpha2"));
  stated.beta = wavelength(document, child(used, "kBeta"));
  stated.ratio = document.optional_number(child(used, "ratioKAlpha2KAlpha1"));
  stated.from = document.place(used ? used : measurement);
  read_optics(measurement, scan, stated);
  // "K-Alpha 1" is written for tubes with both lines, too: optics and ratio tell.
  const xrd::KLine line = used_line(intended);
  if (line == xrd::KLine::beta || line == xrd::KLine::alpha2) stated.used = line;
  set_radiation(scan, stated);
  if (!intended.empty() && line == xrd::KLine::unnamed) {
    scan.warnings.push_back(fmt::format("the intended wavelength {} is not understood; K alpha 1 is taken",
                                        quoted_line(intended)));
  }
  scan.geometry = attribute(measurement, "sampleMode");
}

void read_xrdml_slits(const XmlDocument& document, Xml slit, Scan& scan) {
  if (!slit) return note_unstated_slits(scan);
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
