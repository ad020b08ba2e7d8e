#include "bench/refinement/together.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "bench/measured_pattern.h"
#include "data/refinement/median.h"
#include "data/refinement/refined_structures.h"
#include "data/refinement/refinement_levels.h"
#include "data/refinement/refiner.h"
#include "data/search/search.h"
#include "data/search/search_pass.h"
#include "kernels/base/error.h"
#include "kernels/base/thread_pool.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::bench {
namespace {

constexpr double first_angle = 5, last_angle = 90;  ///< degrees, what is refined

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Normally distributed, from 12 numbers of a congruential generator.
double noise(std::uint64_t& state) {
  double sum = 0;
  for (int i = 0; i < 12; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    sum += static_cast<double>(state >> 11) * 0x1p-53;
  }
  return sum - 6;
}

data::MeasuredPattern drawn_pattern(Backend& backend, xrd::Crystal crystal, std::uint64_t seed) {
  constexpr double step = 0.02, fwhm = 0.12, growth = 1.002, background = 100, highest = 5000;
  constexpr std::int64_t points = 4250;
  for (double* const edge : {&crystal.cell.a, &crystal.cell.b, &crystal.cell.c})
    *edge *= growth;
  std::vector<double> lines(index(points));
  for (const xrd::Reflection& peak :
       xrd::peaks(backend, crystal, {.wavelength = copper_k_alpha, .range = {first_angle, last_angle}})) {
    const double at = (peak.two_theta - first_angle) / step, reach = 4 * fwhm / step;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(at - reach)),
               end = std::min(points, static_cast<std::int64_t>(at + reach) + 1);
    for (std::int64_t i = first; i < end; ++i) {
      const double away = (static_cast<double>(i) - at) * step / fwhm;
      lines[index(i)] += peak.intensity * std::exp2(-4 * away * away);
    }
  }
  const double most = std::max(1e-9, *std::max_element(lines.begin(), lines.end()));
  data::MeasuredPattern pattern;
  for (std::int64_t i = 0; i < points; ++i) {
    const double y = background + highest * lines[index(i)] / most;
    pattern.x.push_back(first_angle + step * static_cast<double>(i));
    pattern.intensity.push_back(std::max(0.0, y + std::sqrt(y) * noise(seed)));
  }
  return pattern;
}

struct Seconds {
  double wall = 0, cpu = 0;
};

Seconds seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  Seconds seconds{0, -cpu_seconds()};
  work();
  seconds.cpu += cpu_seconds();
  seconds.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return seconds;
}

/// A part's seconds, a value a round.
struct Part {
  std::string name;
  std::vector<double> wall, cpu;

  void add(const Seconds& seconds) {
    wall.push_back(seconds.wall);
    cpu.push_back(seconds.cpu);
  }
};

/// A call, and the parts of it that are the host's.
class Timed {
 public:
  Timed(Backend& backend, const data::JoinedLibrary& library, const data::SearchIndex& search_index,
        std::span<const data::MeasuredPattern> patterns, const Together& options)
      : backend_(backend),
        library_(library),
        searcher_(backend, search_index),
        pool_(options.threads),
        wavelength_(options.wavelength) {
    for (std::int64_t n = 0; n < options.patterns; ++n)
      patterns_.push_back({&patterns[index(n) % patterns.size()], wavelength_});
    for (const data::ScaleRange& range :
         {data::SearchSettings().experimental_scales, data::SearchSettings().dft_scales})
      for (const double scale : data::values_of(range))
        scales_.emplace_back(scale);
  }

  void run_round();
  void print() const;

 private:
  void each(const std::function<void(std::size_t)>& work) {
    pool_.run(std::ssize(patterns_), [&](std::int64_t n, int) { work(index(n)); });
  }
  void put_crystals();
  void time_host();
  std::vector<data::LinesWanted> lines_wanted() const;
  void time_lines();

  Backend& backend_;
  const data::JoinedLibrary& library_;
  data::Searcher searcher_;
  ThreadPool pool_;
  double wavelength_;
  std::vector<data::SearchPattern> patterns_;
  std::vector<data::CellScale> scales_;
  std::vector<data::SearchResult> found_;
  std::vector<data::CandidatesToRefine> wanted_;
  std::int64_t candidates_ = 0, distinct_ = 0, refused_ = 0;
  Part search_{"search", {}, {}}, crystals_{"crystals of the library", {}, {}}, refine_{"refinement", {}, {}};
  enum HostPart : std::size_t { views_part, scales_part, crystals_part, atoms_part, lines_part, grids_part };
  std::vector<Part> host_{{"views", {}, {}},
                          {"views at all scales", {}, {}},
                          {"crystals of the library", {}, {}},
                          {"atoms of their cells", {}, {}},
                          {"their lines in order", {}, {}},
                          {"patterns on the levels' grids", {}, {}}};
};

void Timed::put_crystals() {
  std::unordered_map<std::int32_t, std::shared_ptr<const xrd::Crystal>> crystals;
  for (const data::SearchResult& found : found_)
    for (const data::SearchMatch& match : found.matches)
      crystals.try_emplace(match.structure);
  std::vector<std::pair<const std::int32_t, std::shared_ptr<const xrd::Crystal>>*> entries;
  for (auto& entry : crystals)
    entries.push_back(&entry);
  pool_.run(std::ssize(entries), [&](std::int64_t i, int) {
    auto& [structure, crystal] = *entries[index(i)];
    crystal = std::make_shared<const xrd::Crystal>(library_.crystal(structure));
  });
  distinct_ = std::ssize(entries);
  wanted_.assign(patterns_.size(), {});
  each([&](std::size_t n) {
    wanted_[n] = {.pattern = {patterns_[n].measured, wavelength_},
                  .starts = {},
                  .lines_from = first_angle,
                  .lines_to = last_angle};
    for (const data::SearchMatch& match : found_[n].matches)
      wanted_[n].starts.emplace_back(crystals.at(match.structure), match.scale);
  });
}

/// Of each crystal once, some to a list.
std::vector<data::LinesWanted> Timed::lines_wanted() const {
  constexpr std::size_t of_a_list = 64;
  std::unordered_set<const xrd::Crystal*> known;
  std::vector<data::LinesWanted> wanted;
  for (const data::CandidatesToRefine& one : wanted_)
    for (const data::RefinementStart& start : one.starts) {
      if (!known.insert(start.crystal.get()).second) continue;
      if (wanted.empty() || wanted.back().crystals.size() == of_a_list)
        wanted.push_back({.crystals = {},
                          .least_d = xrd::d_from_two_theta(last_angle, wavelength_),
                          .most_d = xrd::d_from_two_theta(first_angle, wavelength_),
                          .wavelength = wavelength_});
      wanted.back().crystals.push_back(start.crystal.get());
    }
  return wanted;
}

/// Without structure_factors, which is the device's.
void Timed::time_lines() {
  const std::vector<data::LinesWanted> wanted = lines_wanted();
  if (wanted.empty()) throw Error("nothing is found for any of the patterns: no lines to time");
  std::vector<CrystalBatch> batches(wanted.size());
  const Seconds atoms = seconds_of([&] {
    pool_.run(std::ssize(wanted), [&](std::int64_t n, int) {
      xrd::CrystalBatchBuilder builder;
      for (const xrd::Crystal* const crystal : wanted[index(n)].crystals)
        builder.add(*crystal);
      batches[index(n)] = builder.take();
    });
  });
  CrystalBatch all;
  for (const CrystalBatch& batch : batches)
    xrd::append_batch(all, batch);
  const Seconds whole = seconds_of(
      [&] { data::refined_structures(backend_, pool_, wanted, data::candidate_levels().back().lines); });
  constexpr double margin = 0.04;  // as of refined_structures
  const Seconds device = seconds_of([&] {
    backend_.structure_factors({.stol_min = (1 - margin) / (2 * wanted[0].most_d),
                                .stol_max = (1 + margin) / (2 * wanted[0].least_d)},
                               all);
    backend_.synchronize();
  });
  host_[atoms_part].add(atoms);
  host_[lines_part].add({whole.wall - device.wall - atoms.wall, whole.cpu - device.cpu - atoms.cpu});
}

void Timed::time_host() {
  std::vector<data::PatternViews> views(patterns_.size());
  const auto time = [&](std::size_t part, const std::function<void(std::size_t)>& work) {
    const Seconds seconds = seconds_of([&] {
      each([&](std::size_t n) {
        if (!found_[n].refused) work(n);
      });
    });
    host_[part].add(seconds);
  };
  time(views_part, [&](std::size_t n) { views[n] = data::views_of(*patterns_[n].measured, wavelength_); });
  time(scales_part, [&](std::size_t n) {
    for (const data::CellScale& scale : scales_)
      (void)scale.of(views[n]);
  });
  host_[crystals_part].add(seconds_of([&] { put_crystals(); }));
  time_lines();
  time(grids_part, [&](std::size_t n) {
    const data::RefinementPattern pattern(wanted_[n].pattern, first_angle, last_angle);
    for (const data::RefinementLevel& level : data::candidate_levels())
      (void)pattern.on_grid(level.step, level.blur, data::model_misfit);
  });
}

void Timed::run_round() {
  std::vector<data::RefinedCandidates> refined;
  search_.add(seconds_of([&] { found_ = searcher_.search(patterns_, pool_); }));
  crystals_.add(seconds_of([&] { put_crystals(); }));
  refine_.add(seconds_of([&] { refined = data::refine_candidates(backend_, pool_, wanted_); }));
  candidates_ = refused_ = 0;
  for (std::size_t n = 0; n < refined.size(); ++n) {
    candidates_ += std::ssize(refined[n].candidates);
    refused_ += found_[n].refused || refined[n].refused;
  }
  time_host();
}

void Timed::print() const {
  const auto patterns = static_cast<double>(patterns_.size());
  double wall = 0, host = 0;
  const auto ms = [&](const std::vector<double>& seconds) { return 1000 * data::median(seconds) / patterns; };
  for (const Part* const part : {&search_, &crystals_, &refine_})
    wall += ms(part->wall);
  fmt::print(
      "{}, {} threads of the host: {} patterns a call, {} refused, {} candidates of {} "
      "structures\n",
      backend_.description(), pool_.size(), patterns_.size(), refused_, candidates_, distinct_);
  fmt::print("{:.0f} patterns/s, {:.0f} candidates/s\n", 1000 / wall,
             1000 / wall * static_cast<double>(candidates_) / patterns);
  for (const Part* const part : {&search_, &crystals_, &refine_})
    fmt::print("  {:<32} {:8.3f} ms a pattern\n", part->name, ms(part->wall));
  fmt::print("the host's parts of these, once more: ms a pattern, ms of one core\n");
  double cpu = 0;
  for (const Part& part : host_) {
    fmt::print("  {:<32} {:8.3f} {:8.3f}\n", part.name, ms(part.wall), ms(part.cpu));
    host += ms(part.wall);
    cpu += ms(part.cpu);
  }
  fmt::print("  {:<32} {:8.3f} {:8.3f}   {:.0f} % of the call\n", "together", host, cpu, 100 * host / wall);
}

}  // namespace

std::vector<data::MeasuredPattern> drawn_patterns(Backend& backend, const data::JoinedLibrary& library,
                                                  std::int64_t count) {
  std::vector<data::MeasuredPattern> patterns;
  for (std::int64_t n = 0; n < count; ++n)
    patterns.push_back(
        drawn_pattern(backend, library.crystal(n * library.size() / count), static_cast<std::uint64_t>(n)));
  return patterns;
}

void time_together(Backend& backend, const data::JoinedLibrary& library,
                   const data::SearchIndex& search_index, std::span<const data::MeasuredPattern> patterns,
                   const Together& options) {
  Timed timed(backend, library, search_index, patterns, options);
  for (int round = 0; round < options.rounds; ++round)
    timed.run_round();
  timed.print();
}

}  // namespace bragg::bench
