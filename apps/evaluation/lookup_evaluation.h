// What a look-up among known structures gets right on labelled patterns: alone, beside a network, and where nothing in the
// library resembles the pattern.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/evaluation/answered.h"
#include "apps/evaluation/calibration.h"
#include "apps/evaluation/evaluation.h"
#include "apps/identify/identifier.h"

namespace bragg::apps {

/// A pattern whose space group is known, as read_measured() hands it out.
struct LabelledItem {
  MeasuredItem item;
  int space_group = 0;
  std::int32_t group = 0;  ///< patterns of one group are near-identical
};

/// All patterns of a set, or the files of a table (data/text_table.h) with their space groups; `facts` and what `reading`
/// says as read_measured() takes them. Throws Error for a set without labels, UsageError for a table without them.
std::vector<LabelledItem> read_labelled_items(const std::string& path, MeasuredReading reading,
                                              const ModelFacts& facts);

/// The answers to the items that are not refused, in their order.
struct LookupAnswers {
  std::vector<Answered> look_up;
  std::vector<Answered> network, both;  ///< empty where Findings::network is
};
LookupAnswers answers_of(const Identifier&, std::span<const LabelledItem>, std::span<const Findings>);

/// Scores of answers of one kind. Mirror images count as one group throughout.
struct LookupScores {
  std::string name;  ///< "look-up", "network", "both"
  Rate space_group{}, crystal_system{}, top5{}, surer_half{};
  Calibration calibration{};  ///< of the space group
  /// By the best similarity: below 0.7, to 0.8, above.
  struct Part {
    double from, to;
    std::int64_t patterns;
    double space_group, crystal_system;  ///< shares; 0 without patterns
  };
  std::vector<Part> by_similarity{};
};

struct LookupEvaluation {
  std::int64_t patterns = 0, groups = 0;
  std::vector<RefusedPattern> refused;
  std::vector<LookupScores> scores;  ///< look-up; with a network also that and both
  /// The same with every structure above resembling_similarity left out, the network (which may have been trained on
  /// those) as it is.
  std::vector<LookupScores> without_resembling;
  std::vector<std::string> figures;  ///< JSON, a line a pattern, what bench/identify/fit_ranking.py reads
};
inline constexpr float resembling_similarity = 0.8f;

/// Throws Error where every pattern is refused.
LookupEvaluation evaluate_lookup(Identifier&, std::vector<LabelledItem>);

nlohmann::ordered_json to_json(const LookupEvaluation&);
std::string to_text(const LookupEvaluation&);

}  // namespace bragg::apps
