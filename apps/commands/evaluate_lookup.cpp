#include "apps/commands/evaluate_lookup.h"

#include <fmt/format.h>

#include "apps/evaluation/lookup_evaluation.h"
#include "apps/evaluation/measured_paths.h"
#include "apps/identify/identifier.h"
#include "apps/output_paths.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

/// The shares of the space groups in the library, then a line a pattern.
std::string figures_text(const Identifier& identifier, const LookupEvaluation& evaluation) {
  nlohmann::ordered_json prior = nlohmann::ordered_json::array();
  for (const double share : identifier.prior())
    prior.push_back(share);
  std::string text = nlohmann::ordered_json{{"prior", std::move(prior)}}.dump() + "\n";
  for (const std::string& line : evaluation.figures)
    text += line + "\n";
  return text;
}

}  // namespace

int evaluate_lookup(const LookupOptions& options, const CommonOptions& common) {
  std::vector<NamedPath> inputs{{"MODEL", options.model}, {"PATTERNS", options.patterns}};
  for (const std::string& library : options.libraries)
    inputs.push_back({"--library", library});
  check_outputs({{"--json", options.json}, {"--figures", options.figures}}, inputs);
  if (is_pattern_set(options.patterns) && !options.wavelength.empty())
    throw UsageError("--wavelength is of measured files that a table labels; a set says its own");
  MeasuredReading reading{.threads = common.threads};
  if (options.model.empty()) reading.unstated = WavelengthFrom::default_value;
  if (!options.wavelength.empty()) reading.wavelength = xrd::parse_wavelength(options.wavelength);
  const auto backend = make_backend(common, options.precision);
  Identifier identifier(*backend, {.libraries = options.libraries,
                                   .built_in = !options.no_built_in,
                                   .model = options.model,
                                   .with_network = !options.no_model,
                                   .cache = {.enabled = !options.no_cache},
                                   .threads = common.threads});
  const LookupEvaluation evaluation =
      evaluate_lookup(identifier, read_labelled_items(options.patterns, reading, identifier.facts()));
  nlohmann::ordered_json json = to_json(evaluation);
  const std::string network = identifier.network();
  json["model"] = network.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(network);
  json["set"] = options.patterns;
  json["library"] = {{"structures", identifier.library().size()},
                     {"content", identifier.library().content_hash()}};
  if (!options.json.empty())
    write_file(options.json, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (!options.figures.empty()) write_file(options.figures, figures_text(identifier, evaluation));
  fmt::print("{} in {} structures{}\n{}", options.patterns, identifier.library().size(),
             network.empty() ? "" : ", with " + network, to_text(evaluation));
  for (const std::string& file : {options.json, options.figures}) {
    if (!file.empty()) fmt::print("\nwrote {}\n", file);
  }
  const auto refused = static_cast<std::int64_t>(evaluation.refused.size());
  return told_refusals(refused, refused + evaluation.patterns);
}

}  // namespace bragg::apps
