// Which phases of measured mixtures are named, which are not there, and how far weight fractions are off.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/measured_item.h"
#include "data/library/joined_library.h"
#include "data/mixture/mixture_finder.h"
#include "data/search/search_index.h"
#include "kernels/backend.h"

namespace bragg::apps {

struct LabelledMixture {
  std::string file;                 ///< as the table names it
  std::string kind;                 ///< what scans are counted apart by: "12-min"; may be empty
  std::vector<std::string> phases;  ///< formulas
  std::vector<double> weights;      ///< percent, of each phase
};

/// A table (data/text_table.h) with the columns `file` (relative to its folder) and `phases` (formulas between semicolons), and,
/// where they are there, `scan`, the kind of scan, and `weights` (percent between semicolons; without them the phases weigh the
/// same). A folder stands for the labels.tsv in it. Throws UsageError "PATH:LINE: reason".
std::vector<LabelledMixture> read_labelled_mixtures(const std::string& path, std::string& folder);

/// The scans that the labels name, in their order; `source` of an item is its label. `wavelength`: before the files' own.
std::vector<MeasuredItem> read_mixtures(const std::vector<LabelledMixture>&, const std::string& folder,
                                        std::optional<double> wavelength, int threads);

struct MixtureEvaluationSettings {
  bool elements_given = false;  ///< the phases' own, and O and H
  bool with_figures = false;
  data::MixtureSettings mixture{};
};

/// Of the scans of one kind. A phase is right where no element's share of the atoms, hydrogen apart, is off by more than
/// same_composition; one that is right twice counts once more as false.
struct MixtureScores {
  std::int64_t scans = 0, phases = 0;
  std::int64_t named = 0, false_ones = 0;
  std::int64_t named_with_isotypes = 0, false_with_isotypes = 0;  ///< an alternative counts as well
  std::vector<double> weight_errors;  ///< percent, of the scans whose phases are all named
  std::int64_t whole = 0;             ///< those scans
  double seconds = 0;
};

struct MixtureEvaluation {
  std::map<std::string, MixtureScores> by_kind;
  std::vector<RefusedPattern> refused;
  std::vector<nlohmann::ordered_json> scans;
  std::vector<std::string> figures;  ///< JSON, a line a scan, what bench/identify/fit_mixture.py reads
};

/// The library and its index must be of the same structures.
MixtureEvaluation evaluate_mixtures(Backend&, const data::JoinedLibrary&, const data::SearchIndex&,
                                    const std::vector<LabelledMixture>&, const std::vector<MeasuredItem>&,
                                    const MixtureEvaluationSettings&);

nlohmann::ordered_json to_json(const MixtureEvaluation&);
std::string to_text(const MixtureEvaluation&);

}  // namespace bragg::apps
