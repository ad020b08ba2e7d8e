#include "apps/suite/answered_part.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "apps/evaluation/folds.h"
#include "apps/evaluation/lookup_evaluation.h"
#include "apps/evaluation/nearest_structures.h"
#include "apps/open_model.h"
#include "apps/suite/adaptation.h"
#include "apps/suite/suite_set.h"
#include "data/patterns/nearest_neighbour.h"

namespace bragg::apps {
namespace {

constexpr int adaptation_folds = 5;

/// The set of a part, without what was refused on the way.
SuiteSet read_set(const SuiteTools& tools, PartResult& result) {
  SuiteSet set = suite_set(tools.exact, *result.part, result.paths, tools.identifier.facts(), tools.threads);
  result.size = set.size;
  result.step = set.step;
  result.lookup_step = set.lookup_step;
  result.asked = std::ssize(set.items);
  result.looked_up = std::count(set.looked_up.begin(), set.looked_up.end(), 1);
  SuiteSet kept{.size = set.size, .step = set.step, .lookup_step = set.lookup_step};
  for (std::size_t i = 0; i < set.items.size(); ++i) {
    const MeasuredItem& item = set.items[i].item;
    if (item.refused) {
      result.refused.push_back({item.index, fmt::format("{}: {}", item.file, *item.refused)});
      result.looked_up -= set.looked_up[i];
      continue;
    }
    kept.items.push_back(std::move(set.items[i]));
    kept.looked_up.push_back(set.looked_up[i]);
    if (!set.kinds.empty()) kept.kinds.push_back(set.kinds[i]);
  }
  if (kept.items.empty())
    result.notes.push_back(set.size == 0 ? "The files hold no pattern of this kind."
                                         : "Every pattern was refused.");
  return kept;
}

/// The answers of a network to items.
std::vector<Answered> asked_network(Classifier& network, const SuiteSet& set,
                                    const std::vector<std::size_t>& rows) {
  std::vector<std::vector<float>> patterns;
  for (const std::size_t row : rows)
    patterns.push_back(set.items[row].item.values);
  const std::vector<Probabilities> probabilities = network.probabilities(patterns);
  std::vector<Answered> answers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LabelledItem& item = set.items[rows[i]];
    answers.push_back(answered_by_network(probabilities[i].classes, probabilities[i].crystal_system));
    answers.back().truth = item.space_group;
    answers.back().group = item.group;
    if (!set.kinds.empty()) answers.back().kind = set.kinds[rows[i]];
  }
  return answers;
}

std::vector<std::size_t> all_rows(const SuiteSet& set) {
  std::vector<std::size_t> rows(set.items.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

/// "best similarity below 0.7", "0.7 to 0.8", "above 0.8": how well the library knows what is measured.
void name_kinds(std::vector<Answered>& answers) {
  for (Answered& answer : answers)
    answer.kind = answer.similarity < 0.7f   ? "best similarity below 0.7"
                  : answer.similarity < 0.8f ? "best similarity 0.7 to 0.8"
                                             : "best similarity above 0.8";
  std::stable_sort(answers.begin(), answers.end(), [](const Answered& a, const Answered& b) {
    return (a.similarity >= 0.7f) + (a.similarity >= 0.8f) < (b.similarity >= 0.7f) + (b.similarity >= 0.8f);
  });
}

void add_looked_up(PartResult& result, LookupAnswers answers, bool without_resembling) {
  const bool are_all = result.lookup_step == 1;
  const auto add = [&](Answerer who, std::vector<Answered>& given) {
    if (given.empty()) return;
    name_kinds(given);
    result.answerers.push_back({who, !are_all, without_resembling, figures_of(given)});
  };
  add(Answerer::look_up, answers.look_up);
  if (!without_resembling && !are_all) add(Answerer::network, answers.network);
  add(Answerer::both, answers.both);
}

void look_up(const SuiteTools& tools, const SuiteSet& set, PartResult& result) {
  std::vector<LabelledItem> items;
  std::vector<MeasuredItem> measured;
  for (std::size_t i = 0; i < set.items.size(); ++i) {
    if (!set.looked_up[i]) continue;
    measured.push_back(set.items[i].item);
    items.push_back({{}, set.items[i].space_group, set.items[i].group});
  }
  const std::vector<Findings> found = tools.identifier.find(measured);
  const std::vector<Findings> others = tools.identifier.find_unlike(measured, resembling_similarity);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].item = std::move(measured[i]);
    if (items[i].item.refused)
      result.refused.push_back(
          {items[i].item.index, fmt::format("{}: look-up: {}", items[i].item.file, *items[i].item.refused)});
  }
  add_looked_up(result, answers_of(tools.identifier, items, found), false);
  add_looked_up(result, answers_of(tools.identifier, items, others), true);
}

void add_baselines(const SuiteTools& tools, const SuiteSet& set, PartResult& result) {
  std::vector<int> truth;
  std::vector<std::int32_t> group;
  for (const LabelledItem& item : set.items) {
    truth.push_back(item.space_group);
    group.push_back(item.group);
  }
  result.baselines.push_back({"most frequent class", most_frequent_figures(truth, group)});
  if (!tools.references) return;
  const ModelFacts& facts = tools.identifier.facts();
  const data::PatternSet& references = *tools.references;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(references.size()));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  std::vector<std::uint8_t> usable;
  const data::FeatureRows known = features_of(references, rows, facts, usable);
  const data::FeatureRows queries{std::ssize(set.items), [&](std::int64_t i, std::span<float> dst) {
                                    data::similarity_features(
                                        set.items[static_cast<std::size_t>(i)].item.values, dst);
                                  }};
  const auto found = data::nearest_neighbours(
      tools.exact, queries, known, facts.instrument.grid.points,
      [&](std::int64_t, std::int64_t row) { return usable[static_cast<std::size_t>(row)] != 0; });
  std::vector<int> neighbour;
  for (const data::Neighbour& one : found)
    neighbour.push_back(one.row < 0 ? 0 : references.space_group(one.row));
  result.baselines.push_back({"nearest neighbour", neighbour_figures(neighbour, truth, group)});
}

}  // namespace

void answer_part(const SuiteTools& tools, PartResult& result) {
  const SuiteSet set = read_set(tools, result);
  if (set.items.empty()) return;
  if (Classifier* const network = tools.identifier.classifier())
    result.answerers.push_back(
        {Answerer::network, false, false, figures_of(asked_network(*network, set, all_rows(set)))});
  if (result.looked_up > 0) look_up(tools, set, result);
  add_baselines(tools, set, result);
}

void adapt_part(const SuiteTools& tools, PartResult& result) {
  Classifier* const network = tools.identifier.classifier();
  if (!network) {
    result.notes.emplace_back("Not asked: there is no network to adapt.");
    return;
  }
  const SuiteSet set = read_set(tools, result);
  std::vector<std::int32_t> group;
  for (const LabelledItem& item : set.items)
    group.push_back(item.group);
  const SafetensorsFile weights = open_model(tools.model);
  const std::vector<int> fold_of = folds_of(group, adaptation_folds);
  std::vector<Answered> answers;
  for (int fold = 0; fold < adaptation_folds; ++fold) {
    std::vector<std::vector<float>> patterns;
    std::vector<int> space_groups;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < set.items.size(); ++i) {
      if (fold_of[i] == fold) {
        asked.push_back(i);
      } else {
        patterns.push_back(set.items[i].item.values);
        space_groups.push_back(set.items[i].space_group);
      }
    }
    if (asked.empty()) continue;
    if (patterns.empty()) {
      result.notes.emplace_back("Not asked: all patterns are of one group.");
      return;
    }
    const auto own =
        adapted(tools.backend, *network, weights, patterns, space_groups, {.seed = result.part->seed});
    std::vector<Answered> given = asked_network(*own, set, asked);
    answers.insert(answers.end(), std::make_move_iterator(given.begin()),
                   std::make_move_iterator(given.end()));
  }
  if (answers.empty()) return;
  result.answerers.push_back(
      {Answerer::network, false, false, figures_of(asked_network(*network, set, all_rows(set)))});
  result.answerers.push_back({Answerer::adapted, false, false, figures_of(answers)});
}

}  // namespace bragg::apps
