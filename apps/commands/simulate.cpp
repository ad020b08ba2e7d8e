// bragg simulate: reflections, peaks and patterns of crystals.
#include "data/patterns/simulate.h"

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "apps/report/gallery.h"
#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/scaled_crystals.h"
#include "data/recipes/recipe.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/free_space.h"
#include "kernels/base/utf8.h"
#include "xrd/cif/cif.h"
#include "xrd/reflections.h"
#include "xrd/scattering/anomalous_dispersion.h"
#include "xrd/scattering/form_factor_table.h"
#include "xrd/scattering/species.h"
#include "xrd/scattering/wavelength.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_search.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string input, output, gallery;
  std::string recipe = "baseline", wavelength = "CuKa";
  std::vector<double> range{5, 90};
  double step = 0.01;
  std::int64_t count = 1;
  std::uint32_t seed = 1;
  bool reflections = false, peaks = false, ignore_displacements = false, no_anomalous = false, json = false;
  bool keep_declared_symmetry = false;
};

/// The crystals of the command line, from a set or from CIF.
struct Crystals {
  data::CrystalSource source;
  std::string description;  ///< for the metadata of what is made of them
};

/// A crystal of a CIF under the symmetry that it has, with a word where the file declares less.
xrd::Crystal with_its_symmetry(xrd::Crystal crystal) {
  bool gave_up = false;
  auto found = xrd::with_symmetry_found(crystal, xrd::symmetry_tolerance, &gave_up);
  if (gave_up)
    fmt::print(stderr, "warning: {}: too large to search for symmetry: {} as declared\n", crystal.name,
               crystal.group.hm);
  if (!found) return crystal;
  fmt::print(stderr,
             "warning: {}: declared {} ({}) with a cell of {:.6g} A^3, within {} A it is {} ({}) with {:.6g} "
             "A^3, which is taken (--keep-declared-symmetry: as declared)\n",
             crystal.name, crystal.group.hm, crystal.group.number, crystal.cell.volume(),
             xrd::symmetry_tolerance, found->group.hm, found->group.number, found->cell.volume());
  return std::move(*found);
}

Crystals read_crystals(const std::string& path, bool keep_declared_symmetry) {
  if (path.ends_with(".safetensors")) {
    auto set = std::make_shared<data::CrystalSet>(path);
    return {{set->size(), [set](std::int64_t i) { return set->crystal(i); }},
            fmt::format("{} (content {})", path, set->content_hash())};
  }
  std::error_code none;
  if (std::filesystem::is_directory(path, none))
    throw UsageError(fmt::format("{}: a folder: bragg crystals import makes a set of it", path));
  auto crystals = std::make_shared<std::vector<xrd::Crystal>>();
  std::size_t rejected = 0, without_crystal = 0;
  xrd::read_cif(path,
                {.crystal =
                     [&](xrd::Crystal&& crystal) {
                       crystals->push_back(keep_declared_symmetry ? std::move(crystal)
                                                                  : with_its_symmetry(std::move(crystal)));
                     },
                 .rejected =
                     [&](const xrd::CifError& error) {
                       fmt::print(stderr, "rejected: {}\n", error.what());
                       ++rejected;
                     },
                 .warning =
                     [](const xrd::CifWarning& w) {
                       fmt::print(stderr, "warning: {}:{} ({}): {}\n", w.file, w.line, w.block, w.detail);
                     },
                 .no_crystal = [&](const std::string&, const std::string&) { ++without_crystal; },
                 .accept_close_hydrogen = true});
  if (crystals->empty())
    throw Error(fmt::format("{}: no crystal ({} blocks rejected, {} without cell, symmetry or atoms)", path,
                            rejected, without_crystal));
  return {{std::ssize(*crystals), [crystals](std::int64_t i) { return (*crystals)[i]; }}, path};
}

/// Every crystal at every scale of the recipe, one after the other.
Crystals scaled(Crystals crystals, const data::CellScales& cells) {
  if (cells == data::CellScales{}) return crystals;
  data::CrystalSource source = data::scaled_crystals(std::move(crystals.source), cells);
  if (source.size == 0) throw Error(fmt::format("{}: no cubic crystal to scale", crystals.description));
  return {std::move(source), std::move(crystals.description)};
}

/// Points from `start` by `step` that lie before `end`.
TwoThetaGrid make_grid(const Options& options) {
  const double start = options.range[0], end = options.range[1];
  if (!(start >= 0 && start < end && end <= 180)) {
    throw UsageError(fmt::format("--range {} {}: 0 <= start < end <= 180 degrees", start, end));
  }
  if (options.step >= end - start) {
    throw UsageError(fmt::format("--step {}: not smaller than --range {} {}, {} degrees", options.step, start,
                                 end, end - start));
  }
  if (!(options.step > 0)) throw UsageError(fmt::format("--step {}: not positive", options.step));
  const double points = std::ceil((end - start) / options.step - 1e-6);
  constexpr double most_points = 1e6;
  if (!(points >= 1 && points <= most_points)) {
    throw UsageError(fmt::format("--range {} {} --step {}: {} points, at most {}", start, end, options.step,
                                 points, most_points));
  }
  return {.start = start, .step = options.step, .points = static_cast<std::int64_t>(points)};
}

// ---- reflections and peaks ----

/// "f', f'' at 1.54184 A", with the elements that have none.
std::string describe_anomalous(const xrd::Crystal& crystal, bool anomalous, double wavelength) {
  if (!anomalous) return "none";
  std::string elements;
  for (const int z : xrd::without_dispersion(crystal, wavelength))
    elements += fmt::format("{}{}", elements.empty() ? "" : ", ", xrd::element_symbol(z));
  return fmt::format("f', f'' at {} A{}", wavelength,
                     elements.empty() ? "" : fmt::format("; outside the table, 0: {}", elements));
}

/// What was summed where 2 theta reaches beyond the range of the form factors' table.
std::string describe_form_factors(const xrd::ReflectionOptions& what) {
  constexpr double end = xrd::form_factor_table_end;
  std::string table = "International Tables C, 6.1.1.4";
  if (xrd::stol_from_two_theta(what.range.end, what.wavelength) <= end) return table;
  return fmt::format(
      "{} to sin(theta)/lambda = {} 1/A; beyond, Waasmaier & Kirfel to {} 1/A, then a power law", table, end,
      high_angle_end);
}

void print_json(const xrd::Crystal& crystal, const xrd::ReflectionOptions& what,
                const std::vector<xrd::Reflection>& reflections) {
  using nlohmann::ordered_json;
  ordered_json lines = ordered_json::array();
  for (const xrd::Reflection& r : reflections) {
    lines.push_back({{"hkl", r.hkl},
                     {"multiplicity", r.multiplicity},
                     {"d", r.d},
                     {"f2", r.f2},
                     {"two_theta", r.two_theta},
                     {"intensity", r.intensity}});
  }
  const ordered_json out{{"crystal", crystal.name},
                         {"space_group", crystal.group.number},
                         {"wavelength", what.wavelength},
                         {"anomalous", describe_anomalous(crystal, what.anomalous, what.wavelength)},
                         {"form_factors", describe_form_factors(what)},
                         {"reflections", std::move(lines)}};
  fmt::print("{}\n", out.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

void print_text(const xrd::Crystal& crystal, const xrd::ReflectionOptions& what,
                const std::vector<xrd::Reflection>& reflections) {
  fmt::print("# {}, space group {} ({}), wavelength {} A\n", crystal.name, crystal.group.number,
             crystal.group.hm, what.wavelength);
  fmt::print("# anomalous dispersion: {}\n", describe_anomalous(crystal, what.anomalous, what.wavelength));
  fmt::print("# form factors: {}\n", describe_form_factors(what));
  fmt::print("#{:>4} {:>4} {:>4} {:>4} {:>10} {:>14} {:>10} {:>10}\n", "h", "k", "l", "mult", "d (A)",
             "|F|^2", "2theta", "intensity");
  for (const xrd::Reflection& r : reflections) {
    fmt::print("{:5} {:4} {:4} {:4} {:10.5f} {:14.4f} {:10.4f} {:10.4f}\n", r.hkl[0], r.hkl[1], r.hkl[2],
               r.multiplicity, r.d, r.f2, r.two_theta, r.intensity);
  }
}

void print_reflections(Backend& backend, const Crystals& crystals, const Options& options,
                       double wavelength) {
  const xrd::ReflectionOptions what{.wavelength = wavelength,
                                    .range = {.start = options.range[0], .end = options.range[1]},
                                    .ignore_displacements = options.ignore_displacements,
                                    .anomalous = !options.no_anomalous};
  for (std::int64_t i = 0; i < crystals.source.size; ++i) {
    const xrd::Crystal crystal = crystals.source.at(i);
    const auto reflections =
        options.peaks ? xrd::peaks(backend, crystal, what) : xrd::reflections(backend, crystal, what);
    (options.json ? print_json : print_text)(crystal, what, reflections);
    if (reflections.empty()) {
      fmt::print(stderr, "{}: no reflection in {}..{} degrees at {} A\n", crystal.name, options.range[0],
                 options.range[1], wavelength);
    }
  }
}

// ---- patterns ----

/// One pattern as text: two columns.
void write_text(const Options& options, const data::SimulateOptions& how, const xrd::Crystal& crystal,
                std::span<const float> pattern) {
  const bool csv = options.output.ends_with(".csv");
  std::string text = "two_theta,intensity\n";
  if (!csv) {
    text = fmt::format("# {}, simulated: wavelength {} A, recipe {}, seed {}, anomalous dispersion {}\n",
                       crystal.name, how.instrument.wavelength, how.recipe.name, how.seed,
                       describe_anomalous(crystal, how.recipe.anomalous, how.instrument.wavelength));
  }
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    text += fmt::format("{:.8g}{}{:.6g}\n", how.instrument.grid.at(static_cast<std::int64_t>(i)),
                        csv ? ',' : ' ', pattern[i]);
  }
  if (options.output.empty()) {
    fmt::print("{}", text);
  } else {
    write_file(options.output, text);
  }
}

void simulate_to_files(Backend& backend, const Crystals& crystals, const Options& options,
                       const data::SimulateOptions& how) {
  const std::int64_t patterns = crystals.source.size * options.count;
  if (!options.output.ends_with(".safetensors")) {
    if (patterns != 1) {
      throw UsageError(
          fmt::format("{} patterns ({} crystals, --count {}) need -o OUT.safetensors; text holds one",
                      patterns, crystals.source.size, options.count));
    }
    data::simulate_patterns(backend, {.size = 1, .at = crystals.source.at}, how,
                            [&](std::int64_t i, std::span<const float> pattern) {
                              write_text(options, how, crystals.source.at(i), pattern);
                            });
    return;
  }
  data::PatternSetWriter set(how.instrument);
  set.metadata("recipe", data::to_toml(how.recipe));
  set.metadata("seed", fmt::format("{}", how.seed));
  set.metadata("crystals", as_utf8(crystals.description));
  set.metadata("anomalous",
               how.recipe.anomalous ? fmt::format("f', f'' at {} A", how.instrument.wavelength) : "none");
  set.metadata("displacements", how.ignore_displacements ? "ignored" : "as given");
  for (std::int64_t i = 0; i < crystals.source.size; ++i) {
    const xrd::Crystal crystal = crystals.source.at(i);
    for (std::int64_t k = 0; k < options.count; ++k)
      set.add(crystal.group.number, static_cast<std::int32_t>(i), crystal.name);
  }
  set.write(options.output, [&](const data::PatternSetWriter::Sink& sink) {
    data::simulate_patterns(backend, crystals.source, how,
                            [&](std::int64_t, std::span<const float> pattern) { sink(pattern); });
  });
  fmt::print(stderr, "{} patterns of {} crystals written to {}\n", set.size(), crystals.source.size,
             options.output);
}

int simulate(const Options& options, const CommonOptions& common) {
  if (options.json && !options.reflections && !options.peaks) {
    throw UsageError("--json goes with --reflections or --peaks");
  }
  const std::string extension = std::filesystem::path(options.output).extension().string();
  if (!options.output.empty() && extension != ".safetensors" && extension != ".xy" && extension != ".csv") {
    throw UsageError(fmt::format("-o {}: the name ends in .safetensors, .xy or .csv", options.output));
  }
  check_outputs({{"-o", options.output}, {"--gallery", options.gallery}},
                {{"CRYSTALS", options.input}, {"--recipe", options.recipe}});
  Instrument instrument;
  instrument.wavelength = xrd::parse_wavelength(options.wavelength);
  instrument.grid = make_grid(options);
  data::Recipe recipe = data::load_recipe(options.recipe);
  if (options.no_anomalous) recipe.anomalous = false;
  const auto backend = make_backend(common);
  const Crystals crystals =
      scaled(read_crystals(options.input, options.keep_declared_symmetry), recipe.cells);
  if (options.reflections || options.peaks) {
    print_reflections(*backend, crystals, options, instrument.wavelength);
    return exit_success;
  }
  const data::SimulateOptions how{.recipe = recipe,
                                  .instrument = instrument,
                                  .patterns_per_crystal = options.count,
                                  .seed = options.seed,
                                  .maximum = 1000,
                                  .ignore_displacements = options.ignore_displacements};
  if (extension == ".safetensors") {
    const double patterns = static_cast<double>(crystals.source.size) * static_cast<double>(options.count);
    require_disk(options.output, patterns * static_cast<double>(instrument.grid.points) * sizeof(float),
                 fmt::format("{} patterns", patterns));
  }
  if (options.gallery.empty()) {
    simulate_to_files(*backend, crystals, options, how);
  } else {
    write_file(options.gallery, gallery(*backend, crystals.source, how));
  }
  return exit_success;
}

}  // namespace

void add_simulate(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("simulate", "Reflections, peaks or patterns of crystals",
                           [options](const CommonOptions& common) { return simulate(*options, common); });
  app->add_option("CRYSTALS", options->input, "a CIF file (plain or .gz), or a set made by crystals import")
      ->required();
  app->add_option("--wavelength", options->wavelength, xrd::wavelength_names())->capture_default_str();
  app->add_option("--range", options->range, "2 theta from and to, degrees")
      ->expected(2)
      ->capture_default_str();
  app->add_flag("--ignore-displacements", options->ignore_displacements,
                "atoms at rest: no Debye-Waller factors");
  app->add_flag(
      "--no-anomalous", options->no_anomalous,
      "without f' and f'' (Cromer & Liberman), which reflections and peaks have, and patterns where "
      "their recipe says so");
  app->add_flag("--keep-declared-symmetry", options->keep_declared_symmetry,
                "of a CIF: the symmetry that it declares, without a look at what its atoms have");
  CLI::Option* recipe =
      app->add_option("--recipe", options->recipe, "a name (bragg recipe list) or a TOML file")
          ->capture_default_str();
  CLI::Option* count = app->add_option("--count", options->count, "patterns per crystal")
                           ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
                           ->capture_default_str();
  CLI::Option* seed = app->add_option("--seed", options->seed, "of all that a recipe leaves to chance")
                          ->capture_default_str();
  CLI::Option* step =
      app->add_option("--step", options->step, "of the pattern, degrees")->capture_default_str();
  CLI::Option* output =
      app->add_option("-o,--output", options->output,
                      "patterns (.safetensors) or one pattern as text (.xy, .csv; without -o on "
                      "standard output)");
  CLI::Option* gallery = app->add_option(
      "--gallery", options->gallery,
      "instead: an HTML page of the first crystal under each effect alone and under the recipe");
  gallery->excludes(output)->excludes(count);
  CLI::Option* reflections =
      app->add_flag("--reflections", options->reflections,
                    "a table of reflections, unique under the Laue group, instead of patterns");
  CLI::Option* peaks = app->add_flag("--peaks", options->peaks, "the same, those of equal d merged");
  app->add_flag("--json", options->json, "reflections or peaks as one JSON object per line and crystal");
  for (CLI::Option* of_patterns : {recipe, count, seed, step, output, gallery}) {
    reflections->excludes(of_patterns);
    peaks->excludes(of_patterns);
  }
  peaks->excludes(reflections);
}

}  // namespace bragg::apps
