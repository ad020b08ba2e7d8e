// What a model gets right on a set of labelled patterns, and what the simplest classifiers get right on the
// same.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/evaluation/classifier.h"
#include "data/patterns/pattern_set.h"
#include "nn/evaluation.h"

namespace bragg::apps {

/// A share of the patterns with its 95 % interval. Patterns of a group are near-identical, so that groups are
/// what was drawn at random: percentiles of 2000 bootstrap draws of whole groups (fixed seed). Wilson's
/// interval where every group is one pattern, or (with the count of groups) where all or none are right.
struct Rate {
  double value = 0, low = 0, high = 1;
  double group_mean = 0;  ///< every group counts the same, however many patterns it has
};
/// `right` and `group` have one element per pattern.
Rate rate_of(std::span<const std::uint8_t> right, std::span<const std::int32_t> group);

/// Scores of one kind of classes.
struct ClassScores {
  nn::Metrics metrics;
  Rate accuracy, top5;
  std::optional<Rate> accuracy_modulo_pairs;  ///< space groups: the 11 enantiomorphic pairs count as one
};

/// What a baseline answers right.
struct BaselineScores {
  Rate space_group, space_group_modulo_pairs, crystal_system;
};

/// The answer for one pattern.
struct Answer {
  std::int64_t index = 0;  ///< in the set
  int space_group = 0;     ///< true, 1..230
  std::int32_t group = 0;
  std::vector<float> probabilities;        ///< of the model's classes
  std::vector<float> crystal_system = {};  ///< (7), Probabilities::crystal_system
  std::int64_t neighbour = -1;             ///< row of the neighbour set, -1 for none
  float similarity = 0;
};

struct RefusedPattern {
  std::int64_t index;
  std::string reason;
};

struct Evaluation {
  std::int64_t patterns = 0, groups = 0;  ///< that were answered
  ClassKind classes = ClassKind::space_group;
  std::optional<ClassScores> space_group;  ///< none for a model of crystal systems
  ClassScores crystal_system;
  int majority_space_group = 0, majority_crystal_system = 0;  ///< the most frequent among the true labels
  BaselineScores majority;
  std::optional<BaselineScores> nearest_neighbour;
  std::vector<Answer> answers;
  std::vector<RefusedPattern> refused;  ///< not in any score
};

/// The scores of `answers`. `neighbour_space_groups`: those of the neighbour set's rows, empty without one.
Evaluation score(std::vector<Answer> answers, ClassKind, std::span<const int> neighbour_space_groups);

/// Pattern i of a set as the model reads it. Throws data::PatternRefused.
std::vector<float> prepared(const data::PatternSet&, std::int64_t i, const ModelFacts&);

/// Answers every pattern of the set and scores the answers. `neighbours` may be null; where it is the same
/// file as the set, patterns of the same group don't count as neighbours. Throws Error for a set without
/// labels or where every pattern is refused.
Evaluation evaluate(Backend&, Classifier&, const data::PatternSet&, const data::PatternSet* neighbours);

}  // namespace bragg::apps
