// The evaluation suite: everything that a model and the look-up are measured by, in one run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/identify/identifier.h"
#include "apps/suite/suite_folders.h"
#include "apps/suite/suite_result.h"
#include "data/patterns/pattern_set.h"
#include "kernels/backend.h"

namespace bragg::apps {

/// Who answers, and with what.
struct SuiteTools {
  Backend& backend;                    ///< of networks
  Backend& exact;                      ///< of similarities and refinements
  Identifier& identifier;              ///< with the network, where there is one
  std::string model;                   ///< what the network is opened by (open_model.h)
  const data::PatternSet* references;  ///< of the nearest-neighbour baseline; may be null
  int threads;
};

/// Every part of the table, in its order; `told` hears of each when it is done. A part whose files no folder has is listed
/// as absent, one that throws Error as failed.
std::vector<PartResult> run_suite(const SuiteTools&, const SuiteFolders&,
                                  const std::function<void(const PartResult&)>& told);

}  // namespace bragg::apps
