// What the suite found: values, which text, JSON and the page print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/answer_figures.h"
#include "apps/evaluation/mixture_evaluation.h"
#include "apps/suite/suite_part.h"

namespace bragg::apps {

/// Who answered: the network alone, the look-up with refinement alone, both together, the network after more training.
enum class Answerer { network, look_up, both, adapted };
std::string_view name_of(Answerer);  ///< "network", "look-up", "both", "network, adapted"

struct AnswererFigures {
  Answerer who = Answerer::network;
  bool where_looked_up = false;     ///< of the patterns that are looked up alone, where these are not all
  bool without_resembling = false;  ///< what is above resembling_similarity was taken out of the library
  AnswerFigures figures;
};

struct BaselineFigures {
  std::string name;  ///< "most frequent class", "nearest neighbour"
  ByLevel levels;
};

/// How many patterns of a kind were refused.
struct RefusalFigures {
  std::string kind;
  std::int64_t patterns = 0, refused = 0;
  Rate rate;  ///< of the refused
};

struct MixtureFigures {
  bool elements_given = false;
  MixtureEvaluation evaluation;
};

struct PartResult {
  const SuitePart* part = nullptr;
  std::vector<std::string> absent{};  ///< files that no folder has: nothing below is filled
  std::vector<std::string> paths{};   ///< of its files
  std::int64_t size = 0, asked = 0,
               looked_up = 0;  ///< patterns (mixtures: scans) that there are, that were asked about ...
  std::int64_t step = 1, lookup_step = 1;  ///< every so many-th of those that there are, and of those asked
  std::vector<RefusedPattern> refused{};   ///< not in any figure
  std::vector<AnswererFigures> answerers{};
  std::vector<BaselineFigures> baselines{};
  std::vector<RefusalFigures> refusals{};
  std::vector<MixtureFigures> mixtures{};
  std::vector<std::string> notes{};  ///< what was not asked, and why
  std::string failed{};              ///< why the part ended early; its figures are not complete
  double seconds = 0;
};

struct SuiteResult {
  std::vector<PartResult> parts{};
  std::vector<std::string> folders{};
  std::string model{};  ///< path; empty: no network
  std::int64_t library_size = 0;
  std::string library_content{};
  std::int64_t references = 0;                   ///< patterns of the nearest-neighbour baseline
  std::vector<std::string> absent_references{};  ///< files of theirs that no folder has
  double seconds = 0;
  std::string command{}, date{}, bragg{};
};

}  // namespace bragg::apps
