#include "apps/suite/suite.h"

#include <chrono>

#include "apps/suite/answered_part.h"
#include "apps/suite/mixture_part.h"
#include "apps/suite/refusal_part.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

void ask(const SuiteTools& tools, PartResult& result) {
  switch (result.part->question) {
    case SuiteQuestion::answers:
      answer_part(tools, result);
      break;
    case SuiteQuestion::adaptation:
      adapt_part(tools, result);
      break;
    case SuiteQuestion::mixtures:
      mixture_part(tools, result);
      break;
    case SuiteQuestion::nothing:
      refusal_part(tools, result);
      break;
  }
}

}  // namespace

std::string_view name_of(Answerer who) {
  switch (who) {
    case Answerer::network:
      return "network";
    case Answerer::look_up:
      return "look-up";
    case Answerer::both:
      return "both";
    case Answerer::adapted:
      return "network, adapted";
  }
  return {};
}

std::vector<PartResult> run_suite(const SuiteTools& tools, const SuiteFolders& folders,
                                  const std::function<void(const PartResult&)>& told) {
  std::vector<PartResult> results;
  for (const SuitePart& part : suite_parts()) {
    const auto begin = std::chrono::steady_clock::now();
    PartResult result{.part = &part};
    for (const std::string_view file : part.files) {
      if (const auto path = folders.find(file))
        result.paths.push_back(*path);
      else
        result.absent.emplace_back(file);
    }
    // The parts behind a file that can't be read are worth having all the same.
    try {
      if (result.absent.empty()) ask(tools, result);
    } catch (const Error& error) {
      result.failed = error.what();
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    told(result);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace bragg::apps
