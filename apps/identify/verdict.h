// Whether the best structure is accepted as the phase of a pattern, and if not, why.
#pragma once

#include <string>

#include "apps/identify/identification.h"

namespace bragg::apps {

/// What is known of a pattern and its best structure.
struct VerdictFigures {
  bool has_candidate = true;  ///< of the likeliest space group
  double confidence = 0;      ///< that the space group is right
  double similarity = 0;      ///< of the likeliest structure, 0..1
  double line_share = 0;      ///< of the intensity above the pattern's lowest level, in Bragg lines
  double explained = 0;       ///< share of the lines' heights that the best structure accounts for
  double fitted = 0;          ///< share of what rises above the noise that it accounts for once refined
  double remainder = 0;       ///< of what it leaves, the share that another structure found accounts for
};

/// Below these a pattern is no match; found on measured patterns of crystals, glasses and mixtures (docs/measured.md).
inline constexpr double least_confidence = 0.5, least_similarity = 0.5;
inline constexpr double amorphous_line_share = 0.10;
inline constexpr double least_explained = 0.75, least_remainder = 0.6;

/// A pattern that its likeliest structure explains less of is taken apart; what several phases have to explain together, and
/// more than the one alone, to be the answer; and how like what the others leave the largest of them is.
inline constexpr double one_phase_explains = 0.7, least_mixture_explained = 0.8, least_mixture_gain = 0.1;
inline constexpr double least_main_similarity = 0.55;

struct Verdict {
  std::optional<NoMatch> no_match;
  std::string reason;  ///< a sentence with the figures; empty for a match
};
Verdict verdict_of(const VerdictFigures&);

}  // namespace bragg::apps
