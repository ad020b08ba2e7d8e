#include "apps/identify/identifier.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "data/library/built_in_library.h"
#include "data/patterns/bragg_lines.h"
#include "data/search/explained_lines.h"
#include "data/search/pattern_views.h"
#include "data/search/radiation_search.h"
#include "kernels/base/error.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

/// Copper is doubted where nothing states a wavelength and the best structure is less like the pattern than this.
constexpr float copper_is_doubted = 0.75f;
/// Lines of a candidate that are shown and compared: of its strongest, and above this d, A.
constexpr double weakest_line = 0.01, least_d_spacing = 0.7;
/// Structures this much less alike than another of the same name or formula are its variants.
constexpr double alike = 0.02;
constexpr std::int64_t network_batch = 32;

std::unique_ptr<data::JoinedLibrary> open_libraries(const IdentifierSettings& settings) {
  std::vector<std::shared_ptr<const data::Library>> libraries;
  if (settings.built_in) {
    if (auto library = data::built_in_library()) libraries.push_back(std::move(library));
  }
  for (const std::string& file : settings.libraries)
    libraries.push_back(std::make_shared<data::Library>(std::filesystem::path(file)));
  if (libraries.empty()) {
    throw UsageError(
        settings.built_in
            ? "this bragg was built without a library: name one by --library (bragg library build makes one)"
            : "--no-builtin-library without --library FILE leaves nothing to search");
  }
  return std::make_unique<data::JoinedLibrary>(std::move(libraries));
}

data::SearchLibrary search_library_of(const data::JoinedLibrary& library) {
  data::SearchLibrary result{.crystals = library.crystals(), .content_hash = library.content_hash()};
  std::map<std::pair<std::string, int>, std::int32_t> numbers;
  for (std::int64_t i = 0; i < library.size(); ++i) {
    result.kind.push_back(library.kind(i));
    // Only measured structures are limited to a few of a name.
    std::int32_t number = -1;
    if (library.kind(i) == data::StructureKind::experimental) {
      const auto key = std::pair(library.entry(i).title, library.space_group(i));
      number = numbers.try_emplace(key, static_cast<std::int32_t>(numbers.size())).first->second;
    }
    result.name.push_back(number);
  }
  return result;
}

xrd::BySpaceGroup<double> prior_of(const data::JoinedLibrary& library) {
  xrd::BySpaceGroup<double> prior;
  // Every group counts one more, so that none is impossible.
  for (int number = 1; number <= xrd::space_group_count; ++number)
    prior[number] = 1;
  for (std::int64_t i = 0; i < library.size(); ++i)
    ++prior[library.space_group(i)];
  for (int number = 1; number <= xrd::space_group_count; ++number)
    prior[number] /= static_cast<double>(library.size() + xrd::space_group_count);
  return prior;
}

/// The pattern on 2 theta of its own radiation, or of copper where it lies on q or d.
struct OnTwoTheta {
  data::MeasuredPattern pattern;
  double wavelength;  ///< A
};
OnTwoTheta on_two_theta(const MeasuredItem& item) {
  const bool is_angle = item.measured.abscissa == data::Abscissa::two_theta;
  const double wavelength = is_angle ? item.wavelength : data::search_wavelength;
  return {data::to_two_theta(item.measured, item.wavelength, wavelength), wavelength};
}

/// A structure's lines within what was measured, those of at least weakest_line of the strongest there.
std::vector<data::CalculatedLine> lines_of(Backend& backend, xrd::Crystal crystal, double scale,
                                           const OnTwoTheta& measured) {
  for (double* edge : {&crystal.cell.a, &crystal.cell.b, &crystal.cell.c})
    *edge *= scale;
  const double last = measured.wavelength < 2 * least_d_spacing
                          ? xrd::two_theta_from_d(least_d_spacing, measured.wavelength)
                          : 180;
  const double from = measured.pattern.x.front(), to = std::min(measured.pattern.x.back(), last);
  std::vector<data::CalculatedLine> lines;
  if (to <= from) return lines;
  const auto peaks = xrd::peaks(backend, crystal, {.wavelength = measured.wavelength, .range = {from, to}});
  double strongest = 0;
  for (const xrd::Reflection& peak : peaks)
    strongest = std::max(strongest, peak.intensity);
  for (const xrd::Reflection& peak : peaks) {
    if (peak.intensity >= weakest_line * strongest && strongest > 0)
      lines.push_back({peak.two_theta, peak.intensity / strongest, peak.hkl});
  }
  return lines;
}

bool is_same_phase(const Candidate& one, const Candidate& other) {
  return (!one.name.empty() && one.name == other.name) || one.formula == other.formula;
}

/// The share of what `parts` leave of the lines that another phase accounts for, the most of any.
double remainder_of(std::span<const data::BraggLine> measured, const std::vector<double>& parts,
                    const Candidate& best, std::span<const Candidate> others) {
  constexpr double is_explained = 0.95;
  std::vector<data::BraggLine> rest;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    if (parts[i] >= is_explained) continue;
    rest.push_back(measured[i]);
    rest.back().height *= 1 - parts[i];
  }
  double most = 0;
  for (const Candidate& other : others) {
    if (is_same_phase(best, other)) continue;
    most = std::max(most, data::explained_share(rest, data::explained_parts(rest, other.lines)));
  }
  return most;
}

void name_variants(std::vector<Candidate>& candidates) {
  for (Candidate& one : candidates) {
    for (const Candidate& other : candidates) {
      if (&one == &other || !is_same_phase(one, other) || std::abs(one.similarity - other.similarity) > alike)
        continue;
      one.variants.push_back(fmt::format("{} ({})", other.name.empty() ? other.formula : other.name,
                                         xrd::hm_short(other.space_group)));
    }
  }
}

/// The pattern for a page: a grid of even steps over what was measured, the highest 1.
void draw(const OnTwoTheta& measured, Identification& result) {
  const std::vector<double>& x = measured.pattern.x;
  const auto n = static_cast<std::int64_t>(x.size());
  const TwoThetaGrid grid{x.front(), (x.back() - x.front()) / static_cast<double>(n - 1), n};
  const data::GridValues values = data::resample(x, measured.pattern.intensity, grid);
  const double highest = *std::max_element(values.values.begin(), values.values.end());
  result.first = grid.start;
  result.step = grid.step;
  result.wavelength = measured.wavelength;
  for (const double value : values.values)
    result.values.push_back(static_cast<float>(highest > 0 ? value / highest : 0));
}

}  // namespace

Identifier::Identifier(Backend& backend, IdentifierSettings settings)
    : backend_(backend), settings_(std::move(settings)), library_(open_libraries(settings_)) {
  if (!settings_.model.empty()) {
    classifier_ = std::make_unique<Classifier>(backend_, settings_.model, network_batch);
    facts_ = classifier_->facts();
    if (facts_.classes != ClassKind::space_group)
      throw Error(
          fmt::format("{}: answers crystal systems; a model of space groups is needed", settings_.model));
  }
  index_ = std::make_unique<data::SearchIndex>(backend_, search_library_of(*library_), settings_.cache);
  searcher_ =
      std::make_unique<data::Searcher>(backend_, *index_, data::SearchSettings{}, allowed_structures());
  prior_ = prior_of(*library_);
}

std::vector<std::uint8_t> Identifier::allowed_structures() const {
  std::vector<std::uint8_t> allowed = data::allowed_structures(*index_, settings_.filter);
  const data::ElementSet& required = settings_.filter.required;
  if (required.is_empty()) return allowed;
  // One phase is named, which must hold what the phases together must hold.
  if (allowed.empty()) allowed.assign(static_cast<std::size_t>(index_->size()), 1);
  for (std::int64_t i = 0; i < index_->size(); ++i) {
    if (!required.is_subset_of(index_->elements(i))) allowed[static_cast<std::size_t>(i)] = 0;
  }
  return allowed;
}

void Identifier::try_radiations(MeasuredItem& item, Findings& found) {
  const auto radiations = data::search_radiations(*searcher_, item.measured);
  const data::RadiationMatches& best = radiations[data::best_radiation(radiations)];
  if (std::abs(best.wavelength - item.wavelength) < 1e-3 * item.wavelength) return;
  item.warnings.push_back(fmt::format(
      "nothing states the radiation: {} K-alpha ({:.5f} A) fits the library better than {:.5f} A "
      "(similarity {:.2f} against {:.2f})",
      best.anode, best.wavelength, item.wavelength, best.best_similarity(), found.best_similarity()));
  item.wavelength = best.wavelength;
  item.assumed.wavelength = Assumed::Wavelength{best.wavelength, WavelengthFrom::search, {}, {}};
  found.matches = best.matches;
  // What a network reads lies on its own wavelength's grid.
  data::PreparedPattern prepared = data::prepare_pattern(item.measured, item.wavelength, facts_.instrument);
  item.assumed.range = Assumed::Range{prepared.first, prepared.last, prepared.step, prepared.covered_share};
  item.values = std::move(prepared.values);
}

void Identifier::set_matches(const MeasuredItem& item, std::vector<data::SearchMatch> matches,
                             Findings& found) const {
  found.matches = std::move(matches);
  found.candidates.clear();
  for (const data::SearchMatch& match : found.matches) {
    found.candidates.push_back({library_->space_group(match.structure), match.similarity,
                                index_->kind(match.structure) == data::StructureKind::dft});
  }
  const OnTwoTheta measured = on_two_theta(item);
  found.lines = data::bragg_lines(measured.pattern.x, measured.pattern.intensity);
  found.unexplained = 1;
  if (found.matches.empty()) return;
  const data::SearchMatch& best = found.matches.front();
  const auto parts = data::explained_parts(
      found.lines.lines, lines_of(backend_, library_->crystal(best.structure), best.scale, measured));
  found.unexplained = 1 - data::explained_share(found.lines.lines, parts);
}

void Identifier::look_up(MeasuredItem& item, Findings& found) {
  const data::SearchPattern pattern{&item.measured, item.wavelength};
  found.matches = searcher_->search({&pattern, 1}).front();
  const auto& stated = item.assumed.wavelength;
  const bool is_open =
      stated && (stated->from == WavelengthFrom::model || stated->from == WavelengthFrom::default_value) &&
      item.measured.abscissa == data::Abscissa::two_theta;
  if (is_open && found.best_similarity() < copper_is_doubted) try_radiations(item, found);
  set_matches(item, std::move(found.matches), found);
}

void Identifier::ask_network(const std::vector<MeasuredItem>& items, std::vector<Findings>& found) {
  if (!classifier_) return;
  std::vector<std::vector<float>> patterns;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].refused) continue;
    patterns.push_back(items[i].values);
    asked.push_back(i);
  }
  std::vector<Probabilities> answers = classifier_->probabilities(patterns);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    found[asked[i]].network = std::move(answers[i].classes);
    found[asked[i]].network_system = std::move(answers[i].crystal_system);
  }
}

std::vector<Findings> Identifier::find(std::vector<MeasuredItem>& items) {
  std::vector<Findings> found(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].refused) continue;
    try {
      look_up(items[i], found[i]);
    } catch (const data::PatternRefused& refused) {
      items[i].refused = refused.what();
    }
  }
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
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].refused) continue;
    const data::SearchPattern pattern{&items[i].measured, items[i].wavelength};
    std::vector<data::SearchMatch> unlike;
    std::int64_t experimental = 0, dft = 0;
    const auto matches = wide.search({&pattern, 1});
    for (const data::SearchMatch& match : matches.front()) {
      if (match.similarity > most_similar) continue;
      const bool is_dft = index_->kind(match.structure) == data::StructureKind::dft;
      if (is_dft ? dft++ < kept_dft : experimental++ < kept_experimental) unlike.push_back(match);
    }
    set_matches(items[i], std::move(unlike), found[i]);
  }
  ask_network(items, found);
  return found;
}

Candidate Identifier::candidate_of(const data::SearchMatch& match, double probability) const {
  const data::LibraryEntry entry = library_->entry(match.structure);
  return {.structure = match.structure,
          .name = entry.name,
          .formula = entry.formula,
          .space_group = library_->space_group(match.structure),
          .cell = library_->crystal(match.structure).cell,
          .scale = match.scale,
          .similarity = std::clamp<double>(match.similarity, 0, 1),
          .probability = probability,
          .source = entry.source.name,
          .entry = entry.entry,
          .calculated = entry.kind == data::StructureKind::dft};
}

Identification Identifier::answer(const MeasuredItem& item, const Findings& found) const {
  Identification result{.file = item.file,
                        .index = item.index,
                        .assumed = item.assumed,
                        .warnings = item.warnings,
                        .refused = item.refused};
  if (result.refused) return result;
  const data::Ranking ranking =
      data::rank_candidates(found.candidates, prior_, found.unexplained, found.network);
  result.crystal_system = ranking.crystal_system;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    if (xrd::modulo_enantiomorph(number) == number)
      result.space_groups.push_back({number, ranking.space_group[number]});
  }
  std::stable_sort(
      result.space_groups.begin(), result.space_groups.end(),
      [](const GroupProbability& a, const GroupProbability& b) { return a.probability > b.probability; });

  // The likeliest group's structures stand first, so that the best candidate is of the group that is answered.
  std::vector<std::size_t> order(found.matches.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rank_of = [&](std::size_t i) {
    const int group = xrd::modulo_enantiomorph(found.candidates[i].space_group);
    return std::tuple(-ranking.space_group[group], group, -ranking.candidates[i]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank_of(a) < rank_of(b); });
  if (order.size() > most_candidates) order.resize(most_candidates);
  for (const std::size_t i : order)
    result.candidates.push_back(candidate_of(found.matches[i], ranking.candidates[i]));
  name_variants(result.candidates);
  set_verdict(item, found, result);
  return result;
}

void Identifier::set_verdict(const MeasuredItem& item, const Findings& found, Identification& result) const {
  const OnTwoTheta measured = on_two_theta(item);
  const data::BraggLines& lines = found.lines;
  VerdictFigures figures{
      .has_candidate = false, .confidence = result.confidence(), .line_share = lines.share};
  if (!result.candidates.empty()) {
    Candidate& best = result.candidates.front();
    const auto fill = [&](Candidate& one) {
      one.lines = lines_of(backend_, library_->crystal(one.structure), one.scale, measured);
    };
    fill(best);
    figures.has_candidate =
        xrd::modulo_enantiomorph(best.space_group) == result.space_groups.front().space_group;
    figures.similarity = best.similarity;
    const auto parts = data::explained_parts(lines.lines, best.lines);
    figures.explained = data::explained_share(lines.lines, parts);
    const std::span others = std::span(result.candidates).subspan(1);
    if (figures.explained < least_explained || settings_.with_lines)
      std::for_each(others.begin(), others.end(), fill);
    if (figures.explained < least_explained)
      figures.remainder = remainder_of(lines.lines, parts, best, others);
  }
  const Verdict verdict = verdict_of(figures);
  result.no_match = verdict.no_match;
  result.reason = verdict.reason;
  if (!result.no_match) result.phases.push_back(result.candidates.front());
  if (settings_.with_lines) draw(measured, result);
}

std::vector<Identification> Identifier::identify(std::vector<MeasuredItem> items) {
  const std::vector<Findings> found = find(items);
  std::vector<Identification> result;
  for (std::size_t i = 0; i < items.size(); ++i)
    result.push_back(answer(items[i], found[i]));
  return result;
}

}  // namespace bragg::apps
