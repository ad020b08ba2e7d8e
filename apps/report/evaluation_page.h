// The page that `bragg evaluate --report` writes.
#pragma once

#include <string>

#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/evaluation_json.h"

namespace bragg::apps::report {

/// Patterns of an evaluation as the page draws them: on the model's grid, maximum 1.
struct ShownPattern {
  std::size_t answer = 0;  ///< index into Evaluation::answers
  std::string name{};      ///< the set's, or its number
  std::vector<float> values{};
  std::vector<float> neighbour{};  ///< of the nearest neighbour; empty without
  std::string neighbour_name{};
  int neighbour_space_group = 0;
};

/// Up to nine answers worth looking at, of different groups: the surest of the right ones, the surest of the
/// wrong ones and the least sure.
std::vector<std::size_t> answers_to_show(const Evaluation&);

/// A self-contained HTML page (no script, no other file).
std::string evaluation_page(const Evaluation&, const EvaluationContext&, const ModelFacts&,
                            const nn::Metadata&, const std::vector<ShownPattern>&);

}  // namespace bragg::apps::report
