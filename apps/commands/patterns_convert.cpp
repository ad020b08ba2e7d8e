// bragg patterns convert FILE... -o OUT: measured files as text in columns, powder CIF or a pattern set.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/item_remarks.h"
#include "apps/evaluation/measured_item.h"
#include "apps/output_paths.h"
#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/formats/scan_writer.h"
#include "data/patterns/pattern_rows.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> files;
  std::string output, wavelength;
  std::optional<int> scan;
};

std::string base_name(const std::string& path) {
  return fs::path(path).filename().string();
}

/// Unlabelled, on the grid that patterns are drawn on.
int convert_to_set(const Options& options, const CommonOptions& common) {
  const ModelFacts facts;
  MeasuredReading reading{.scan = options.scan, .threads = common.threads};
  if (!options.wavelength.empty()) reading.wavelength = xrd::parse_wavelength(options.wavelength);
  data::PatternRows patterns(facts.instrument);
  std::int64_t refused = 0;
  read_measured(options.files, reading, facts, [&](MeasuredItem item) {
    print_remarks(item);
    if (item.refused)
      ++refused;
    else
      patterns.add(printable(base_name(item.file) + part_of_file(item)), std::move(item.values));
  });
  if (patterns.size() == 0) throw Error("no pattern that can be used: nothing is written");
  patterns.write(options.output);
  fmt::print(stderr, "{} patterns in {}\n", patterns.size(), options.output);
  return told_refusals(refused, refused + patterns.size());
}

/// The one scan of the files that is meant, repeats together.
data::ChosenScan only_scan(const Options& options) {
  if (options.files.size() != 1) {
    throw UsageError(fmt::format("-o {}: text holds one scan, not {} files; -o SET.safetensors holds many",
                                 options.output, options.files.size()));
  }
  const std::string& file = options.files[0];
  try {
    auto chosen = data::choose_scans(data::read_scans(fs::path(file)), options.scan);
    if (chosen.size() == 1) return std::move(chosen.front());
    std::string list;
    for (const data::ChosenScan& one : chosen)
      list += fmt::format("\n  {}", data::describe_scan(one.scan, one.number));
    throw UsageError(fmt::format("{}: {} scans; --scan N chooses{}", file, chosen.front().in_file, list));
  } catch (const data::FormatRefused& refused) {
    throw Error(fmt::format("{}: {}", file, refused.what()));
  }
}

int convert_to_text(const Options& options) {
  data::ChosenScan chosen = only_scan(options);
  data::Scan& scan = chosen.scan;
  const std::string& file = options.files[0];
  if (!options.wavelength.empty()) {
    const double wavelength = xrd::parse_wavelength(options.wavelength);
    scan.radiation = {};
    scan.radiation.wavelength = scan.radiation.position_wavelength = wavelength;
    scan.alpha2_ratio.reset();
    scan.anode.clear();
  }
  const data::Radiation radiation = data::radiation_of(scan);
  if (radiation.fault) throw Error(fmt::format("{}: {}; --wavelength overrides it", file, *radiation.fault));
  const auto say = [&](const std::string& what) {
    fmt::print(stderr, "{}: {}\n", printable(file), printable(what));
  };
  for (const data::ReadingNote& note : scan.notes)
    say(fmt::format("{}: {}", note.what, note.how));
  for (const std::string& warning : scan.warnings)
    say(warning);
  for (const std::string& warning : radiation.warnings)
    say(warning);
  if (!radiation.wavelength) say("no wavelength is named, and none is written");
  std::string text;
  try {
    if (options.output.ends_with(".cif"))
      text = data::scan_as_cif(scan, fs::path(options.output).stem().string());
    else
      text = data::scan_as_columns(scan, options.output.ends_with(".xye")   ? data::ColumnLayout::xye
                                         : options.output.ends_with(".csv") ? data::ColumnLayout::csv
                                                                            : data::ColumnLayout::xy);
  } catch (const data::PatternRefused& refused) {
    throw Error(fmt::format("{}: {}", file, refused.what()));
  }
  if (options.output.ends_with(".xye") && scan.uncertainty.empty())
    say("uncertainties are the square roots of the counts");
  write_file(options.output, text);
  return exit_success;
}

int convert(const Options& options, const CommonOptions& common) {
  constexpr std::array<std::string_view, 5> endings = {".xy", ".xye", ".csv", ".safetensors", ".cif"};
  const std::string extension = fs::path(options.output).extension().string();
  if (std::find(endings.begin(), endings.end(), extension) == endings.end())
    throw UsageError(
        fmt::format("-o {}: the name ends in .xy, .xye, .csv, .safetensors or .cif", options.output));
  std::vector<NamedPath> inputs;
  for (const std::string& file : options.files)
    inputs.push_back({"FILE", file});
  check_outputs({{"-o", options.output}}, inputs);
  return extension == ".safetensors" ? convert_to_set(options, common) : convert_to_text(options);
}

}  // namespace

void add_patterns_convert(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "convert", "Write a measured scan as text in columns or powder CIF, or many as a set of patterns",
      [options](const CommonOptions& common) { return convert(*options, common); }, group);
  command
      ->add_option("FILE", options->files,
                   "measured files of any format that predict reads; for text and CIF a single one")
      ->required();
  command
      ->add_option("-o,--output", options->output,
                   ".xy, .xye (with uncertainties), .csv, .cif, or a set of patterns: .safetensors")
      ->required();
  add_scan(command, options->scan);
  command->add_option("--wavelength", options->wavelength,
                      "of the measurement, before the file's: " + xrd::wavelength_names());
}

}  // namespace bragg::apps
