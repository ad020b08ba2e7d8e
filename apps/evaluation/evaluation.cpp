#include "apps/evaluation/evaluation.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "apps/evaluation/nearest_structures.h"
#include "data/patterns/nearest_neighbour.h"
#include "data/patterns/resample.h"
#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

constexpr int bootstrap_draws = 2000;
constexpr std::uint32_t bootstrap_seed = 1;

struct GroupCount {
  std::int64_t right = 0, count = 0;
  double share() const { return static_cast<double>(right) / static_cast<double>(count); }
};

/// 2.5th and 97.5th percentile of the accuracy over draws of whole groups with replacement.
nn::Interval bootstrap(const std::vector<GroupCount>& groups) {
  std::vector<double> shares;
  for (int draw = 0; draw < bootstrap_draws; ++draw) {
    GroupCount sum;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const auto bits = random_call(bootstrap_seed, RandomStream::split, static_cast<std::uint32_t>(i / 4), 0,
                                    static_cast<std::uint64_t>(draw));
      const GroupCount& drawn = groups[uniform_below(bits[i % 4], groups.size())];
      sum.right += drawn.right;
      sum.count += drawn.count;
    }
    shares.push_back(sum.share());
  }
  std::sort(shares.begin(), shares.end());
  const auto at = [&](double q) { return shares[static_cast<std::size_t>(q * (bootstrap_draws - 1) + 0.5)]; };
  return {at(0.025), at(0.975)};
}

/// Which answers are right, and the groups they belong to.
class Tally {
 public:
  explicit Tally(const std::vector<Answer>& answers) {
    for (const Answer& answer : answers)
      group_.push_back(answer.group);
  }
  template <typename IsRight>
  Rate rate(const std::vector<Answer>& answers, IsRight is_right) const {
    std::vector<std::uint8_t> right;
    for (const Answer& answer : answers)
      right.push_back(is_right(answer));
    return rate_of(right, group_);
  }

 private:
  std::vector<std::int32_t> group_;
};

nn::Predictions predictions_of(const std::vector<Answer>& answers, ClassKind wanted) {
  nn::Predictions result;
  result.patterns = static_cast<std::int64_t>(answers.size());
  result.classes = wanted == ClassKind::space_group ? xrd::space_group_count : xrd::crystal_system_count;
  for (const Answer& answer : answers) {
    const std::vector<float>& row =
        wanted == ClassKind::space_group ? answer.probabilities : answer.crystal_system;
    result.probabilities.insert(result.probabilities.end(), row.begin(), row.end());
    result.labels.push_back(class_of(answer.space_group, wanted));
  }
  return result;
}

ClassScores scores_of(const std::vector<Answer>& answers, const Tally& tally, ClassKind wanted) {
  const nn::Predictions predictions = predictions_of(answers, wanted);
  ClassScores scores;
  scores.metrics = nn::evaluate(predictions);
  std::int64_t i = 0;
  scores.accuracy = tally.rate(answers, [&](const Answer& answer) {
    return nn::arg_max(predictions.row(i++)) == class_of(answer.space_group, wanted);
  });
  i = 0;
  scores.top5 = tally.rate(answers, [&](const Answer& answer) {
    const auto best = ranked(predictions.row(i++), 5);
    return std::count(best.begin(), best.end(), class_of(answer.space_group, wanted)) > 0;
  });
  if (wanted == ClassKind::space_group) {
    i = 0;
    scores.accuracy_modulo_pairs = tally.rate(answers, [&](const Answer& answer) {
      return xrd::modulo_enantiomorph(nn::arg_max(predictions.row(i++)) + 1) ==
             xrd::modulo_enantiomorph(answer.space_group);
    });
  }
  return scores;
}

/// `answered(answer)` is the space group that the baseline names, 0 for none; `system` the crystal system, -1
/// for none.
template <typename SpaceGroup, typename System>
BaselineScores baseline_of(const std::vector<Answer>& answers, const Tally& tally, SpaceGroup space_group,
                           System system) {
  return {tally.rate(answers, [&](const Answer& a) { return space_group(a) == a.space_group; }),
          tally.rate(answers,
                     [&](const Answer& a) {
                       const int group = space_group(a);
                       return group > 0 &&
                              xrd::modulo_enantiomorph(group) == xrd::modulo_enantiomorph(a.space_group);
                     }),
          tally.rate(answers, [&](const Answer& a) {
            return system(a) == class_of(a.space_group, ClassKind::crystal_system);
          })};
}

/// The most frequent class of the true labels, the lowest of equals.
int most_frequent(const std::vector<Answer>& answers, ClassKind kind) {
  std::map<int, std::int64_t> count;
  for (const Answer& answer : answers)
    ++count[class_of(answer.space_group, kind)];
  return std::max_element(count.begin(), count.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

void find_neighbours(Backend& backend, std::vector<Answer>& answers, const data::PatternSet& set,
                     const data::PatternSet& neighbours, const ModelFacts& facts) {
  std::vector<std::int64_t> rows, all(static_cast<std::size_t>(neighbours.size()));
  for (const Answer& answer : answers)
    rows.push_back(answer.index);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<std::int64_t>(i);
  std::vector<std::uint8_t> usable_query, usable;
  const auto queries = features_of(set, rows, facts, usable_query);
  const auto references = features_of(neighbours, all, facts, usable);
  std::error_code none;  // a set in memory may come from a pipe
  const bool same_file = std::filesystem::equivalent(set.path(), neighbours.path(), none);
  const auto found = data::nearest_neighbours(
      backend, queries, references, facts.instrument.grid.points,
      [&](std::int64_t query, std::int64_t reference) {
        if (!usable[static_cast<std::size_t>(reference)]) return false;
        return !same_file || neighbours.group(reference) != answers[static_cast<std::size_t>(query)].group;
      });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    answers[i].neighbour = found[i].row;
    answers[i].similarity = found[i].similarity;
  }
}

}  // namespace

Rate rate_of(std::span<const std::uint8_t> right, std::span<const std::int32_t> group) {
  std::map<std::int32_t, GroupCount> by_group;
  GroupCount all;
  for (std::size_t i = 0; i < right.size(); ++i) {
    GroupCount& one = by_group[group[i]];
    one.right += right[i];
    ++one.count;
    all.right += right[i];
    ++all.count;
  }
  Rate rate;
  if (all.count == 0) return rate;
  std::vector<GroupCount> groups;
  for (const auto& [id, count] : by_group) {
    groups.push_back(count);
    rate.group_mean += count.share() / static_cast<double>(by_group.size());
  }
  rate.value = all.share();
  const auto n = static_cast<std::int64_t>(groups.size());
  nn::Interval interval{};
  if (n == all.count || all.right == 0 || all.right == all.count) {
    interval = nn::wilson(n == all.count ? all.right : (all.right == 0 ? 0 : n), n);
  } else {
    interval = bootstrap(groups);
  }
  rate.low = interval.low;
  rate.high = interval.high;
  return rate;
}

Evaluation score(std::vector<Answer> answers, ClassKind model, std::span<const int> neighbour_space_groups) {
  Evaluation result;
  result.classes = model;
  result.patterns = static_cast<std::int64_t>(answers.size());
  std::set<std::int32_t> groups;
  for (const Answer& answer : answers)
    groups.insert(answer.group);
  result.groups = static_cast<std::int64_t>(groups.size());
  const Tally tally(answers);
  if (model == ClassKind::space_group) {
    result.space_group = scores_of(answers, tally, ClassKind::space_group);
  }
  result.crystal_system = scores_of(answers, tally, ClassKind::crystal_system);
  result.majority_space_group = most_frequent(answers, ClassKind::space_group) + 1;
  result.majority_crystal_system = most_frequent(answers, ClassKind::crystal_system);
  result.majority = baseline_of(
      answers, tally, [&](const Answer&) { return result.majority_space_group; },
      [&](const Answer&) { return result.majority_crystal_system; });
  if (!neighbour_space_groups.empty()) {
    const auto group = [&](const Answer& a) {
      return a.neighbour < 0 ? 0 : neighbour_space_groups[static_cast<std::size_t>(a.neighbour)];
    };
    result.nearest_neighbour = baseline_of(answers, tally, group, [&](const Answer& a) {
      return a.neighbour < 0 ? -1 : class_of(group(a), ClassKind::crystal_system);
    });
  }
  result.answers = std::move(answers);
  return result;
}

std::vector<float> prepared(const data::PatternSet& set, std::int64_t i, const ModelFacts& facts) {
  data::MeasuredPattern measured;
  for (std::int64_t k = 0; k < set.instrument().grid.points; ++k)
    measured.x.push_back(set.instrument().grid.at(k));
  const auto values = set.pattern(i);
  measured.intensity.assign(values.begin(), values.end());
  return data::prepare_pattern(measured, set.instrument().wavelength, facts.instrument).values;
}

Evaluation evaluate(Backend& backend, Classifier& classifier, const data::PatternSet& set,
                    const data::PatternSet* neighbours) {
  for (const data::PatternSet* labelled : {&set, neighbours}) {
    if (labelled && !labelled->has_labels()) {
      throw Error(fmt::format("{}: no space_group: nothing to compare with", labelled->path().string()));
    }
  }
  std::vector<Answer> answers;
  std::vector<RefusedPattern> refused;
  std::vector<std::vector<float>> batch;
  const auto flush = [&] {
    if (batch.empty()) return;
    auto probabilities = classifier.probabilities(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Answer& answer = answers[answers.size() - batch.size() + i];
      answer.probabilities = std::move(probabilities[i].classes);
      answer.crystal_system = std::move(probabilities[i].crystal_system);
    }
    batch.clear();
  };
  for (std::int64_t i = 0; i < set.size(); ++i) {
    try {
      batch.push_back(prepared(set, i, classifier.facts()));
    } catch (const data::PatternRefused& error) {
      refused.push_back({i, error.what()});
      continue;
    }
    answers.push_back(
        {.index = i, .space_group = set.space_group(i), .group = set.group(i), .probabilities = {}});
    if (static_cast<std::int64_t>(batch.size()) == classifier.batch()) flush();
  }
  flush();
  if (answers.empty()) {
    throw Error(fmt::format("{}: none of {} patterns can be used{}", set.path().string(), set.size(),
                            refused.empty() ? "" : ": " + refused.front().reason));
  }
  std::vector<int> neighbour_space_groups;
  if (neighbours) {
    find_neighbours(backend, answers, set, *neighbours, classifier.facts());
    for (std::int64_t i = 0; i < neighbours->size(); ++i)
      neighbour_space_groups.push_back(neighbours->space_group(i));
  }
  Evaluation result = score(std::move(answers), classifier.facts().classes, neighbour_space_groups);
  result.refused = std::move(refused);
  return result;
}

}  // namespace bragg::apps
