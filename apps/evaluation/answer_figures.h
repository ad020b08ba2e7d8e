// Everything that is measured of a set of answers, whoever gave them: how many are right at each level, how evenly over the
// classes, whether their probabilities hold, and how much may be answered at which price.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/evaluation/answered.h"
#include "apps/evaluation/calibration.h"
#include "apps/evaluation/evaluation.h"

namespace bragg::apps {

struct LevelFigures {
  Rate accuracy{};
  std::optional<Rate> top5{};  ///< not of baselines, which answer one class
  double macro_f1 = 0;  ///< mean of 2 TP / (2 TP + FP + FN) over the classes that occur among the true ones
  double balanced_accuracy = 0;  ///< mean over the same of the share that is right
};
using ByLevel = std::array<LevelFigures, answer_levels.size()>;

/// The answers that are the surest, as a share of all.
struct CoveragePoint {
  double share = 0;             ///< 0.1, 0.2 ... 1 of all answers, rounded up
  std::int64_t patterns = 0;    ///< so many
  double least_confidence = 0;  ///< of these
  double accuracy = 0;          ///< mirror pairs as one
};

/// Of the answers of one kind (Answered::kind).
struct KindFigures {
  std::string kind;
  std::int64_t patterns = 0;
  double modulo_pairs = 0, crystal_system = 0;  ///< shares that are right
};

struct AnswerFigures {
  std::int64_t patterns = 0, groups = 0;
  ByLevel levels{};
  Calibration calibration{};                       ///< mirror pairs as one, as the next two
  std::optional<Calibration> after_temperature{};  ///< none where all answers are of one group
  std::vector<double> temperatures{};              ///< cross_fitted()
  std::vector<CoveragePoint> coverage{};
  std::vector<KindFigures> kinds{};  ///< in the order in which they come; none where no answer has one
};

/// Of at least one answer.
AnswerFigures figures_of(std::span<const Answered>);

/// Of answers that are one class each, -1 for none. All of the same length, at least 1.
LevelFigures figures_of_classes(std::span<const int> answered, std::span<const int> truth,
                                std::span<const std::int32_t> group);
/// What answering the most frequent of the true classes (the lowest of equals) gets right; `truth` are space groups.
ByLevel most_frequent_figures(std::span<const int> truth, std::span<const std::int32_t> group);
/// What the space groups of neighbours, 0 for none, get right.
ByLevel neighbour_figures(std::span<const int> neighbour, std::span<const int> truth,
                          std::span<const std::int32_t> group);

}  // namespace bragg::apps
