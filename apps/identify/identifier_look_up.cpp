// The first step of Identifier: the structures that look like measured patterns, refined against them. Many patterns go through it
// together: each of its parts takes all that are there, and the host's own work is shared by threads.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "apps/identify/identifier.h"
#include "data/search/pattern_views.h"
#include "xrd/symmetry/lattice_axes.h"

namespace bragg::apps {
namespace {

/// Copper is doubted where nothing states a wavelength and the best structure is less like the pattern than this.
constexpr float copper_is_doubted = 0.75f;
/// Measured points of the patterns that are looked up together.
constexpr std::size_t points_at_once = 2'000'000;

/// Whether nothing states the radiation.
bool is_open(const MeasuredItem& item) {
  const auto& stated = item.assumed.wavelength;
  return stated && (stated->from == WavelengthFrom::model || stated->from == WavelengthFrom::default_value) &&
         item.measured.abscissa == data::Abscissa::two_theta;
}

}  // namespace

bool Identifier::is_full(std::size_t patterns, std::size_t points) const {
  return patterns >= static_cast<std::size_t>(data::patterns_at_once(backend_)) || points >= points_at_once;
}

std::vector<Identifier::LookUp> Identifier::not_refused(std::span<const LookUp> all) {
  std::vector<LookUp> left;
  std::copy_if(all.begin(), all.end(), std::back_inserter(left),
               [](const LookUp& one) { return !one.item->refused; });
  return left;
}

void Identifier::in_parts(std::vector<MeasuredItem>& items, std::vector<Findings>& found,
                          const std::function<void(std::span<const LookUp>)>& work) const {
  std::vector<LookUp> all;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!items[i].refused) all.push_back({&items[i], &found[i]});
  const std::span<const LookUp> left(all);
  for (std::size_t first = 0, end = 0; first < left.size(); first = end) {
    for (std::size_t points = 0; end < left.size() && !is_full(end - first, points); ++end)
      points += left[end].item->measured.x.size();
    work(left.subspan(first, end - first));
  }
}

void Identifier::each(std::span<const LookUp> all,
                      const std::function<void(std::size_t i, const LookUp&)>& work) {
  pool_.run(std::ssize(all), [&](std::int64_t n, int) {
    const auto i = static_cast<std::size_t>(n);
    try {
      work(i, all[i]);
    } catch (const data::PatternRefused& refused) {
      all[i].item->refused = refused.what();
      *all[i].found = {};
    }
  });
}

void Identifier::search(data::Searcher& searcher, std::span<const LookUp> all) {
  std::vector<data::SearchPattern> patterns;
  for (const LookUp& one : all)
    patterns.push_back({&one.item->measured, one.item->wavelength});
  std::vector<data::SearchResult> results = searcher.search(patterns, pool_);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].found->matches = std::move(results[i].matches);
    if (results[i].refused) all[i].item->refused = results[i].refused->what();
  }
}

void Identifier::take_radiation(const LookUp& one, std::span<const data::RadiationMatches> radiations) const {
  MeasuredItem& item = *one.item;
  const data::RadiationMatches& best = radiations[data::best_radiation(radiations)];
  if (std::abs(best.wavelength - item.wavelength) < 1e-3 * item.wavelength) return;
  item.warnings.push_back(fmt::format(
      "nothing states the radiation: {} K-alpha ({:.5f} A) fits the library better than {:.5f} A "
      "(similarity {:.2f} against {:.2f})",
      best.anode, best.wavelength, item.wavelength, best.best_similarity(), one.found->best_similarity()));
  item.wavelength = best.wavelength;
  item.assumed.wavelength = Assumed::Wavelength{best.wavelength, WavelengthFrom::search, {}, {}};
  one.found->matches = best.matches;
  // What a network reads lies on its own wavelength's grid.
  data::PreparedPattern prepared = data::prepare_pattern(item.measured, item.wavelength, facts_.instrument);
  item.assumed.range = Assumed::Range{prepared.first, prepared.last, prepared.step, prepared.covered_share};
  item.values = std::move(prepared.values);
}

void Identifier::try_radiations(std::span<const LookUp> all) {
  std::vector<const data::MeasuredPattern*> patterns;
  for (const LookUp& one : all)
    patterns.push_back(&one.item->measured);
  const auto results = data::search_radiations(mixture_searcher(), patterns, pool_);
  each(all, [&](std::size_t i, const LookUp& one) {
    if (results[i].refused) throw data::PatternRefused(*results[i].refused);
    take_radiation(one, results[i].found);
  });
}

void Identifier::take_refined(const data::CandidatesToRefine& of, std::vector<data::RefinedCandidate> refined,
                              Findings& found) const {
  std::vector<data::SearchMatch> kept;
  for (std::size_t i = 0; i < refined.size(); ++i) {
    if (refined[i].is_dropped) continue;
    const data::SearchMatch& match = found.matches[i];
    const xrd::Crystal& known = *of.starts[i].crystal;
    found.candidates.push_back({.space_group = library_->space_group(match.structure),
                                .similarity = match.similarity,
                                .calculated = index_->kind(match.structure) == data::StructureKind::dft,
                                .root_cosine = double{refined[i].figures.root_cosine},
                                .misfit = refined[i].misfit(),
                                .explained = double{refined[i].figures.explained},
                                .obliquity = xrd::obliquity_beyond(known.group, known.cell),
                                .refined_obliquity = xrd::obliquity_beyond(known.group, refined[i].cell)});
    kept.push_back(match);
    found.refined.push_back(std::move(refined[i]));
  }
  found.matches = std::move(kept);
}

Identifier::Crystals Identifier::crystals_of(std::span<const LookUp> all) {
  Crystals crystals;
  for (const LookUp& one : all)
    for (const data::SearchMatch& match : one.found->matches)
      crystals.try_emplace(match.structure);
  std::vector<Crystals::value_type*> entries;
  for (Crystals::value_type& entry : crystals)
    entries.push_back(&entry);
  pool_.run(std::ssize(entries), [&](std::int64_t i, int) {
    auto& [structure, crystal] = *entries[static_cast<std::size_t>(i)];
    crystal = std::make_shared<const xrd::Crystal>(library_->crystal(structure));
  });
  return crystals;
}

void Identifier::refine_matches(std::span<const LookUp> all) {
  const Crystals crystals = crystals_of(all);
  std::vector<OnTwoTheta> measured(all.size());
  std::vector<data::CandidatesToRefine> wanted(all.size());
  each(all, [&](std::size_t i, const LookUp& one) {
    one.found->refined.clear();
    one.found->candidates.clear();
    const OnTwoTheta& there = measured[i] = on_two_theta(*one.item);
    one.found->lines = data::bragg_lines(there.pattern.x, there.pattern.intensity);
    wanted[i] = {.pattern = {&there.pattern, there.wavelength, there.are_angles},
                 .starts = {},
                 .lines_from = data::angle_of(data::search_grid.start, there.wavelength),
                 .lines_to = data::angle_of(data::search_grid.end(), there.wavelength)};
    for (const data::SearchMatch& match : one.found->matches)
      wanted[i].starts.emplace_back(crystals.at(match.structure), match.scale);
  });
  std::vector<data::RefinedCandidates> refined =
      data::refine_candidates(backend_, pool_, wanted, settings_.with_lines);
  each(all, [&](std::size_t i, const LookUp& one) {
    if (refined[i].refused) throw data::PatternRefused(*refined[i].refused);
    take_refined(wanted[i], std::move(refined[i].candidates), *one.found);
  });
}

void Identifier::look_up(std::span<const LookUp> all) {
  std::vector<LookUp> open, stated;
  for (const LookUp& one : all)
    (is_open(*one.item) ? open : stated).push_back(one);
  // The radiation is told by whatever may be a phase, alone or beside others.
  const bool is_alike = settings_.filter.required.is_empty();
  search(*searcher_, is_alike ? all : stated);
  if (!is_alike && !open.empty()) search(mixture_searcher(), open);
  std::vector<LookUp> doubted = not_refused(open);
  std::erase_if(doubted, [](const LookUp& one) { return one.found->best_similarity() >= copper_is_doubted; });
  if (!doubted.empty()) try_radiations(doubted);
  if (!is_alike) search(*searcher_, not_refused(open));
  refine_matches(not_refused(all));
}

std::vector<Findings> Identifier::find(std::vector<MeasuredItem>& items) {
  std::vector<Findings> found(items.size());
  in_parts(items, found, [&](std::span<const LookUp> part) { look_up(part); });
  ask_network(items, found);
  return found;
}

std::vector<Findings> Identifier::find_unlike(std::vector<MeasuredItem>& items, float most_similar) {
  // Whole families resemble a pattern of theirs: as many are asked for as the search looks at.
  data::SearchSettings settings;
  const std::int64_t kept_experimental = settings.experimental, kept_dft = settings.dft;
  settings.experimental = settings.experimental_candidates;
  settings.dft = settings.dft_candidates;
  data::Searcher wide(backend_, *index_, settings, allowed_structures());
  std::vector<Findings> found(items.size());
  in_parts(items, found, [&](std::span<const LookUp> part) {
    search(wide, part);
    for (const LookUp& one : part) {
      std::vector<data::SearchMatch> unlike;
      std::int64_t experimental = 0, dft = 0;
      for (const data::SearchMatch& match : one.found->matches) {
        if (match.similarity > most_similar) continue;
        const bool is_dft = index_->kind(match.structure) == data::StructureKind::dft;
        if (is_dft ? dft++ < kept_dft : experimental++ < kept_experimental) unlike.push_back(match);
      }
      one.found->matches = std::move(unlike);
    }
    refine_matches(not_refused(part));
  });
  ask_network(items, found);
  return found;
}

}  // namespace bragg::apps
