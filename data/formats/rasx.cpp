#include "data/formats/rasx.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

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

/// Axes that are not coupled to 2 theta.
constexpr std::array held_axes{"omega", "chi", "phi", "x", "y", "z", "temperature"};
/// Positions of filters and monochromators that are none.
constexpr std::array no_optic{"", "none", "open", "nounit"};

bool looks_like_rasx(std::string_view bytes) {
  const auto names = zip_member_names(bytes);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return is_numbered(name, "Data", "Profile") || is_numbered(name, "Data", "MesurementConditions") ||
           is_numbered(name, "Data", "MeasurementConditions") || is_numbered(name, "Data", "Image");
  });
}

/// Rows of a profile; the third column of attenuation factors, where it is there.
std::vector<double> read_profile(std::string_view text, const std::string& name, Scan& scan) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<double> attenuation;
  const auto lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (trimmed(lines[i]).empty()) continue;
    const auto fail = [&](const std::string& reason) {
      throw Error(fmt::format("{}:{}: {} ({})", name, i + 1, reason, quoted_line(lines[i])));
    };
    const auto fields = split_fields(lines[i], Separator::blank);
    if (fields.size() != 2 && fields.size() != 3) fail(fmt::format("{} columns, not 2 or 3", fields.size()));
    std::array<double, 3> value{0, 0, 1};
    for (std::size_t k = 0; k < fields.size(); ++k) {
      const auto number = parse_number(fields[k], '.');
      if (!number || !std::isfinite(*number))
        fail(fmt::format("{} is not a finite number", quoted_line(fields[k])));
      value[k] = *number;
    }
    if (value[1] < 0) fail("a negative intensity");
    scan.x.push_back(value[0]);
    scan.intensity.push_back(value[1]);
    attenuation.push_back(value[2]);
  }
  return attenuation;
}

/// Of the profile as it is stored.
void read_unit(const std::string& unit, Scan& scan) {
  const std::string letters = letters_of(unit);
  if (letters == "counts")
    scan.unit = unit_of_counts(scan.intensity);
  else if (letters == "cps")
    scan.unit = IntensityUnit::counts_per_second;
  else if (!letters.empty())
    scan.warnings.push_back(fmt::format("intensities in {}", quoted_line(unit)));
}

/// Seconds a point: of a continuous scan, step over speed.
void read_counting_time(const XmlDocument& document, Xml information, Scan& scan) {
  const auto step = document.optional_number(child(information, "Step")),
             speed = document.optional_number(child(information, "Speed"));
  const std::string unit = letters_of(text_of(child(information, "SpeedUnit")));
  if (!speed || *speed <= 0) return;
  if (unit == "sec" || unit == "s" || unit == "second") scan.counting_time = *speed;
  if (step && *step > 0 && unit == "degmin") {
    scan.counting_time = *step / *speed * 60;
    scan.notes.push_back({"counting_time",
                          fmt::format("a step of {} degrees at {} degrees a minute", *step, *speed),
                          document.place(information)});
  }
}

void read_optics(Xml hardware, Xml axes, Scan& scan) {
  const auto append = [&](const std::string& optic) {
    if (holds(no_optic, letters_of(optic))) return;
    scan.monochromator += (scan.monochromator.empty() ? "" : ", ") + optic;
  };
  for (const Xml axis : children(axes, "Axis")) {
    const std::string name = attribute(axis, "Name");
    if (holds(held_axes, letters_of(name))) {
      if (const auto value = parse_number(attribute(axis, "Position"), '.'))
        scan.held.push_back({letters_of(name), *value});
    }
    if (name.find("Filter") != std::string::npos) append(attribute(axis, "Position"));
    if (name == "SelectionSlit") scan.geometry = attribute(axis, "Position");
    if ((name == "IS" || name == "DS") &&
        letters_of(attribute(axis, "Position")).find("variable") != std::string::npos)
      scan.slits = SlitMode::automatic;
  }
  for (const Xml category : children(child(hardware, "Categories"), "Category")) {
    if (attribute(category, "Name").find("Monochromator") != std::string::npos)
      append(attribute(category, "SelectedUnit"));
  }
}

/// Before the profile: what can be refused needs no numbers.
void read_scan_information(const XmlDocument& document, Scan& scan) {
  const Xml root = document.root(), information = child(root, "ScanInformation"),
            general = child(root, "GeneralInformation");
  scan.scan_axis = text_of(child(information, "AxisName"));
  if (scan.scan_axis.empty()) {
    scan.warnings.push_back("the file does not say what was moved; its positions are taken for 2 theta");
  } else if (!steps_two_theta(scan.scan_axis)) {
    scan.other_axis = other_axis_of(scan.scan_axis);
    if (!scan.other_axis)
      throw FormatRefused(fmt::format("a scan of {}, not of 2 theta", quoted_line(scan.scan_axis)));
  }
  const std::string unit = letters_of(text_of(child(information, "PositionUnit")));
  if (!unit.empty() && unit != (scan.other_axis ? scan.other_axis->unit : "deg"))
    document.fail(information, fmt::format("positions in {}", quoted_line(unit)));
  read_counting_time(document, information, scan);
  scan.date = text_of(child(information, "StartTime"));
  scan.sample = text_of(child(general, "SampleName"));
  scan.instrument = text_of(child(general, "SystemName"));
  const Xml hardware = child(root, "HWConfigurations"), generator = child(hardware, "XrayGenerator");
  StatedRadiation stated;
  stated.anode = text_of(child(generator, "TargetName"));
  stated.alpha1 = document.optional_number(child(generator, "WavelengthKalpha1"));
  stated.alpha2 = document.optional_number(child(generator, "WavelengthKalpha2"));
  stated.beta = document.optional_number(child(generator, "WavelengthKbeta"));
  stated.used = used_line(text_of(child(generator, "WaveType")));
  stated.from = document.place(generator);
  set_radiation(scan, stated);
  read_optics(hardware, child(root, "Axes"), scan);
}

Scan read_scan(const ZipArchive& archive, const FileBytes& file, const ZipMember& profile) {
  const std::string name = fmt::format("{}: {}", file.name, profile.name);
  Scan scan;
  // Data0/Profile0.txt and Data0/MesurementConditions0.xml.
  const std::size_t slash = profile.name.rfind('/') + 1;
  const std::string number = profile.name.substr(slash + 7, profile.name.size() - slash - 11);
  const ZipMember* conditions = nullptr;
  for (const char* stem : {"MesurementConditions", "MeasurementConditions"}) {
    if (!conditions) conditions = archive.find(profile.name.substr(0, slash) + stem + number + ".xml");
  }
  std::optional<double> due;
  std::string unit;
  if (conditions) {
    const std::string text = archive.read(*conditions);
    const XmlDocument document(text, fmt::format("{}: {}", file.name, conditions->name));
    read_scan_information(document, scan);
    unit = text_of(descend(document.root(), {"ScanInformation", "IntensityUnit"}));
    due = document.optional_number(descend(document.root(), {"ScanInformation", "DataCount"}));
  } else {
    scan.warnings.push_back(
        "no conditions of the measurement in the archive: wavelength and axis are not stated");
  }
  const auto attenuation = read_profile(archive.read(profile), name, scan);
  if (due && *due != static_cast<double>(scan.x.size()))
    throw Error(fmt::format("{}:1: {} rows, but <DataCount> is {}", name, scan.x.size(), *due));
  read_unit(unit, scan);
  if (scan.x.size() < 2) throw FormatRefused(fmt::format("{} points: no scan", scan.x.size()));
  try {
    check_scan(scan);
    apply_attenuation(scan, attenuation, "third column");
    if (scan.slits == SlitMode::automatic) convert_automatic_slits(scan, "variable slits", "<Axes>");
    note_unstated_slits(scan);
  } catch (const Error& error) {
    throw Error(fmt::format("{}:1: {}", name, error.what()));
  }
  return scan;
}

ReadScans read_rasx(const FileBytes& file) {
  const ZipArchive archive(file.bytes, file.name);
  const auto profiles = numbered_members(archive, "Profile", ".txt");
  if (profiles.empty())
    throw FormatRefused("an archive of Rigaku without a profile (images of a detector?); export the profile");
  RangeList scans("scan", "");
  for (const NumberedMember& profile : profiles) {
    const std::string& name = profile.member->name;
    try {
      scans.add(read_scan(archive, file, *profile.member), [&](const std::string& reason) {
        throw Error(fmt::format("{}: {}:1: {}", file.name, name, reason));
      });
    } catch (const FormatRefused& reason) {
      scans.leave_out(reason.what(), name);
    }
  }
  return std::move(scans).finish();
}

}  // namespace

const Format& rasx_format() {
  static const Format format{"Rigaku RASX", {".rasx"}, looks_like_rasx, read_rasx};
  return format;
}

}  // namespace bragg::data
