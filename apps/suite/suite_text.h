// The suite's result as text, for the terminal, and the words that the page shares with it.
#pragma once

#include <string>

#include "apps/suite/suite_result.h"

namespace bragg::apps {

/// "181 patterns: every 8th of 1445, 91 looked up: every 2nd".
std::string sample_text(const PartResult&);
/// What a line of figures is of: "both, without what resembles it, 181 patterns".
std::string answerer_text(const AnswererFigures&);
std::string to_text(const PartResult&);
/// How many parts were asked, and how long it took.
std::string to_text(const SuiteResult&);

}  // namespace bragg::apps
