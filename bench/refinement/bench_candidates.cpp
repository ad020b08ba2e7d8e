// The speed of refinement: candidates of measured patterns, found among the structures that come with bragg.
//
//   bench_candidates --patterns FILE [--limit N] [--device cuda] [--threads N] [--cache FOLDER] [--rounds N]
//       milliseconds of a candidate and of a pattern, with the structures' lines and without; iterations that were made;
//       median over the rounds
//   bench_candidates --together N [--patterns FILE] [--limit N] [--device cuda] [--threads N] [--cache FOLDER] [--rounds N]
//       search and refinement of N patterns in a call: patterns and candidates a second, and what of it is the host's own work;
//       without a file of patterns those of the library's structures (no data needed)
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/measured_pattern.h"
#include "bench/refinement/together.h"
#include "data/library/built_in_library.h"
#include "data/library/joined_library.h"
#include "data/refinement/median.h"
#include "data/refinement/refined_structures.h"
#include "data/refinement/refiner.h"
#include "data/search/search.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace {

using namespace bragg;
using bench::cpu_seconds;
using bench::measured_pattern;

struct Options {
  std::string patterns, device = "cpu", cache;
  int threads = 1, rounds = 3;
  std::int64_t limit = 50, together = 0;
};

struct Case {
  data::MeasuredPattern pattern;
  std::vector<data::RefinementStart> starts;
};

data::JoinedLibrary built_in() {
  auto library = data::built_in_library();
  if (!library) throw Error("this bench_candidates was built without a library");
  return data::JoinedLibrary({std::move(library)});
}

data::SearchIndex index_of(Backend& backend, const data::JoinedLibrary& library, const Options& options) {
  data::SearchCache cache;
  if (!options.cache.empty()) cache.folder = options.cache;
  return {backend, data::search_library_of(library), cache};
}

void run_together(const Options& options) {
  const auto backend = make_backend({options.device, options.threads, ""});
  const data::JoinedLibrary library = built_in();
  const data::SearchIndex index = index_of(*backend, library, options);
  bench::Together together{
      .patterns = options.together, .rounds = options.rounds, .threads = options.threads};
  std::vector<data::MeasuredPattern> patterns;
  if (options.patterns.empty()) {
    patterns = bench::drawn_patterns(*backend, library, std::min(options.limit, options.together));
  } else {
    const data::PatternSet set(options.patterns);
    together.wavelength = set.instrument().wavelength;
    for (std::int64_t i = 0; i < std::min(set.size(), options.limit); ++i)
      patterns.push_back(measured_pattern(set, i));
  }
  if (patterns.empty()) throw Error(options.patterns + ": no pattern to search for");
  bench::time_together(*backend, library, index, patterns, together);
}

/// Patterns with their candidates as the search finds them.
std::vector<Case> cases_of(Backend& backend, const Options& options) {
  const data::JoinedLibrary joined = built_in();
  const data::SearchIndex index = index_of(backend, joined, options);
  data::Searcher searcher(backend, index);
  const data::PatternSet set(options.patterns);
  std::vector<Case> cases;
  for (std::int64_t i = 0; i < std::min(set.size(), options.limit); ++i) {
    Case one{measured_pattern(set, i), {}};
    const data::SearchPattern pattern{&one.pattern, set.instrument().wavelength};
    try {
      const auto matches = searcher.search({&pattern, 1});
      for (const data::SearchMatch& match : matches.front())
        one.starts.push_back({joined.crystal(match.structure), match.scale});
    } catch (const data::PatternRefused&) {
      continue;
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

void run(const Options& options) {
  const auto backend = make_backend({options.device, options.threads, ""});
  const std::vector<Case> cases = cases_of(*backend, options);
  if (cases.empty()) throw Error(options.patterns + ": no pattern to refine");
  std::vector<double> lines, whole, wall;
  std::int64_t candidates = 0, refined = 0;
  double iterations = 0;
  for (int round = 0; round < options.rounds; ++round) {
    candidates = refined = 0;
    double lines_only = -cpu_seconds();
    for (const Case& one : cases) {
      std::vector<xrd::Crystal> crystals;
      for (const data::RefinementStart& start : one.starts)
        crystals.push_back(*start.crystal);
      data::refined_structures(*backend, crystals, xrd::d_from_two_theta(90, copper_k_alpha),
                               xrd::d_from_two_theta(5, copper_k_alpha), copper_k_alpha);
    }
    lines_only += cpu_seconds();
    double all = -cpu_seconds();
    const auto begin = std::chrono::steady_clock::now();
    for (const Case& one : cases) {
      const auto found = data::refine_candidates(*backend, {&one.pattern, copper_k_alpha}, one.starts, 5, 90);
      candidates += std::ssize(found);
      for (const data::RefinedCandidate& candidate : found) {
        refined += !candidate.is_dropped;
        if (!candidate.is_dropped) iterations += double{candidate.figures.iterations};
      }
    }
    all += cpu_seconds();
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    lines.push_back(lines_only);
    whole.push_back(all);
  }
  const auto per = [](double seconds, std::int64_t count) {
    return 1000 * seconds / static_cast<double>(std::max<std::int64_t>(1, count));
  };
  const auto patterns = std::ssize(cases);
  fmt::print(
      "{}: {} patterns, {} candidates, {} of them refined to the last level, {:.1f} iterations there\n",
      backend->description(), patterns, candidates, refined,
      iterations / static_cast<double>(std::max<std::int64_t>(1, refined * options.rounds)));
  fmt::print(
      "CPU time: {:.2f} ms a candidate, {:.1f} ms a pattern, {:.1f} ms of these its candidates' lines\n",
      per(data::median(whole), candidates), per(data::median(whole), patterns),
      per(data::median(lines), patterns));
  fmt::print("wall: {:.1f} ms a pattern\n", per(data::median(wall), patterns));
}

}  // namespace

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): it ends with it
  Options options;
  CLI::App app{"The speed of refinement: candidates of measured patterns"};
  auto* const patterns = app.add_option("--patterns", options.patterns, "pattern set");
  app.add_option("--limit", options.limit, "patterns at most")->check(CLI::PositiveNumber);
  app.add_option("--device", options.device, "reference, cpu, cuda");
  app.add_option("--threads", options.threads, "threads of the CPU");
  app.add_option("--rounds", options.rounds, "rounds, of which the median counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--cache", options.cache, "folder of the search's index");
  auto* const together =
      app.add_option("--together", options.together, "search and refine so many patterns in a call")
          ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    if (!*together && !*patterns) throw UsageError("--patterns or --together is needed");
    *together ? run_together(options) : run(options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_candidates: {}\n", e.what());
    return 1;
  }
  return 0;
}
