#include "apps/suite/mixture_part.h"

#include <string>
#include <utility>
#include <vector>

#include "apps/evaluation/mixture_evaluation.h"

namespace bragg::apps {

void mixture_part(const SuiteTools& tools, PartResult& result) {
  std::string folder;
  std::vector<LabelledMixture> labels = read_labelled_mixtures(result.paths.front(), folder);
  result.size = std::ssize(labels);
  result.step = step_of_sample(result.size, result.part->most);
  // Tables list the scans of a mixture by turns: an even step would leave out kinds of scans.
  if (result.step > 1 && result.step % 2 == 0) ++result.step;
  std::vector<LabelledMixture> asked;
  for (std::int64_t i = 0; i < result.size; i += result.step)
    asked.push_back(std::move(labels[static_cast<std::size_t>(i)]));
  result.asked = std::ssize(asked);
  const std::vector<MeasuredItem> items = read_mixtures(asked, folder, {}, tools.threads);
  for (const bool elements_given : {true, false}) {
    MixtureFigures figures{
        elements_given, evaluate_mixtures(tools.backend, tools.identifier.library(), tools.identifier.index(),
                                          asked, items, {.elements_given = elements_given})};
    if (elements_given) result.refused = figures.evaluation.refused;
    result.mixtures.push_back(std::move(figures));
  }
  result.looked_up = result.asked - std::ssize(result.refused);
}

}  // namespace bragg::apps
