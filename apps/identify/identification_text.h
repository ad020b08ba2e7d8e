// An identification as people read it in a terminal.
#pragma once

#include <string>

#include "apps/identify/identification.h"

namespace bragg::apps {

/// "97 %", "99.6 %", "<1 %", ">99.9 %": never 0 % or 100 %, which no figure of this kind is.
std::string percent_text(double probability);
/// "P3121 (or P3221)": the Hermann-Mauguin symbol, and the mirror image's where there is one.
std::string group_text(int space_group);
/// "quartz, SiO2, P3221 (or P3121)": what is unknown is left out.
std::string phase_text(const Candidate&);
/// "AMCSD 0000098"
std::string source_text(const Candidate&);

/// "quartz, SiO2, P3221 (or P3121); aragonite, CaCO3, Pmcn: residual 13.1 %"
std::string hypothesis_text(const OtherMixture&);

/// The answer in a sentence: "quartz, SiO2, P3221 (or P3121): 97 %" (the probability of the space group), "no
/// confident match: " and the reason, or "refused: " and the reason. What comes from files is in it as it is:
/// for terminals and pages to be made harmless.
std::string verdict(const Identification&);

/// File, verdict, what was assumed, crystal systems, the first `top` space groups and candidates; lines end
/// with a line feed, the last one is empty.
std::string to_text(const Identification&, int top);

}  // namespace bragg::apps
