#include "apps/evaluation/answer_figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "apps/evaluation/temperature.h"

namespace bragg::apps {
namespace {

constexpr int coverage_points = 10;

struct ClassCount {
  std::int64_t count = 0, answered = 0, right = 0;
};

/// Of equal probabilities the lower class stands first.
bool is_among_five(std::span<const double> probabilities, int truth) {
  const double of_truth = probabilities[static_cast<std::size_t>(truth)];
  int before = 0;
  for (int c = 0; c < static_cast<int>(probabilities.size()); ++c) {
    const double p = probabilities[static_cast<std::size_t>(c)];
    if (p > of_truth || (p == of_truth && c < truth)) ++before;
  }
  return before < 5;
}

ProbabilityRows rows_at(AnswerLevel level, std::span<const Answered> answers) {
  ProbabilityRows rows;
  for (const Answered& answer : answers) {
    rows.probabilities.push_back(probabilities_at(level, answer));
    rows.truth.push_back(class_at(level, answer.truth));
  }
  return rows;
}

std::vector<int> best_classes(const ProbabilityRows& rows) {
  std::vector<int> best;
  for (const auto& row : rows.probabilities)
    best.push_back(best_class(row));
  return best;
}

/// Whether the best class of each answer is true, and how probable it is said to be.
struct Sureness {
  std::vector<double> confidence, of_truth;
  std::vector<std::uint8_t> right;

  explicit Sureness(const ProbabilityRows& rows) {
    for (std::size_t i = 0; i < rows.truth.size(); ++i) {
      const std::vector<double>& row = rows.probabilities[i];
      const int best = best_class(row);
      confidence.push_back(row[static_cast<std::size_t>(best)]);
      of_truth.push_back(row[static_cast<std::size_t>(rows.truth[i])]);
      right.push_back(best == rows.truth[i]);
    }
  }
  Calibration calibration() const { return calibration_of(confidence, right, of_truth); }
};

std::vector<CoveragePoint> coverage_of(const Sureness& sureness) {
  const std::size_t n = sureness.right.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sureness.confidence[a] > sureness.confidence[b];
  });
  std::vector<CoveragePoint> points;
  std::size_t taken = 0;
  std::int64_t right = 0;
  for (int k = 1; k <= coverage_points; ++k) {
    const std::size_t end = (n * static_cast<std::size_t>(k) + coverage_points - 1) / coverage_points;
    for (; taken < end; ++taken)
      right += sureness.right[order[taken]];
    points.push_back({static_cast<double>(k) / coverage_points, static_cast<std::int64_t>(taken),
                      sureness.confidence[order[taken - 1]],
                      static_cast<double>(right) / static_cast<double>(taken)});
  }
  return points;
}

std::vector<KindFigures> kinds_of(std::span<const Answered> answers, const std::vector<int>& pairs,
                                  const std::vector<int>& systems) {
  std::vector<KindFigures> kinds;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answered& answer = answers[i];
    if (answer.kind.empty()) continue;
    auto found = std::find_if(kinds.begin(), kinds.end(),
                              [&](const KindFigures& one) { return one.kind == answer.kind; });
    if (found == kinds.end()) found = kinds.insert(kinds.end(), {answer.kind, 0, 0, 0});
    ++found->patterns;
    found->modulo_pairs += pairs[i] == class_at(AnswerLevel::modulo_pairs, answer.truth);
    found->crystal_system += systems[i] == class_at(AnswerLevel::crystal_system, answer.truth);
  }
  for (KindFigures& one : kinds) {
    one.modulo_pairs /= static_cast<double>(one.patterns);
    one.crystal_system /= static_cast<double>(one.patterns);
  }
  return kinds;
}

std::vector<int> classes_of(AnswerLevel level, std::span<const int> space_groups) {
  std::vector<int> classes;
  for (const int number : space_groups)
    classes.push_back(number == 0 ? -1 : class_at(level, number));
  return classes;
}

}  // namespace

LevelFigures figures_of_classes(std::span<const int> answered, std::span<const int> truth,
                                std::span<const std::int32_t> group) {
  std::map<int, ClassCount> classes;
  std::vector<std::uint8_t> right;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    right.push_back(answered[i] == truth[i]);
    ClassCount& of_truth = classes[truth[i]];
    ++of_truth.count;
    of_truth.right += right.back();
    ++classes[answered[i]].answered;
  }
  LevelFigures figures{.accuracy = rate_of(right, group)};
  int occurring = 0;
  for (const auto& [number, c] : classes) {
    if (c.count == 0) continue;
    ++occurring;
    figures.macro_f1 += 2 * static_cast<double>(c.right) / static_cast<double>(c.count + c.answered);
    figures.balanced_accuracy += static_cast<double>(c.right) / static_cast<double>(c.count);
  }
  figures.macro_f1 /= occurring;
  figures.balanced_accuracy /= occurring;
  return figures;
}

ByLevel most_frequent_figures(std::span<const int> truth, std::span<const std::int32_t> group) {
  ByLevel result;
  for (const AnswerLevel level : answer_levels) {
    const std::vector<int> classes = classes_of(level, truth);
    std::map<int, std::int64_t> count;
    for (const int c : classes)
      ++count[c];
    const int most = std::max_element(count.begin(), count.end(), [](const auto& a, const auto& b) {
                       return a.second < b.second;
                     })->first;
    result[static_cast<std::size_t>(level)] =
        figures_of_classes(std::vector<int>(classes.size(), most), classes, group);
  }
  return result;
}

ByLevel neighbour_figures(std::span<const int> neighbour, std::span<const int> truth,
                          std::span<const std::int32_t> group) {
  ByLevel result;
  for (const AnswerLevel level : answer_levels)
    result[static_cast<std::size_t>(level)] =
        figures_of_classes(classes_of(level, neighbour), classes_of(level, truth), group);
  return result;
}

AnswerFigures figures_of(std::span<const Answered> answers) {
  AnswerFigures figures{.patterns = std::ssize(answers)};
  std::vector<std::int32_t> group;
  for (const Answered& answer : answers)
    group.push_back(answer.group);
  figures.groups = static_cast<std::int64_t>(std::set<std::int32_t>(group.begin(), group.end()).size());
  std::array<std::vector<int>, answer_levels.size()> best;
  for (const AnswerLevel level : answer_levels) {
    const auto at = static_cast<std::size_t>(level);
    const ProbabilityRows rows = rows_at(level, answers);
    best[at] = best_classes(rows);
    figures.levels[at] = figures_of_classes(best[at], rows.truth, group);
    std::vector<std::uint8_t> among_five;
    for (std::size_t i = 0; i < answers.size(); ++i)
      among_five.push_back(is_among_five(rows.probabilities[i], rows.truth[i]));
    figures.levels[at].top5 = rate_of(among_five, group);
    if (level != AnswerLevel::modulo_pairs) continue;
    const Sureness sureness(rows);
    figures.calibration = sureness.calibration();
    figures.coverage = coverage_of(sureness);
    CrossFitted fitted = cross_fitted(rows, group);
    if (!fitted.temperatures.empty()) figures.after_temperature = Sureness(fitted.rows).calibration();
    figures.temperatures = std::move(fitted.temperatures);
  }
  figures.kinds = kinds_of(answers, best[static_cast<std::size_t>(AnswerLevel::modulo_pairs)],
                           best[static_cast<std::size_t>(AnswerLevel::crystal_system)]);
  return figures;
}

}  // namespace bragg::apps
