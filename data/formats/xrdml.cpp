#include "data/formats/xrdml.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "data/formats/range_list.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/xml_document.h"
#include "data/formats/xrdml_beam.h"
#include "data/formats/xrdml_short_form.h"

namespace bragg::data {
namespace {

/// Axes that make a mesh of scans where they step from scan to scan.
constexpr std::array mesh_axes{"2theta", "omega", "phi", "chi", "psi", "x", "y", "z"};

bool looks_like_xrdml(std::string_view bytes) {
  std::string begin(bytes.substr(0, 8192));
  std::erase(begin, '\0');  // UTF-16
  const std::size_t first = begin.find('<');
  return first <= 16 && begin.find("xrdMeasurements") != std::string::npos;
}

/// " (there are those of Omega, Phi)"
std::string axes_there(Xml points) {
  std::string axes;
  for (const Xml positions : children(points, "positions"))
    axes += (axes.empty() ? "" : ", ") + attribute(positions, "axis");
  return axes.empty() ? "" : fmt::format(" (there are those of {})", quoted_line(axes));
}

/// Positions of n points: listed, or first and last.
void read_positions(const XmlDocument& document, Xml points, std::size_t n, Scan& scan) {
  const std::string axis = scan.other_axis ? letters_of(scan.scan_axis) : "2theta",
                    name = scan.other_axis ? scan.other_axis->name : "2 theta",
                    due = scan.other_axis ? scan.other_axis->unit : "deg";
  Xml found;
  for (const Xml positions : children(points, "positions")) {
    if (letters_of(attribute(positions, "axis")) != axis) continue;
    if (found) document.fail(positions, fmt::format("{} is stated twice", name));
    found = positions;
  }
  if (!found) throw FormatRefused(fmt::format("no positions of {}{}", name, axes_there(points)));
  const std::string unit = letters_of(attribute(found, "unit"));
  if (!unit.empty() && unit != due)
    document.fail(found,
                  fmt::format("{} in {}, not in {}", name, quoted_line(attribute(found, "unit")), due));
  if (const Xml list = child(found, "listPositions")) {
    scan.x = document.numbers(list);
    if (scan.x.size() != n)
      document.fail(list, fmt::format("{} positions of {} for {} intensities", scan.x.size(), name, n));
    return;
  }
  const Xml start = child(found, "startPosition"), end = child(found, "endPosition");
  if (!start || !end) throw FormatRefused(fmt::format("{} stands still: no scan of it", name));
  const double first = document.number(start), last = document.number(end);
  if (first == last) throw FormatRefused(fmt::format("{} stands still at {}: no scan of it", name, first));
  scan.x.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    scan.x[i] =
        i + 1 == n ? last : first + (last - first) * static_cast<double>(i) / static_cast<double>(n - 1);
}

/// The one element of that name. Null: none.
Xml only_child(const XmlDocument& document, Xml parent, const char* name) {
  const auto all = children(parent, name);
  if (all.size() > 1) document.fail(all[1], fmt::format("<{}> stands {} times", name, all.size()));
  return all.empty() ? Xml() : all[0];
}

/// `list` of n values, or `common` for all of them; empty where neither is there.
std::vector<double> values_of_points(const XmlDocument& document, Xml points, const char* list,
                                     const char* common, std::size_t n) {
  if (const Xml listed = only_child(document, points, list)) return document.numbers(listed);
  if (const Xml one = only_child(document, points, common))
    return std::vector<double>(n, document.number(one));
  return {};
}

/// Schema 1.x: <intensities>, "counts multiplied by the corresponding beam attenuation factor". Schema 2.x: <counts>, "not
/// yet corrected for beam attenuator or divergence factors"; files of either version hold either element.
void read_intensities(const XmlDocument& document, Xml points, Scan& scan) {
  const Xml counts = only_child(document, points, "counts"),
            scaled = only_child(document, points, "intensities");
  if (counts && scaled) document.fail(counts, "both <counts> and <intensities>");
  const Xml values = counts ? counts : scaled;
  if (!values) document.fail(points, "neither <counts> nor <intensities>");
  scan.intensity = document.numbers(values);
  const std::string unit = letters_of(attribute(values, "unit"));
  if (unit == "counts" || (unit.empty() && counts))
    scan.unit = IntensityUnit::counts;
  else if (unit == "cps" || unit == "countspersecond")
    scan.unit = IntensityUnit::counts_per_second;
  else if (!unit.empty())
    scan.warnings.push_back(fmt::format("intensities in {}", quoted_line(attribute(values, "unit"))));
  if (scan.unit == IntensityUnit::counts) {
    const auto negative =
        std::find_if(scan.intensity.begin(), scan.intensity.end(), [](double v) { return v < 0; });
    if (negative != scan.intensity.end()) {
      document.fail(values,
                    fmt::format("{} counts at point {}", *negative, negative - scan.intensity.begin() + 1));
    }
  }
}

void correct(const XmlDocument& document, Xml points, Scan& scan) {
  const std::size_t n = scan.intensity.size();
  const auto factors =
      values_of_points(document, points, "beamAttenuationFactors", "commonBeamAttenuationFactor", n);
  if (!factors.empty()) {
    if (child(points, "counts"))
      apply_attenuation(scan, factors, "<beamAttenuationFactors>");
    else
      note_attenuation(scan, factors, "<beamAttenuationFactors>");
  }
  const auto divergence =
      values_of_points(document, points, "divergenceCorrections", "commonDivergenceCorrection", n);
  if (std::adjacent_find(divergence.begin(), divergence.end(), std::not_equal_to<>()) != divergence.end()) {
    throw FormatRefused(
        "<divergenceCorrections> vary from point to point, and the schema does not say how they are applied; "
        "export the "
        "scan with fixed slits");
  }
  const auto times = values_of_points(document, points, "countingTimes", "commonCountingTime", n);
  if (!times.empty()) apply_counting_times(scan, times, "<countingTimes>");
}

/// The diffractometer, as a comment of the file names it.
std::string system_of(Xml root) {
  std::string system;
  constexpr std::string_view key = "Diffractometer system=";
  for (const Xml comment : children(root, "comment")) {
    for (const Xml entry : children(comment, "entry")) {
      const std::string text = text_of(entry);
      const std::size_t at = text.find(key);
      if (at == std::string::npos) continue;
      system = text.substr(at + key.size());
      system = system.substr(0, system.find_first_of(",;"));
    }
  }
  return system;
}

std::string instrument_of(const std::string& system, Xml scan) {
  std::string instrument = system;
  const Xml source = descend(scan, {"header", "source"});
  if (instrument.empty()) instrument = text_of(child(source, "instrumentControlSoftware"));
  const std::string id = text_of(child(source, "instrumentID"));
  if (!id.empty()) instrument += instrument.empty() ? id : fmt::format(" ({})", id);
  return instrument;
}

std::string sample_of(Xml root) {
  const Xml sample = child(root, "sample");
  const std::string name = text_of(child(sample, "name"));
  return name.empty() ? text_of(child(sample, "id")) : name;
}

/// What all scans of an <xrdMeasurement> share; looked up once, since a file may hold thousands of scans.
struct Measurement {
  Xml element, slit;
  Scan facts;  ///< beam, sample; no points
  std::string system, status;
  std::string step_axis;  ///< what steps from scan to scan; empty: nothing, or they are repeats
};

Measurement read_measurement(const XmlDocument& document, Xml element, const std::string& system,
                             const std::string& sample) {
  Measurement measurement;
  measurement.element = element;
  measurement.slit = descend(element, {"incidentBeamPath", "divergenceSlit"});
  read_xrdml_beam(document, element, measurement.facts);
  measurement.facts.sample = sample;
  make_texts_plain(measurement.facts);
  measurement.system = system;
  measurement.status = attribute(element, "status");
  const bool are_repeats =
      letters_of(attribute(element, "measurementType")).find("repeated") != std::string::npos;
  if (!are_repeats) measurement.step_axis = attribute(element, "measurementStepAxis");
  return measurement;
}

/// Axes that stood still, and the mean of the temperature.
void read_held(const XmlDocument& document, Xml element, Xml points, Scan& scan) {
  for (const Xml positions : children(points, "positions")) {
    if (const auto value = document.optional_number(child(positions, "commonPosition")))
      scan.held.push_back({letters_of(attribute(positions, "axis")), *value});
  }
  for (const Xml conditions : children(element, "nonAmbientPoints")) {
    const Xml list = child(conditions, "nonAmbientValues");
    if (!list) continue;
    const std::vector<double> values = document.numbers(list);
    if (values.empty()) continue;
    scan.held.push_back(
        {letters_of(attribute(conditions, "type")),
         std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size())});
  }
}

Scan read_scan(const XmlDocument& document, const Measurement& measurement, Xml element) {
  Scan scan = measurement.facts;
  scan.scan_axis = attribute(element, "scanAxis");
  if (!scan.scan_axis.empty() && !steps_two_theta(scan.scan_axis)) {
    scan.other_axis = other_axis_of(scan.scan_axis);
    if (!scan.other_axis)
      throw FormatRefused(fmt::format("a scan of {}, not of 2 theta", quoted_line(scan.scan_axis)));
  }
  const auto all_points = children(element, "dataPoints");
  if (all_points.empty()) document.fail(element, "a scan without <dataPoints>");
  if (all_points.size() > 1) document.fail(all_points[1], "several <dataPoints> in one scan");
  const Xml points = all_points[0];
  read_intensities(document, points, scan);
  // Planned and not measured, or given up at once.
  if (scan.intensity.size() < 2)
    throw FormatRefused(fmt::format("{} points: no scan", scan.intensity.size()));
  read_positions(document, points, scan.intensity.size(), scan);
  read_held(document, element, points, scan);
  try {
    check_scan(scan);
    correct(document, points, scan);
    read_xrdml_slits(document, measurement.slit, scan);
  } catch (const FormatRefused&) {
    throw;
  } catch (const XmlError&) {
    throw;
  } catch (const Error& error) {
    document.fail(points, error.what());
  }
  if (scan.scan_axis.empty())
    scan.warnings.push_back("the file does not say what was moved; its positions of 2 theta are taken");
  scan.date = text_of(descend(element, {"header", "startTimeStamp"}));
  scan.instrument = instrument_of(measurement.system, element);
  for (const std::string& status : {attribute(element, "status"), measurement.status}) {
    if (status.empty() || letters_of(status) == "completed") continue;
    scan.warnings.push_back(fmt::format("the measurement's status is {}", quoted_line(status)));
    break;
  }
  return scan;
}

/// Why no scan of a measurement is a powder pattern; empty: they may be.
std::string other_measurement(Xml measurement) {
  const std::string type = attribute(measurement, "measurementType");
  if (letters_of(type).find("area") != std::string::npos)
    return fmt::format("an area measurement ({}), not a powder pattern", quoted_line(type));
  const std::string step = attribute(measurement, "measurementStepAxis");
  if (holds(mesh_axes, letters_of(step)))
    return fmt::format("a mesh of scans, in which {} steps, not a powder pattern", quoted_line(step));
  return {};
}

/// Scan by scan into the list.
class MeasurementReader {
 public:
  explicit MeasurementReader(const XmlDocument& document)
      : document_(document), system_(system_of(document.root())), sample_(sample_of(document.root())) {}

  void read(Xml element) {
    const std::string other = other_measurement(element);
    std::optional<Measurement> measurement;
    for (const Xml scan : children(element, "scan")) {
      try {
        if (!other.empty()) throw FormatRefused(other);
        if (is_xrdml_short_form(scan)) {
          add(scan, read_xrdml_short_form(document_, element, scan));
          continue;
        }
        if (!measurement) measurement = read_measurement(document_, element, system_, sample_);
        Scan read = read_scan(document_, *measurement, scan);
        // A series over the temperature or the time: no scan of it repeats another.
        if (!measurement->step_axis.empty())
          read.held.push_back({measurement->step_axis, static_cast<double>(scans_.count() + 1)});
        add(scan, std::move(read));
      } catch (const FormatRefused& reason) {
        scans_.leave_out(reason.what(), document_.place(scan));
      }
    }
  }

  ReadScans finish() && {
    if (scans_.count() == 0) document_.fail(document_.root(), "no scan in the file");
    return std::move(scans_).finish();
  }

 private:
  void add(Xml element, Scan&& scan) {
    scans_.add(std::move(scan), [&](const std::string& reason) { document_.fail(element, reason); });
  }

  const XmlDocument& document_;
  std::string system_, sample_;
  RangeList scans_{"scan", ""};
};

ReadScans read_xrdml(const FileBytes& file) {
  const XmlDocument document(file.bytes, file.name);
  if (local_name(document.root()) != "xrdMeasurements")
    document.fail(document.root(), fmt::format("<{}>, not <xrdMeasurements>", local_name(document.root())));
  MeasurementReader reader(document);
  for (const Xml measurement : children(document.root(), "xrdMeasurement"))
    reader.read(measurement);
  return std::move(reader).finish();
}

}  // namespace

const Format& xrdml_format() {
  static const Format format{"PANalytical XRDML", {".xrdml"}, looks_like_xrdml, read_xrdml};
  return format;
}

}  // namespace bragg::data
