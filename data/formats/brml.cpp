#include "data/formats/brml.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/brml_route.h"
#include "data/formats/numbered_members.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "data/formats/text_rows.h"
#include "data/formats/xml_document.h"
#include "data/formats/zip_archive.h"

namespace bragg::data {
namespace {

bool looks_like_brml(std::string_view bytes) {
  const auto names = zip_member_names(bytes);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "experimentCollection.xml" || is_numbered(name, "Experiment", "");
  });
}

std::optional<double> length_in_angstrom(const XmlDocument& document, Xml element) {
  if (!element) return std::nullopt;
  const std::string text = attribute(element, "Value");
  if (text.empty()) return std::nullopt;
  const double value = document.numbers(element, text).at(0);
  return letters_of(attribute(element, "Unit")) == "nm" ? value * 10 : value;
}

/// What all routes of a document share; looked up once, since it may hold thousands of them.
struct Surroundings {
  Scan facts;                                   ///< no points
  std::string automatic_slits, place_of_slits;  ///< empty: fixed ones, or none are named
};

bool is_automatic(Xml slit) {
  const std::string mode = letters_of(attribute(slit, "Mode"));
  return mode.find("illuminat") != std::string::npos || mode.find("samplelength") != std::string::npos;
}

/// Filters, monochromators and slits of a beam's optics.
void read_optics(const XmlDocument& document, Xml instrument, StatedRadiation& stated, Surroundings& around) {
  Scan& scan = around.facts;
  for (const char* side : {"PrimaryTracks", "SecondaryTracks"}) {
    const bool is_primary = std::string_view(side) == "PrimaryTracks";
    for (const Xml mounted : all_below(child(instrument, side), "MountedOptics")) {
      for (const Xml optic : children(mounted, "InfoData")) {
        const std::string what = letters_of(attribute(child(optic, "BeringInfo"), "ClassPath")) +
                                 letters_of(attribute(optic, "type"));
        const bool is_monochromator =
            what.find("channelcut") != std::string::npos || what.find("monochromator") != std::string::npos;
        const std::string name = attribute(optic, "LogicName");
        if (is_monochromator || what.find("filter") != std::string::npos)
          scan.monochromator += (scan.monochromator.empty() ? "" : ", ") + name;
        if (is_primary && is_monochromator) stated.alpha2_remover = name.empty() ? "a monochromator" : name;
        if (!is_primary || what.find("slit") == std::string::npos) continue;
        if (!is_automatic(optic)) {
          if (scan.slits == SlitMode::unknown) scan.slits = SlitMode::fixed;
          continue;
        }
        around.automatic_slits = fmt::format("automatic slits ({})", quoted_line(attribute(optic, "Mode")));
        around.place_of_slits = document.place(optic);
      }
    }
  }
}

/// Drives that stood still.
void read_held(Xml fixed, Scan& scan) {
  for (const Xml drive : children(child(fixed, "Drives"), "InfoData")) {
    const auto value = parse_number(attribute(child(drive, "Position"), "Value"), '.');
    if (value && std::isfinite(*value))
      scan.held.push_back({letters_of(attribute(drive, "LogicName")), *value});
  }
}

/// What the document says beside its routes.
Surroundings read_surroundings(const XmlDocument& document) {
  Surroundings around;
  Scan& scan = around.facts;
  const Xml root = document.root(), fixed = child(root, "FixedInformation");
  const Xml instrument = child(fixed, "Instrument");
  Xml tube;
  for (const Xml found : all_below(fixed, "Tube")) {
    if (child(found, "WaveLengthAlpha1")) {
      tube = found;
      break;
    }
  }
  StatedRadiation stated;
  stated.anode = text_of(child(tube, "TubeMaterial"));
  stated.alpha1 = length_in_angstrom(document, child(tube, "WaveLengthAlpha1"));
  stated.alpha2 = length_in_angstrom(document, child(tube, "WaveLengthAlpha2"));
  stated.ratio = length_in_angstrom(document, child(tube, "WaveLengthRatio"));
  read_optics(document, instrument, stated, around);
  read_held(fixed, scan);
  stated.from = document.place(tube ? tube : fixed);
  set_radiation(scan, stated);
  scan.geometry = text_of(child(instrument, "GoniometerType"));
  scan.date = text_of(child(root, "TimeStampStarted"));
  for (const Xml item : all_below(fixed, "InfoItem")) {
    if (attribute(item, "Name") == "SampleName") scan.sample = attribute(item, "Value");
  }
  const std::string status = text_of(child(root, "MeasurementStatus"));
  if (!status.empty() && letters_of(status) != "measured" && letters_of(status) != "finished")
    scan.warnings.push_back(fmt::format("the measurement's status is {}", quoted_line(status)));
  make_texts_plain(scan);
  return around;
}

Scan read_scan(const XmlDocument& document, Xml route, const Surroundings& around) {
  Scan scan = around.facts;
  read_brml_route(document, route, scan);
  try {
    if (around.automatic_slits.empty())
      note_unstated_slits(scan);
    else
      convert_automatic_slits(scan, around.automatic_slits, around.place_of_slits);
  } catch (const Error& error) {
    document.fail(route, error.what());
  }
  return scan;
}

/// The routes that were measured; all of them where none says so.
std::vector<Xml> measured_routes(const XmlDocument& document) {
  std::vector<Xml> routes = children(child(document.root(), "DataRoutes"), "DataRoute"), measured;
  std::copy_if(routes.begin(), routes.end(), std::back_inserter(measured),
               [](Xml route) { return letters_of(attribute(route, "RouteFlag")) == "measured"; });
  return measured.empty() ? routes : measured;
}

/// The instrument's name and number, of the folder's DataContainer.xml; and that no data are missing.
std::string check_container(const ZipArchive& archive, const FileBytes& file, const std::string& folder) {
  const ZipMember* member = archive.find(folder + "DataContainer.xml");
  if (!member) return {};
  const std::string text = archive.read(*member);
  const XmlDocument document(text, fmt::format("{}: {}", file.name, member->name));
  for (const Xml reference : children(child(document.root(), "RawDataReferenceList"), "string")) {
    std::string name = text_of(reference);
    std::replace(name.begin(), name.end(), '\\', '/');
    if (!archive.find(name))
      document.fail(reference, fmt::format("{} is not in the archive", quoted_line(name)));
  }
  const Xml description = first_below(document.root(), "InstrumentDescription");
  const std::string name = text_of(child(description, "InstrumentName")),
                    number = text_of(child(description, "SerialNo"));
  return number.empty() ? name : fmt::format("{} ({})", name, number);
}

ReadScans read_brml(const FileBytes& file) {
  const ZipArchive archive(file.bytes, file.name);
  const auto members = numbered_members(archive, "RawData", ".xml");
  if (members.empty())
    throw FormatRefused("an archive of Bruker without RawData0.xml: nothing was measured yet");
  RangeList scans("scan", "");
  std::string folder, instrument;
  for (const NumberedMember& entry : members) {
    const ZipMember& member = *entry.member;
    const std::string its_folder = member.name.substr(0, member.name.rfind('/') + 1);
    if (scans.count() == 0 || its_folder != folder) instrument = check_container(archive, file, its_folder);
    folder = its_folder;
    const std::string text = archive.read(member);
    const XmlDocument document(text, fmt::format("{}: {}", file.name, member.name));
    const auto routes = measured_routes(document);
    if (routes.empty()) document.fail(document.root(), "no <DataRoute>");
    Surroundings around = read_surroundings(document);
    around.facts.instrument = instrument;
    for (const Xml route : routes) {
      try {
        Scan scan = read_scan(document, route, around);
        scans.add(std::move(scan), [&](const std::string& reason) { document.fail(route, reason); });
      } catch (const FormatRefused& reason) {
        scans.leave_out(reason.what(), fmt::format("{}, {}", member.name, document.place(route)));
      }
    }
  }
  return std::move(scans).finish();
}

}  // namespace

const Format& brml_format() {
  static const Format format{"Bruker BRML", {".brml"}, looks_like_brml, read_brml};
  return format;
}

}  // namespace bragg::data
