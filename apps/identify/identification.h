// The answer to "what is this pattern of?": a value, which text, JSON, a table and a page print.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/evaluation/assumed.h"
#include "apps/identify/group_probabilities.h"
#include "data/search/explained_lines.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/unit_cell.h"

namespace bragg::apps {

/// Why no structure of the library is the answer; the pattern is answered all the same.
enum class NoMatch {
  amorphous,       ///< what the lines hold of the intensity is next to nothing
  several_phases,  ///< strong lines that the best structure does not have, and others have
  unknown_phase,   ///< nothing in the library is like it
};
std::string_view name_of(NoMatch);  ///< "amorphous", "several_phases", "unknown_phase"

/// A structure of the library, and how like the pattern it is.
struct Candidate {
  std::int64_t structure = -1;  ///< row of the libraries that were searched, joined
  std::string name, formula;    ///< formula: elements with numbers, "CaCO3"
  int space_group = 0;          ///< 1..230
  xrd::UnitCell cell;           ///< refined
  /// Each edge over that in the library, less 1.
  std::array<double, 3> cell_change{};
  double zero = 0, displacement = 0;  ///< degrees: lines lie at 2 theta + zero + displacement cos theta
  double similarity = 0;              ///< 0..1
  double probability = 0;     ///< that the pattern is of this structure; of a phase of several 0: not known
  std::string source, entry;  ///< "AMCSD", "0000098"
  bool calculated = false;    ///< a relaxed cell of a calculation (DFT), not a measured structure
  /// Rwp, see data::RefinedCandidate; of the phases of a mixture that of all of them together, without the background and with
  /// the weights of the refinement.
  double residual = 0;
  double explained = 0;                     ///< share of what rises above background and noise, 0..1
  std::optional<double> weight_fraction{};  ///< of the phases of a mixture
  /// At the pattern's wavelength, where they were measured: those of at least 1 % of the strongest, which is 1; ascending.
  std::vector<data::CalculatedLine> lines{};
  /// On the points of Identification::values and in their unit, NaN where the refinement did not look; with lines alone.
  std::vector<float> calculated_curve{}, background_curve{};
  std::vector<std::string> variants{};  ///< names and groups of other entries that are as like: "albite (2)"
};

/// By name or formula.
bool is_same_phase(const Candidate&, const Candidate&);
/// What it is called.
const std::string& name_or_formula(const Candidate&);
/// As a variant of another is named: "Quartz (P3221)".
std::string variant_text(const Candidate&);

/// Phases that explain a pattern about as well as those that are named.
struct OtherMixture {
  std::vector<Candidate> phases;  ///< without cells and fractions of their own
  double residual = 0;            ///< as that of the phases of a mixture
};

/// A verdict about one pattern.
struct Identification {
  std::string file;
  std::int64_t index = 0;  ///< in a pattern set; of the scan in a file of several, from 0
  Assumed assumed{};
  std::vector<std::string> warnings{};
  std::optional<std::string> refused{};  ///< nothing below is filled

  std::array<double, xrd::crystal_system_count> crystal_system{};  ///< adds up to 1
  std::vector<GroupProbability> space_groups{};  ///< descending, adds up to 1; pairs are one entry
  std::optional<NoMatch> no_match{};
  std::string reason{};             ///< of no_match, a sentence with the figures
  std::vector<Candidate> phases{};  ///< what is accepted; empty with no_match
  std::vector<OtherMixture>
      hypotheses{};  ///< that the pattern hardly tells from `phases`, where those are several
  std::vector<Candidate> candidates{};  ///< by descending probability, at most most_candidates
  std::vector<float> values{};          ///< the pattern on the grid of `first`, `step`; the highest 1
  double first = 0, step = 0;           ///< degrees of 2 theta
  double wavelength = 0;                ///< A, of those angles; 0 where it is not known

  /// That space_groups[0] is right.
  double confidence() const { return space_groups.empty() ? 0 : space_groups.front().probability; }
};

inline constexpr int most_candidates = 20;

}  // namespace bragg::apps
