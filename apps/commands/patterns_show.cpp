// bragg patterns show FILE...: what is in measured files, as text, JSON or a plot.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/evaluation/measured_paths.h"
#include "apps/evaluation/scan_files.h"
#include "apps/output_paths.h"
#include "apps/report/scan_plot.h"
#include "data/formats/scan_pattern.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string plot;
  std::optional<int> scan;
  bool json = false;
};

double sum_of(const data::Scan& scan) {
  return std::accumulate(scan.intensity.begin(), scan.intensity.end(), 0.0);
}

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const data::Scan& scan) {
  const data::Radiation radiation = data::radiation_of(scan);
  // Null where the file has no number: the anode says the rest.
  const bool usable = !radiation.fault && !radiation.is_of_anode;
  return {{"axis", data::axis_name(scan)},
          {"unit", data::axis_unit(scan)},
          {"points", scan.x.size()},
          {"first", scan.x.empty() ? Json(nullptr) : Json(scan.x.front())},
          {"last", scan.x.empty() ? Json(nullptr) : Json(scan.x.back())},
          {"wavelength", usable ? or_null(radiation.wavelength) : Json(nullptr)},
          {"wavelength_alpha2", usable ? or_null(radiation.alpha2) : Json(nullptr)},
          {"anode", scan.anode.empty() ? Json(nullptr) : Json(scan.anode)},
          {"counting_time", or_null(scan.counting_time)},
          {"sum", sum_of(scan)}};
}

std::string to_json_line(const ScanFile& file) {
  Json scans = Json::array();
  for (const NumberedScan& one : file.scans)
    scans.push_back(to_json(one.scan));
  const Json line = {{"file", file.path},
                     {"format", file.format.empty() ? Json(nullptr) : Json(file.format)},
                     {"refused", or_null(file.refused)},
                     {"scans", std::move(scans)}};
  // File names need not be UTF-8; JSON must be.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string radiation_text(const data::Scan& scan) {
  const data::Radiation radiation = data::radiation_of(scan);
  if (radiation.fault) return "not usable: " + *radiation.fault;
  if (!radiation.wavelength) return "not named";
  std::string text = fmt::format("{:.7g} A", *radiation.wavelength);
  if (radiation.alpha2) text += fmt::format(" with K alpha 2 {:.7g} A", *radiation.alpha2);
  if (radiation.alpha2 && scan.alpha2_ratio) text += fmt::format(", ratio {:.4g}", *scan.alpha2_ratio);
  if (radiation.is_of_anode) text += ", by name";
  if (!scan.anode.empty()) text += fmt::format(", anode {}", printable(scan.anode));
  if (!scan.monochromator.empty()) text += fmt::format(", {}", printable(scan.monochromator));
  return text;
}

void print_scan(const NumberedScan& one) {
  const data::Scan& scan = one.scan;
  fmt::print("  scan {}\n", data::describe_scan(scan, one.number));
  const auto item = [](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("    {:<13} {}\n", name, printable(value));
  };
  item("wavelength", radiation_text(scan));
  std::string intensity = fmt::format("{}, sum {:.10g}", name_of(scan.unit), sum_of(scan));
  if (!scan.intensity.empty()) {
    const auto [low, high] = std::minmax_element(scan.intensity.begin(), scan.intensity.end());
    intensity += fmt::format(", {:.6g}..{:.6g}", *low, *high);
  }
  item("intensity", intensity + (scan.uncertainty.empty() ? "" : ", with uncertainties"));
  item("sample", scan.sample);
  item("instrument", scan.instrument);
  item("geometry", scan.geometry);
  item("moved", scan.scan_axis);
  if (scan.slits != data::SlitMode::unknown)
    item("slits", scan.slits == data::SlitMode::fixed ? "fixed" : "automatic");
  if (scan.attenuation && *scan.attenuation != 1)
    item("attenuator", fmt::format("intensities multiplied by up to {:.6g}", *scan.attenuation));
  item("date", scan.date);
  for (const data::ReadingNote& note : scan.notes)
    item("note",
         fmt::format("{}: {}{}", note.what, note.how, note.from.empty() ? "" : " (" + note.from + ")"));
  for (const std::string& warning : scan.warnings)
    item("warning", warning);
  for (const std::string& warning : data::radiation_of(scan).warnings)
    item("warning", warning);
}

void print_text(const ScanFile& file) {
  fmt::print("{}\n", printable(file.path));
  if (file.refused) {
    fmt::print("  refused       {}\n", printable(*file.refused));
    return;
  }
  fmt::print("  {}, {} scan{}\n", file.format, file.in_file, file.in_file == 1 ? "" : "s");
  for (const std::string& warning : file.warnings)
    fmt::print("  warning       {}\n", printable(warning));
  for (const NumberedScan& one : file.scans)
    print_scan(one);
}

std::string axis_text(const data::ScanRows& rows) {
  return fmt::format("{}, {}", rows.axis == "two_theta" ? "2\xCE\xB8" : rows.axis,
                     rows.unit == "deg" ? "degrees" : rows.unit);
}

void plot(const ScanFile& file, const Options& options) {
  if (file.refused) return;
  for (const NumberedScan& one : file.scans) {
    std::string title = printable(std::filesystem::path(file.path).filename().string());
    if (file.in_file > 1) title += fmt::format(", scan {}", one.number);
    const data::ScanRows rows_of_scan = data::to_rows(one.scan);
    const std::string axis = axis_text(rows_of_scan);
    const report::PlottedScan plotted{rows_of_scan.x, rows_of_scan.intensity, axis, title};
    constexpr int columns = 96, rows = 16;
    if (options.plot == "terminal")
      fmt::print("\n{}\n{}\n", title, report::scan_text_plot(plotted, columns, rows));
    else
      write_file(options.plot, report::scan_svg(plotted));
  }
}

void check_plot(const Options& options, const std::vector<MeasuredPath>& files) {
  if (options.plot.empty()) return;
  if (options.plot == "terminal") {
    if (options.json) throw UsageError("--plot terminal and --json both write to the standard output");
    return;
  }
  if (!options.plot.ends_with(".svg"))
    throw UsageError(
        fmt::format("--plot {}: the name of a file ends in .svg; or --plot terminal", options.plot));
  if (files.size() != 1)
    throw UsageError(fmt::format("--plot {} shows one file, not {}", options.plot, files.size()));
  check_outputs({{"--plot", options.plot}}, {{"FILE", files[0].file}});
}

int show(const Options& options, const CommonOptions& common) {
  const std::vector<MeasuredPath> files = measured_paths(options.files);
  check_plot(options, files);
  std::int64_t refused = 0, all = 0;
  read_scan_files(files, options.scan, common.threads, [&](ScanFile file) {
    ++all;
    try {
      const bool is_svg = !options.plot.empty() && options.plot != "terminal";
      if (is_svg && file.scans.size() > 1)
        throw UsageError(fmt::format("--plot {}: {} has {} scans; --scan N chooses", options.plot, file.path,
                                     file.scans.size()));
      if (options.json)
        fmt::print("{}", to_json_line(file));
      else
        print_text(file);
      if (!options.plot.empty()) plot(file, options);
    } catch (const data::PatternRefused& error) {
      file.refused = error.what();
      fmt::print(stderr, "{}: {}\n", printable(file.path), printable(error.what()));
    }
    if (file.refused) ++refused;
  });
  return told_refusals(refused, all);
}

}  // namespace

void add_patterns_show(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "show", "What is in measured files: format, scans, radiation, what was converted and how",
      [options](const CommonOptions& common) { return show(*options, common); }, group);
  command
      ->add_option("FILE", options->files,
                   "files of diffractometers or text in columns, all also .gz (" + pattern_endings() +
                       "), pipes, - (standard input) or folders of these")
      ->required();
  command->add_flag("--json", options->json, "a JSON object per line and file");
  add_scan(command, options->scan);
  command->add_option("--plot", options->plot, "draw the scan: a file (.svg), or terminal");
}

}  // namespace bragg::apps
