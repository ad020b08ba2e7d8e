// The suite's result as JSON, for scripts.
#pragma once

#include <nlohmann/json.hpp>

#include "apps/suite/suite_result.h"

namespace bragg::apps {

/// Keys: model, library, references, folders, parts, seconds, command, date, bragg. A part has name, title, what, files,
/// absent (files that no folder has; empty: the part was asked), size, asked, looked_up, refused, answers, baselines,
/// refusals, mixtures, notes, failed (null, or why), seconds. Rates are shares of 1; `interval` is the 95 % one.
nlohmann::ordered_json to_json(const SuiteResult&);

}  // namespace bragg::apps
