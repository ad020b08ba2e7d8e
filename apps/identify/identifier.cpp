#include "apps/identify/identifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "apps/identify/identification_curves.h"
#include "apps/open_libraries.h"
#include "apps/open_model.h"
#include "data/search/explained_lines.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

/// Structures this much less alike than another of the same name or formula are its variants.
constexpr double alike = 0.02;
constexpr std::int64_t network_batch = 32;

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

void name_variants(std::vector<Candidate>& candidates) {
  for (Candidate& one : candidates) {
    for (const Candidate& other : candidates) {
      if (&one == &other || !is_same_phase(one, other) || std::abs(one.similarity - other.similarity) > alike)
        continue;
      one.variants.push_back(variant_text(other));
    }
  }
}

}  // namespace

Identifier::Identifier(Backend& backend, IdentifierSettings settings)
    : backend_(backend),
      settings_(std::move(settings)),
      pool_(settings_.threads),
      library_(std::make_unique<data::JoinedLibrary>(
          libraries_to_search(settings_.libraries, settings_.built_in))) {
  if (settings_.with_network && !(settings_.model.empty() && built_in_model_name().empty())) {
    classifier_ = std::make_unique<Classifier>(backend_, open_model(settings_.model), network_batch);
    facts_ = classifier_->facts();
    if (facts_.classes != ClassKind::space_group)
      throw Error(fmt::format("{}: answers crystal systems; a model of space groups is needed", network()));
  }
  index_ = std::make_unique<data::SearchIndex>(backend_, data::search_library_of(*library_), settings_.cache,
                                               settings_.threads);
  searcher_ =
      std::make_unique<data::Searcher>(backend_, *index_, data::SearchSettings{}, allowed_structures());
  prior_ = prior_of(*library_);
}

std::vector<std::uint8_t> Identifier::allowed_structures() const {
  std::vector<std::uint8_t> allowed = data::allowed_structures(*index_, settings_.filter);
  const data::ElementSet& required = settings_.filter.required;
  if (required.is_empty()) return allowed;
  // One phase alone must hold what the phases together must hold.
  if (allowed.empty()) allowed.assign(static_cast<std::size_t>(index_->size()), 1);
  for (std::int64_t i = 0; i < index_->size(); ++i) {
    if (!required.is_subset_of(index_->elements(i))) allowed[static_cast<std::size_t>(i)] = 0;
  }
  return allowed;
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

Candidate Identifier::known(std::int64_t structure) const {
  const data::LibraryEntry entry = library_->entry(structure);
  return {.structure = structure,
          .name = entry.name,
          .formula = entry.formula,
          .space_group = library_->space_group(structure),
          .cell = {},
          .source = entry.source.name,
          .entry = entry.entry,
          .calculated = entry.kind == data::StructureKind::dft};
}

Candidate Identifier::candidate_of(const data::SearchMatch& match, const data::RefinedCandidate& refined,
                                   double probability) const {
  Candidate candidate = known(match.structure);
  candidate.cell = refined.cell;
  candidate.cell_change = refined.cell_change;
  candidate.zero = refined.zero();
  candidate.displacement = refined.displacement();
  candidate.similarity = std::clamp<double>(match.similarity, 0, 1);
  candidate.probability = probability;
  candidate.residual = refined.residual;
  candidate.explained = double{refined.figures.explained};
  return candidate;
}

Identification Identifier::answer(const MeasuredItem& item, const Findings& found) {
  Identification result{.file = item.file,
                        .index = item.index,
                        .assumed = item.assumed,
                        .warnings = item.warnings,
                        .refused = item.refused};
  if (result.refused) return result;
  const data::Ranking ranking = data::rank_candidates(found.candidates, prior_, found.network);
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
    result.candidates.push_back(candidate_of(found.matches[i], found.refined[i], ranking.candidates[i]));
  name_variants(result.candidates);
  set_verdict(item, found, result);
  return result;
}

void Identifier::set_verdict(const MeasuredItem& item, const Findings& found, Identification& result) {
  const OnTwoTheta measured = on_two_theta(item);
  const data::BraggLines& lines = found.lines;
  VerdictFigures figures{
      .has_candidate = false, .confidence = result.confidence(), .line_share = lines.share};
  if (!result.candidates.empty()) {
    Candidate& best = result.candidates.front();
    const auto fill = [&](Candidate& one) {
      one.lines = lines_of(backend_, library_->crystal(one.structure), one.cell, {one.zero, one.displacement},
                           measured);
    };
    fill(best);
    figures.has_candidate =
        xrd::modulo_enantiomorph(best.space_group) == result.space_groups.front().space_group;
    figures.similarity = best.similarity;
    figures.fitted = best.explained;
    const auto parts = data::explained_parts(lines.lines, best.lines);
    figures.explained = data::explained_share(lines.lines, parts);
    const std::span others = std::span(result.candidates).subspan(1);
    if (figures.explained < least_explained || settings_.with_lines)
      std::for_each(others.begin(), others.end(), fill);
    if (figures.explained < least_explained)
      figures.remainder = remainder_of(lines.lines, parts, best, others);
  }
  if (settings_.with_lines) draw_curves(measured, found, result);
  const Verdict verdict = verdict_of(figures);
  const bool may_be_several = verdict.no_match != NoMatch::amorphous && !result.candidates.empty() &&
                              found.may_lack_required == !settings_.filter.required.is_empty() &&
                              result.candidates.front().explained < one_phase_explains;
  if (may_be_several && take_apart(item, found, result)) return;
  result.no_match = verdict.no_match;
  result.reason = verdict.reason;
  if (!result.no_match) accept(item, found, result);
}

std::vector<Identification> Identifier::identify(std::vector<MeasuredItem> items) {
  const std::vector<Findings> found = find(items);
  std::vector<Identification> result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    result.push_back(answer(items[i], found[i]));
    if (settings_.filter.required.is_empty() || result.back().refused) continue;
    const bool is_named = !result.back().phases.empty();
    if (is_named && result.back().candidates.front().explained >= one_phase_explains) continue;
    // No phase alone holds what is required and explains the pattern.
    Findings together;
    together.network = found[i].network;
    together.network_system = found[i].network_system;
    together.may_lack_required = true;
    const LookUp one{&items[i], &together};
    search(mixture_searcher(), {&one, 1});
    refine_matches({&one, 1});
    Identification other = answer(items[i], together);
    const bool is_better = is_named ? other.phases.size() > 1 : !other.phases.empty();
    if (is_better || result.back().candidates.empty()) result.back() = std::move(other);
  }
  return result;
}

}  // namespace bragg::apps
