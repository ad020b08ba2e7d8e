// The search's speed and what it finds: a library of crystal sets against a labelled set of patterns.
//
//   bench_search --experimental FILE... --dft FILE... --patterns FILE [--cache FOLDER] [--device cuda] [--threads N]
//       the index cold and warm, milliseconds a pattern one after another and in one call, memory; how often the most similar
//       structure has the right space group and system, and how often any of those kept has
//   ... --exhaustive
//       what is lost by the first pass: every structure compared in all views
//   ... --radiations
//       patterns as other anodes would have given them: whether the search says which
//   bench_search --passes 65000 [--device cuda] [--limit N]
//       the device's part alone on as many structures by chance, N patterns at once (256): searches a second
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/measured_pattern.h"
#include "bench/search/passes.h"
#include "data/crystals/crystal_set.h"
#include "data/search/radiation_search.h"
#include "data/search/search.h"
#include "kernels/base/error.h"
#include "kernels/ops/match_views.h"
#include "xrd/reflections.h"
#include "xrd/symmetry/space_groups.h"

namespace {

using namespace bragg;
using bench::cpu_seconds;
using bench::measured_pattern;

struct Options {
  std::vector<std::string> experimental, dft;
  std::string patterns, cache, device = "cpu";
  int threads = 0;
  std::int64_t candidates = 0, limit = 1 << 30;
  double dft_penalty = 0.022;
  bool exhaustive = false, radiations = false;
  std::int64_t passes = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this process, MB, by /proc: "VmRSS:" now, "VmHWM:" at most.
double resident_megabytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == key && status >> kilobytes) return kilobytes / 1024;
  }
  return 0;
}

struct Library {
  std::vector<data::CrystalSet> sets;
  data::SearchLibrary search;
  std::vector<int> space_group;
};

Library open_library(const Options& options) {
  Library library;
  for (const auto* paths : {&options.experimental, &options.dft})
    for (const std::string& path : *paths)
      library.sets.emplace_back(path);
  std::map<std::string, std::int32_t> names;
  std::vector<const data::CrystalSet*> sets;
  for (std::size_t i = 0; i < library.sets.size(); ++i) {
    const data::CrystalSet& set = library.sets[i];
    sets.push_back(&set);
    for (std::int64_t c = 0; c < set.size(); ++c) {
      library.search.kind.push_back(i < options.experimental.size() ? data::StructureKind::experimental
                                                                    : data::StructureKind::dft);
      library.space_group.push_back(set.space_group(c));
      const xrd::Crystal crystal = set.crystal(c);
      const std::string& mineral = crystal.names.mineral;
      const std::string key =
          fmt::format("{} {}", mineral.empty() ? crystal.name : mineral, set.space_group(c));
      library.search.name.push_back(names.emplace(key, names.size()).first->second);
    }
    library.search.content_hash += set.content_hash();
  }
  // The sets lie in the vector: their addresses are final here.
  library.search.crystals = {static_cast<std::int64_t>(library.space_group.size()),
                             [owned = std::make_shared<data::CrystalSource>(data::crystals_of(sets))](
                                 std::int64_t i) { return owned->at(i); }};
  return library;
}

/// Right answers among patterns.
struct Counts {
  std::int64_t patterns = 0, group = 0, system = 0, kept = 0;
  std::int64_t summed_group = 0, summed_system = 0, summed_five = 0;  ///< by probabilities of all candidates

  void add(const Library& library, const std::vector<data::SearchMatch>& matches, int truth, double penalty) {
    ++patterns;
    if (matches.empty()) return;
    const auto group_of = [&](const data::SearchMatch& m) {
      return library.space_group[static_cast<std::size_t>(m.structure)];
    };
    // -ln(1.02 - similarity), less for a computed cell; as probabilities exp(8.52 of it).
    const auto score = [&](const data::SearchMatch& m) {
      const bool is_dft =
          library.search.kind[static_cast<std::size_t>(m.structure)] == data::StructureKind::dft;
      return -std::log(1.02 - std::min(1.0, double{m.similarity})) - (is_dft ? penalty : 0);
    };
    const auto best = std::max_element(matches.begin(), matches.end(),
                                       [&](const auto& a, const auto& b) { return score(a) < score(b); });
    const auto system_of = [](int space_group) { return static_cast<int>(xrd::crystal_system(space_group)); };
    group += group_of(*best) == truth;
    system += system_of(group_of(*best)) == system_of(truth);
    kept += std::any_of(matches.begin(), matches.end(), [&](const auto& m) { return group_of(m) == truth; });
    std::map<int, double> of_group, of_system;
    for (const data::SearchMatch& m : matches) {
      const double weight = std::exp(8.52 * (score(m) - score(*best)));
      of_group[group_of(m)] += weight;
      of_system[system_of(group_of(m))] += weight;
    }
    const auto larger = [](const std::map<int, double>& sums, double than) {
      return std::count_if(sums.begin(), sums.end(), [&](const auto& one) { return one.second > than; });
    };
    if (of_group.contains(truth)) {
      const auto before = larger(of_group, of_group[truth]);
      summed_group += before == 0;
      summed_five += before < 5;
    }
    if (of_system.contains(system_of(truth)))
      summed_system += larger(of_system, of_system[system_of(truth)]) == 0;
  }

  std::string text() const {
    const auto percent = [&](std::int64_t n) {
      return 100.0 * static_cast<double>(n) / static_cast<double>(patterns);
    };
    return fmt::format(
        "{} patterns. The most similar: space group {:.1f} %, crystal system {:.1f} %. Summed over "
        "candidates: "
        "{:.1f} %, {:.1f} %, among five {:.1f} %. Right group among the kept: {:.1f} %",
        patterns, percent(group), percent(system), percent(summed_group), percent(summed_system),
        percent(summed_five), percent(kept));
  }
};

/// Everything compared in all views: by masks of as many structures as the second pass takes.
std::vector<data::SearchMatch> searched_exhaustively(Backend& backend, const data::SearchIndex& index,
                                                     const data::SearchPattern& pattern,
                                                     data::SearchSettings settings) {
  settings.experimental_candidates = settings.dft_candidates = most_matches;
  std::vector<data::SearchMatch> all;
  for (std::int64_t first = 0; first < index.size(); first += most_matches) {
    std::vector<std::uint8_t> allowed(static_cast<std::size_t>(index.size()));
    std::fill(allowed.begin() + first, allowed.begin() + std::min(first + most_matches, index.size()), 1);
    const auto some = data::search(backend, index, {&pattern, 1}, settings, allowed).front();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.similarity > b.similarity; });
  std::map<std::int32_t, std::int64_t> seen;
  std::int64_t experimental = 0, dft = 0;
  std::erase_if(all, [&](const data::SearchMatch& m) {
    if (index.kind(m.structure) == data::StructureKind::dft) return ++dft > settings.dft;
    if (++seen[index.name(m.structure)] > settings.per_name) return true;
    return ++experimental > settings.experimental;
  });
  return all;
}

struct Bench {
  const Options& options;
  Library library;
  std::unique_ptr<Backend> backend;
  data::PatternSet set;
  std::vector<data::MeasuredPattern> patterns;
  data::SearchSettings settings;

  explicit Bench(const Options& given)
      : options(given),
        library(open_library(given)),
        backend(make_backend({given.device, given.threads, ""})),
        set(given.patterns) {
    for (std::int64_t i = 0; i < std::min(set.size(), given.limit); ++i)
      patterns.push_back(measured_pattern(set, i));
    if (given.candidates > 0) settings.experimental_candidates = settings.dft_candidates = given.candidates;
  }

  int truth(std::size_t n) const { return set.space_group(static_cast<std::int64_t>(n)); }

  data::SearchIndex timed_index(const char* what, const data::SearchCache& cache) {
    const double cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    data::SearchIndex index(*backend, library.search, cache, options.threads);
    backend->synchronize();
    fmt::print(
        "index {}: {} structures, {:.3f} s, CPU time {:.3f} s ({}{}), {:.0f} MB of device memory, {:.0f} MB "
        "resident, {:.0f} at "
        "most\n",
        what, index.size(), seconds_since(start), cpu_seconds() - cpu,
        index.came_from_cache() ? "from the cache" : "computed",
        index.not_cached_because().empty() ? "" : ", not kept: " + index.not_cached_because(),
        static_cast<double>(index.bytes()) / 1e6, resident_megabytes("VmRSS:"), resident_megabytes("VmHWM:"));
    return index;
  }

  void one_after_another(const data::SearchIndex& index) {
    Counts counts;
    std::vector<double> seconds;
    data::Searcher searcher(*backend, index, settings);
    const double cpu = cpu_seconds();
    for (std::size_t n = 0; n < patterns.size(); ++n) {
      const auto start = std::chrono::steady_clock::now();
      const data::SearchPattern pattern{&patterns[n], set.instrument().wavelength};
      const auto matches = searcher.search({&pattern, 1});
      seconds.push_back(seconds_since(start));
      counts.add(library, matches.front(), truth(n), options.dft_penalty);
    }
    const double cpu_each = (cpu_seconds() - cpu) / static_cast<double>(patterns.size());
    const double first = seconds.front();
    std::sort(seconds.begin(), seconds.end());
    fmt::print(
        "one after another: first {:.1f}, median {:.1f}, 95 % within {:.1f} ms a pattern, CPU time {:.1f} "
        "ms\n{}\n",
        1e3 * first, 1e3 * seconds[seconds.size() / 2], 1e3 * seconds[seconds.size() * 95 / 100],
        1e3 * cpu_each, counts.text());
  }

  void together(const data::SearchIndex& index) {
    std::vector<data::SearchPattern> all;
    for (const data::MeasuredPattern& pattern : patterns)
      all.push_back({&pattern, set.instrument().wavelength});
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    const auto matches = data::search(*backend, index, all, settings);
    const double seconds = seconds_since(start), cpu = cpu_seconds() - cpu_before;
    fmt::print("in one call: {:.1f} ms a pattern, CPU time {:.1f} ms, {:.0f} searches/s\n",
               1e3 * seconds / static_cast<double>(all.size()), 1e3 * cpu / static_cast<double>(all.size()),
               static_cast<double>(matches.size()) / seconds);
  }

  void exhaustive(const data::SearchIndex& index) {
    Counts counts;
    std::int64_t same_best = 0, same_group_best = 0, kept_of_all = 0, all = 0;
    for (std::size_t n = 0; n < patterns.size(); ++n) {
      const data::SearchPattern pattern{&patterns[n], set.instrument().wavelength};
      const auto whole = searched_exhaustively(*backend, index, pattern, settings);
      const auto two_passes = data::search(*backend, index, {&pattern, 1}, settings).front();
      counts.add(library, whole, truth(n), options.dft_penalty);
      same_best += whole.front().structure == two_passes.front().structure;
      same_group_best += whole.front().similarity == two_passes.front().similarity;
      all += std::ssize(whole);
      for (const auto& m : whole)
        kept_of_all += std::any_of(two_passes.begin(), two_passes.end(),
                                   [&](const auto& other) { return other.structure == m.structure; });
    }
    fmt::print(
        "exhaustively: {}\ntwo passes: the same best structure for {} of {} patterns (as similar a one: {}), "
        "{:.2f} % of those kept\n",
        counts.text(), same_best, patterns.size(), same_group_best,
        100.0 * static_cast<double>(kept_of_all) / static_cast<double>(all));
  }

  /// The pattern on 2 theta of another wavelength, as a file that doesn't name its radiation.
  static data::MeasuredPattern as_of(const data::MeasuredPattern& pattern, double from, double to) {
    data::MeasuredPattern there = data::to_two_theta(pattern, from, to);
    for (std::size_t i = 0; i < there.x.size(); ++i) {
      const double sine = std::sin(there.x[i] / 2 * std::numbers::pi / 180) * from / to;
      const double here = 2 * std::asin(std::min(sine, 1.0)) * 180 / std::numbers::pi;
      there.intensity[i] *= xrd::lorentz_polarisation(there.x[i]) / xrd::lorentz_polarisation(here);
    }
    return there;
  }

  void radiations(const data::SearchIndex& index) {
    data::Searcher searcher(*backend, index, settings);
    for (const auto& [symbol, wavelength] : std::array<std::pair<const char*, double>, 5>{
             {{"Cu", copper_k_alpha}, {"Co", 1.79026}, {"Fe", 1.93735}, {"Cr", 2.29100}, {"Mo", 0.71073}}}) {
      std::map<float, std::int64_t> found;
      Counts counts;
      for (std::size_t n = 0; n < patterns.size(); ++n) {
        const data::MeasuredPattern there = as_of(patterns[n], set.instrument().wavelength, wavelength);
        const auto all = data::search_radiations(searcher, there);
        for (const float margin : {0.0f, 0.02f, 0.03f, 0.05f, data::radiation_margin, 0.1f})
          found[margin] += all[data::best_radiation(all, margin)].anode == symbol;
        counts.add(library, all[data::best_radiation(all)].matches, truth(n), options.dft_penalty);
      }
      fmt::print("as of {}: {}; found with a margin of", symbol, counts.text());
      for (const auto& [margin, count] : found)
        fmt::print(" {:.2f}: {}", margin, count);
      fmt::print("\n");
    }
  }
};

void run(const Options& options) {
  if (options.passes > 0)
    return bench::time_passes(
        {.device = options.device,
         .threads = options.threads,
         .structures = options.passes,
         .patterns = std::min<std::int64_t>(options.limit, 256),
         .candidates = options.candidates > 0 ? options.candidates : data::SearchSettings{}.dft_candidates});
  if (options.patterns.empty()) throw UsageError("--patterns: a labelled pattern set is needed, or --passes");
  Bench bench(options);
  fmt::print("{}\n", bench.backend->description());
  data::SearchCache cache{.enabled = !options.cache.empty(), .folder = options.cache};
  if (cache.enabled && std::filesystem::exists(options.cache) && !std::filesystem::is_empty(options.cache))
    throw UsageError(fmt::format("--cache {}: the folder is not empty", options.cache));
  data::SearchIndex index = bench.timed_index("cold", cache);
  if (cache.enabled) index = bench.timed_index("warm", cache);
  if (options.radiations) return bench.radiations(index);
  if (options.exhaustive) return bench.exhaustive(index);
  bench.one_after_another(index);
  bench.together(index);
  fmt::print("{:.0f} MB resident, {:.0f} at most\n", resident_megabytes("VmRSS:"),
             resident_megabytes("VmHWM:"));
}

}  // namespace

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): it ends with it
  CLI::App app("The search's speed and what it finds");
  Options options;
  app.add_option("--experimental", options.experimental, "crystal sets of measured structures");
  app.add_option("--dft", options.dft, "crystal sets of computed structures");
  app.add_option("--patterns", options.patterns, "a labelled pattern set");
  app.add_option("--cache", options.cache, "a new folder: the index is built, kept there and read again");
  app.add_option("--device", options.device);
  app.add_option("--threads", options.threads);
  app.add_option("--candidates", options.candidates, "of either kind, left by the first pass");
  app.add_option("--limit", options.limit, "patterns at most");
  app.add_option("--dft-penalty", options.dft_penalty, "on -ln(1.02 - similarity)");
  app.add_flag("--exhaustive", options.exhaustive);
  app.add_flag("--radiations", options.radiations);
  app.add_option("--passes", options.passes, "structures: the device's part alone, on numbers of no meaning");
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
