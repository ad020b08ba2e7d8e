// bragg identify: the phase, the space group and the crystal system of measured patterns, by a search among known structures.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/measured_item.h"
#include "apps/evaluation/measured_paths.h"
#include "apps/identify/identification_csv.h"
#include "apps/identify/identification_json.h"
#include "apps/identify/identification_text.h"
#include "apps/identify/identifier.h"
#include "apps/output_paths.h"
#include "apps/report/identification_page.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

struct Options {
  std::vector<std::string> files, libraries;
  std::string model, wavelength, elements, exclude, csv, report, precision = "fp32";
  std::optional<int> scan;
  int top = 5;
  bool json = false, no_built_in = false, no_model = false, no_cache = false;
};

/// A page draws every pattern; of more it would be no page.
constexpr std::size_t most_on_a_page = 100;

/// Takes the patterns as they are read, and gives out their answers, some at a time, in order.
class Answers {
 public:
  Answers(Identifier& identifier, const Options& options) : identifier_(identifier), options_(options) {
    if (!options_.csv.empty()) csv_ = csv_header();
  }

  void add(MeasuredItem item) {
    points_ += item.measured.x.size();
    waiting_.push_back(std::move(item));
    if (identifier_.is_full(waiting_.size(), points_)) flush();
  }
  void flush() {
    points_ = 0;
    for (Identification& answer : identifier_.identify(std::exchange(waiting_, {}))) {
      ++asked_;
      refused_ += answer.refused.has_value();
      fmt::print("{}",
                 options_.json ? json_line(answer, options_.top) + "\n" : to_text(answer, options_.top));
      if (!options_.csv.empty()) csv_ += csv_row(answer);
      if (!options_.report.empty() && shown_.size() < most_on_a_page) shown_.push_back(std::move(answer));
    }
    std::fflush(stdout);
  }
  /// Writes the table and the page.
  void finish() const {
    if (!options_.csv.empty()) write_file(options_.csv, csv_);
    if (options_.report.empty()) return;
    write_file(options_.report, report::identification_page(shown_, asked_));
  }
  std::int64_t asked() const { return asked_; }
  std::int64_t refused() const { return refused_; }

 private:
  Identifier& identifier_;
  const Options& options_;
  std::vector<MeasuredItem> waiting_;
  std::size_t points_ = 0;  ///< of those that wait
  std::vector<Identification> shown_;
  std::string csv_;
  std::int64_t asked_ = 0, refused_ = 0;
};

std::vector<NamedPath> inputs_of(const Options& options) {
  std::vector<NamedPath> inputs{{"--model", options.model}};
  for (const std::string& file : options.files)
    inputs.push_back({"FILE", file});
  for (const std::string& library : options.libraries)
    inputs.push_back({"--library", library});
  return inputs;
}

int identify(const Options& options, const CommonOptions& common) {
  check_outputs({{"--csv", options.csv}, {"--report", options.report}}, inputs_of(options));
  std::optional<double> wavelength;
  if (!options.wavelength.empty()) wavelength = xrd::parse_wavelength(options.wavelength);
  IdentifierSettings settings{.libraries = options.libraries,
                              .built_in = !options.no_built_in,
                              .model = options.model,
                              .with_network = !options.no_model,
                              .filter = data::parse_element_filter(options.elements, options.exclude),
                              .cache = {.enabled = !options.no_cache},
                              .with_lines = !options.report.empty(),
                              .threads = common.threads};
  const auto backend = make_backend(common, options.precision);
  Identifier identifier(*backend, std::move(settings));
  Answers answers(identifier, options);
  read_measured(options.files,
                {.wavelength = wavelength,
                 .scan = options.scan,
                 .threads = common.threads,
                 .keep_measured = true,
                 .unstated = options.model.empty() ? WavelengthFrom::default_value : WavelengthFrom::model},
                identifier.facts(), [&](MeasuredItem item) { answers.add(std::move(item)); });
  answers.flush();
  answers.finish();
  return told_refusals(answers.refused(), answers.asked());
}

}  // namespace

void add_identify(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("identify", "Name the phase of measured patterns among known structures",
                           [options](const CommonOptions& common) { return identify(*options, common); });
  app->add_option("FILE", options->files,
                  "patterns: files of diffractometers, text in columns, all also .gz (" + pattern_endings() +
                      "), pipes, - (standard input), pattern sets (.safetensors) or folders of these")
      ->required();
  app->add_option(
      "--wavelength", options->wavelength,
      "of the measurement, before the file's; where neither names one, that of the anode whose lines fit "
      "best: " +
          xrd::wavelength_names());
  app->add_option(
      "--library", options->libraries,
      "structures to search beside the built-in library (bragg library build makes one); can be repeated");
  app->add_flag("--no-builtin-library", options->no_built_in, "search the libraries of --library alone");
  CLI::Option* model = app->add_option(
      "--model", options->model,
      "a trained model (.safetensors) that is asked beside the search, in place of the built-in one");
  app->add_flag("--no-model", options->no_model, "search alone: no network is asked")->excludes(model);
  app->add_option(
      "--elements", options->elements,
      "what the sample may hold: Si,O,Al,H; with ! behind an element the phases must hold it together");
  app->add_option("--exclude", options->exclude, "elements that no phase holds: Fe,Cu");
  add_scan(app, options->scan);
  app->add_option("--top", options->top, "space groups to name")
      ->check(CLI::Range(1, xrd::space_group_count));
  app->add_flag("--json", options->json, "a JSON object per line and pattern");
  app->add_option("--csv", options->csv, "a table with a row a pattern");
  app->add_option("--report", options->report, "a page (.html) with the patterns and their candidates");
  app->add_flag(
      "--no-cache", options->no_cache,
      "compute what the search needs of its structures anew, and keep nothing in the user's cache folder");
  add_precision(app, options->precision);
}

}  // namespace bragg::apps
