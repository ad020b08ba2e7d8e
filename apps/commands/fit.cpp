// bragg fit: phases that the user names, refined against a measured pattern.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/measured_item.h"
#include "apps/fit/fitter.h"
#include "apps/fit/march_axes.h"
#include "apps/fit/mixture_json.h"
#include "apps/fit/mixture_text.h"
#include "apps/fit/refined_cifs.h"
#include "apps/open_libraries.h"
#include "apps/output_paths.h"
#include "apps/report/mixture_page.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> phases, march, libraries;
  std::string wavelength, range, report, cif_folder;
  std::optional<int> scan;
  int background = 12;
  bool json = false, no_built_in = false, texture = false;
};

/// A page draws every pattern; of more it would be no page.
constexpr std::size_t most_on_a_page = 20;

/// One structure twice has no fractions of its own: any share of the one is as good.
void refuse_the_same_twice(const std::vector<NamedPhase>& phases) {
  for (std::size_t i = 0; i < phases.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (are_the_same(phases[i], phases[j]))
        throw UsageError(
            fmt::format("--phase {} and --phase {} are the same structure: nothing tells them apart",
                        phases[j].given, phases[i].given));
  }
}

std::vector<NamedPhase> named_phases(const Options& options) {
  if (options.phases.size() > most_refined_phases)
    throw UsageError(fmt::format("{} times --phase: at most {} are refined together", options.phases.size(),
                                 most_refined_phases));
  std::optional<data::JoinedLibrary> libraries;
  if (!options.libraries.empty()) libraries = open_libraries(options.libraries, !options.no_built_in);
  std::vector<NamedPhase> phases;
  for (const std::string& phase : options.phases) {
    if (names_a_cif(phase)) {
      phases.push_back(read_phase(phase));
      continue;
    }
    if (!libraries) libraries = open_libraries(options.libraries, !options.no_built_in);
    if (libraries->libraries().empty())
      throw UsageError(fmt::format("--phase {} is no file, and there is no library to look it up in", phase));
    phases.push_back(find_phase(phase, *libraries));
  }
  refuse_the_same_twice(phases);
  return phases;
}

std::optional<std::array<double, 2>> parse_range(const std::string& text) {
  if (text.empty()) return {};
  std::array<double, 2> range{};
  int end = 0;
  if (std::sscanf(text.c_str(), "%lf,%lf%n", &range[0], &range[1], &end) != 2 ||
      static_cast<std::size_t>(end) != text.size() || !std::isfinite(range[0]) || !std::isfinite(range[1]))
    throw UsageError(fmt::format("--range {}: not FROM,TO in degrees, as 20,80", text));
  if (!(range[0] < range[1]))
    throw UsageError(fmt::format("--range {}: {:g} is not below {:g}", text, range[0], range[1]));
  return range;
}

std::vector<NamedPath> inputs_of(const Options& options) {
  std::vector<NamedPath> inputs{{"FILE", options.file}};
  for (const std::string& library : options.libraries)
    inputs.push_back({"--library", library});
  for (const std::string& phase : options.phases)
    if (names_a_cif(phase)) inputs.push_back({"--phase", phase});
  return inputs;
}

std::vector<NamedPath> outputs_of(const Options& options) {
  std::vector<NamedPath> outputs{{"--report", options.report}};
  if (options.cif_folder.empty()) return outputs;
  std::error_code none;
  if (std::filesystem::exists(options.cif_folder, none) &&
      !std::filesystem::is_directory(options.cif_folder, none))
    throw UsageError(fmt::format("--save-cif {}: a file, not a folder", options.cif_folder));
  for (const std::string& name : cif_names(options.phases, 0))
    outputs.push_back({"--save-cif", (std::filesystem::path(options.cif_folder) / name).string()});
  return outputs;
}

/// Of all patterns: how many there are is known at the end.
std::vector<NamedPath> cif_paths(const std::string& folder, const std::vector<RefinedCif>& cifs) {
  std::vector<NamedPath> paths;
  for (const RefinedCif& cif : cifs)
    paths.push_back({"--save-cif", (std::filesystem::path(folder) / cif.name).string()});
  return paths;
}

int fit(const Options& options, const CommonOptions& common) {
  check_outputs(outputs_of(options), inputs_of(options));
  FitterSettings settings{.phases = {},
                          .range = parse_range(options.range),
                          .fit = {.background_terms = options.background, .texture = options.texture}};
  const auto axes = march_axes(options.march, options.phases, options.texture);
  std::optional<double> wavelength;
  if (!options.wavelength.empty()) wavelength = xrd::parse_wavelength(options.wavelength);
  settings.phases = named_phases(options);
  for (std::size_t i = 0; i < axes.size(); ++i)
    settings.phases[i].march_axis = axes[i];
  const auto backend = make_backend(common);
  const Fitter fitter(*backend, std::move(settings));

  std::vector<Mixture> shown;
  std::vector<RefinedCif> cifs;
  std::int64_t asked = 0, refused = 0;
  read_measured({options.file},
                {.wavelength = wavelength,
                 .scan = options.scan,
                 .threads = common.threads,
                 .keep_measured = true,
                 .without_grid = true,
                 .unstated = WavelengthFrom::default_value},
                {}, [&](const MeasuredItem& item) {
                  Mixture mixture = fitter.fit(item);
                  ++asked;
                  refused += mixture.refused.has_value();
                  fmt::print("{}", options.json ? json_line(mixture) + "\n" : to_text(mixture));
                  std::fflush(stdout);
                  if (!options.cif_folder.empty()) add_refined_cifs(mixture, cifs);
                  if (!options.report.empty() && shown.size() < most_on_a_page)
                    shown.push_back(std::move(mixture));
                });
  check_outputs(cif_paths(options.cif_folder, cifs), inputs_of(options));
  write_refined_cifs(options.cif_folder, cifs);
  if (!options.report.empty()) write_file(options.report, report::mixture_page(shown, asked));
  return told_refusals(refused, asked);
}

}  // namespace

void add_fit(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("fit", "Refine phases against a measured pattern: cells and weight fractions",
                           [options](const CommonOptions& common) { return fit(*options, common); });
  app->add_option("FILE", options->file,
                  "a pattern: a file of any format that identify takes, - (standard input), or a pattern set")
      ->required();
  app->add_option("--phase", options->phases,
                  "a phase: a CIF, or a name, formula or entry of a known structure (of several the best "
                  "fitting one is "
                  "taken); can be repeated, up to 8 times")
      ->required()
      ->expected(1)
      ->take_all();
  app->add_option("--range", options->range, "degrees of 2 theta to look at: FROM,TO");
  app->add_option("--background", options->background, "terms of the background, Chebyshev's polynomials")
      ->check(CLI::Range(1, most_refined_terms));
  app->add_flag(
      "--texture", options->texture,
      "refine preferred directions of crystallites, one term for each that the lattice leaves free");
  app->add_option("--march-dollase", options->march,
                  "refine March and Dollase's texture along the normal of planes: H,K,L for all phases, or "
                  "PHASE:H,K,L "
                  "for the one that --phase names so; can be repeated")
      ->expected(1)
      ->take_all();
  app->add_option("--wavelength", options->wavelength,
                  "of the measurement, before the file's; K alpha by its name or mean is a doublet: " +
                      xrd::wavelength_names());
  app->add_option("--library", options->libraries,
                  "known structures beside the built-in library; can be repeated");
  app->add_flag("--no-builtin-library", options->no_built_in,
                "look names up in the libraries of --library alone");
  add_scan(app, options->scan);
  app->add_flag("--json", options->json, "a JSON object per line and pattern");
  app->add_option("--report", options->report, "a page (.html) with the measured and the calculated pattern");
  app->add_option("--save-cif", options->cif_folder,
                  "a folder for CIFs of the phases with their refined cells");
}

}  // namespace bragg::apps
