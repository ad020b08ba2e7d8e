// bragg evaluate: what a model gets right on labelled patterns, beside baselines, as text, JSON and a page.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/commands/evaluate_lookup.h"
#include "apps/commands/evaluate_mixtures.h"
#include "apps/commands/evaluate_suite.h"
#include "apps/evaluation/classifier.h"
#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/evaluation_json.h"
#include "apps/evaluation/labelled_files.h"
#include "apps/evaluation/measured_paths.h"
#include "apps/evaluation/nearest_structures.h"
#include "apps/open_model.h"
#include "apps/output_paths.h"
#include "apps/report/evaluation_page.h"
#include "apps/stamp.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string model, patterns, neighbours, json, report, wavelength, precision = "fp32";
  bool lookup = false, elements_given = false;
  std::string mixtures;
  std::vector<std::string> suite;
  std::string suite_model;  ///< of --model
  LookupOptions looked_up;  ///< flags of --lookup, --mixtures and --suite alone
};

EvaluationContext context_of(const Options& options, const std::filesystem::path& model) {
  EvaluationContext context{model.string(), options.patterns, options.neighbours, {}, {}, {}};
  context.command = "bragg evaluate";
  if (!options.model.empty()) context.command += " " + options.model;
  context.command += " " + options.patterns;
  if (!options.neighbours.empty()) context.command += " --neighbours " + options.neighbours;
  if (!options.wavelength.empty()) context.command += " --wavelength " + options.wavelength;
  if (options.precision != "fp32") context.command += " --precision " + options.precision;
  if (!options.json.empty()) context.command += " --json " + options.json;
  if (!options.report.empty()) context.command += " --report " + options.report;
  context.date = minute_of_now();
  context.bragg = name_and_version();
  return context;
}

/// The patterns that the page draws, with their nearest neighbours.
std::vector<report::ShownPattern> shown_patterns(const Evaluation& evaluation, const data::PatternSet& set,
                                                 const data::PatternSet* neighbours,
                                                 const ModelFacts& facts) {
  std::vector<report::ShownPattern> result;
  for (const std::size_t i : report::answers_to_show(evaluation)) {
    const Answer& answer = evaluation.answers[i];
    report::ShownPattern shown{
        .answer = i, .name = pattern_name(set, answer.index), .values = prepared(set, answer.index, facts)};
    if (neighbours && answer.neighbour >= 0) {
      shown.neighbour = prepared(*neighbours, answer.neighbour, facts);
      shown.neighbour_name = pattern_name(*neighbours, answer.neighbour);
      shown.neighbour_space_group = neighbours->space_group(answer.neighbour);
    }
    result.push_back(std::move(shown));
  }
  return result;
}

/// The files of a labelled table on the model's grid.
JoinedFiles join_table(const Options& options, const ModelFacts& facts, const CommonOptions& common) {
  MeasuredReading reading{.threads = common.threads};
  if (!options.wavelength.empty()) reading.wavelength = xrd::parse_wavelength(options.wavelength);
  return join_files(options.patterns, reading, facts);
}

int evaluate(const Options& options, const CommonOptions& common) {
  check_outputs(
      {{"--json", options.json}, {"--report", options.report}},
      {{"MODEL", options.model}, {"PATTERNS", options.patterns}, {"--neighbours", options.neighbours}});
  const auto backend = make_backend(common, options.precision);
  // Similarities are computed in the device's own.
  const auto exact = options.precision == "fp32" ? nullptr : make_backend(common);
  const bool is_set = is_pattern_set(options.patterns);
  if (is_set && !options.wavelength.empty())
    throw UsageError("--wavelength is of measured files that a table labels; a set says its own");
  std::optional<data::PatternSet> stored;
  if (is_set) stored.emplace(options.patterns);
  std::optional<data::PatternSet> neighbours;
  if (!options.neighbours.empty()) neighbours.emplace(options.neighbours);
  constexpr std::int64_t batch = 64;
  Classifier classifier(*backend, open_model(options.model), batch);
  std::int64_t refused = 0;
  if (!is_set) {
    JoinedFiles joined = join_table(options, classifier.facts(), common);
    refused = joined.refused;
    stored.emplace(std::move(joined.patterns), options.patterns);
  }
  const data::PatternSet& patterns = *stored;
  const Evaluation evaluation =
      evaluate(exact ? *exact : *backend, classifier, patterns, neighbours ? &*neighbours : nullptr);
  const EvaluationContext context = context_of(options, classifier.path());
  if (!options.json.empty()) {
    write_file(
        options.json,
        to_json(evaluation, context).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  if (!options.report.empty()) {
    write_file(options.report, report::evaluation_page(
                                   evaluation, context, classifier.facts(), classifier.metadata(),
                                   shown_patterns(evaluation, patterns, neighbours ? &*neighbours : nullptr,
                                                  classifier.facts())));
  }
  fmt::print("{}", to_text(evaluation, context));
  if (!options.json.empty()) fmt::print("\nwrote {}\n", options.json);
  if (!options.report.empty()) fmt::print("\nwrote {}\n", options.report);
  return told_refusals(refused, refused + patterns.size());
}

int evaluate_mixtures_of(const Options& options, const CommonOptions& common) {
  if (options.lookup || !options.model.empty() || !options.neighbours.empty() || !options.report.empty())
    throw UsageError("--mixtures goes without MODEL, PATTERNS, --lookup, --neighbours and --report");
  MixtureOptions mixtures{options.mixtures, options.elements_given, options.looked_up};
  mixtures.common.wavelength = options.wavelength;
  mixtures.common.json = options.json;
  mixtures.common.precision = options.precision;
  return evaluate_mixtures(mixtures, common);
}

int evaluate_suite_of(const Options& options, const CommonOptions& common) {
  const LookupOptions& looked_up = options.looked_up;
  if (options.lookup || options.elements_given || !options.mixtures.empty() || !options.model.empty() ||
      !options.neighbours.empty() || !options.wavelength.empty() || !looked_up.figures.empty())
    throw UsageError(
        "--suite goes without MODEL (--model is its flag), PATTERNS, --lookup, --mixtures, --elements-given, "
        "--neighbours, --wavelength and --figures");
  if (looked_up.no_model && !options.suite_model.empty())
    throw UsageError(fmt::format("--no-model: {} is not to be asked", options.suite_model));
  SuiteOptions suite{options.suite, options.report, looked_up};
  suite.common.model = options.suite_model;
  suite.common.json = options.json;
  suite.common.precision = options.precision;
  return evaluate_suite(suite, common);
}

/// A single argument is the patterns, for the built-in model.
int evaluate_any(Options options, const CommonOptions& common) {
  if (!options.suite.empty()) return evaluate_suite_of(options, common);
  if (!options.suite_model.empty()) throw UsageError("--model is of --suite; elsewhere MODEL stands first");
  if (options.looked_up.no_model && !options.lookup)
    throw UsageError("--no-model is of --lookup and --suite");
  if (!options.mixtures.empty()) return evaluate_mixtures_of(options, common);
  if (options.elements_given) throw UsageError("--elements-given is of --mixtures");
  if (options.model.empty()) throw UsageError("PATTERNS is required: bragg evaluate [MODEL] PATTERNS");
  if (options.patterns.empty()) std::swap(options.model, options.patterns);
  if (!options.lookup) {
    const LookupOptions& unused = options.looked_up;
    if (!unused.libraries.empty() || !unused.figures.empty() || unused.no_built_in || unused.no_cache)
      throw UsageError(
          "--library, --no-builtin-library, --no-cache and --figures are of --lookup and --mixtures, the "
          "first three also of --suite");
    return evaluate(options, common);
  }
  if (!options.neighbours.empty() || !options.report.empty())
    throw UsageError("--neighbours and --report are of a model's evaluation, not of --lookup");
  if (options.looked_up.no_model && !options.model.empty())
    throw UsageError(fmt::format("--no-model: {} is not to be asked", options.model));
  LookupOptions lookup = options.looked_up;
  lookup.model = options.model;
  lookup.patterns = options.patterns;
  lookup.wavelength = options.wavelength;
  lookup.json = options.json;
  lookup.precision = options.precision;
  return evaluate_lookup(lookup, common);
}

}  // namespace

void add_evaluate(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("evaluate", "Measure what a model, or a look-up, gets right on labelled patterns",
                           [options](const CommonOptions& common) { return evaluate_any(*options, common); });
  app->add_option("MODEL", options->model, "a trained model (.safetensors); without it the built-in one");
  app->add_option("PATTERNS", options->patterns,
                  "patterns with space groups: a set (.safetensors), or a table (tabs or commas) of measured "
                  "files with the columns file and space_group, as patterns join takes it");
  app->add_option("--wavelength", options->wavelength,
                  "of a table's measurements, before the files' and the model's: " + xrd::wavelength_names());
  app->add_option("--neighbours", options->neighbours,
                  "patterns with space groups (.safetensors) for the nearest-neighbour baseline");
  app->add_option("--json", options->json, "write every figure to this file");
  add_precision(app, options->precision);
  app->add_option("--report", options->report, "write a self-contained HTML page to this file");
  app->add_flag("--lookup", options->lookup,
                "measure the search among known structures that bragg identify does, and the model, alone "
                "and together");
  app->add_option(
      "--mixtures", options->mixtures,
      "measure which phases of mixtures are named: a table of measured files with the columns file and "
      "phases (formulas between semicolons), at will scan and weights, or a folder with such a labels.tsv");
  app->add_flag("--elements-given", options->elements_given,
                "with --mixtures: search structures of the mixture's elements, O and H alone");
  app->add_option(
      "--suite", options->suite,
      "measure everything in one run, on one page, of what lies in this folder (the sets of "
      "examples/suite.sh, RRUFF patterns ...); can be repeated: a file is taken from the first folder that "
      "has it. What is not there is listed; patterns that are refused are counted and are no failure");
  app->add_option("--model", options->suite_model, "with --suite: the network; without it the built-in one");
  LookupOptions& lookup = options->looked_up;
  app->add_option("--library", lookup.libraries,
                  "structures to search beside the built-in library; can be repeated");
  app->add_flag("--no-builtin-library", lookup.no_built_in, "search the libraries of --library alone");
  app->add_flag("--no-model", lookup.no_model, "with --lookup or --suite: no network is asked");
  app->add_flag("--no-cache", lookup.no_cache, "keep nothing in the user's cache folder");
  app->add_option("--figures", lookup.figures,
                  "write what the ranking is fitted to (bench/identify/fit_ranking.py), a line a pattern");
}

}  // namespace bragg::apps
