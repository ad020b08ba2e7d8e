#include "apps/identify/verdict.h"

#include <fmt/format.h>

namespace bragg::apps {

Verdict verdict_of(const VerdictFigures& figures) {
  if (figures.line_share < amorphous_line_share && figures.confidence < least_confidence) {
    return {NoMatch::amorphous,
            fmt::format(
                "mostly amorphous: {:.0f} % of the intensity are in lines, and no structure fits them well",
                100 * figures.line_share)};
  }
  if (figures.explained < least_explained && figures.remainder >= least_remainder &&
      figures.fitted < least_mixture_explained) {
    return {NoMatch::several_phases,
            fmt::format(
                "several phases: the best structure accounts for {:.0f} % of the lines' heights, another one "
                "for {:.0f} % of the rest",
                100 * figures.explained, 100 * figures.remainder)};
  }
  if (!figures.has_candidate)
    return {NoMatch::unknown_phase, "no structure of the library has the likeliest space group"};
  if (figures.similarity < least_similarity ||
      (figures.confidence < least_confidence && figures.similarity < 0.8)) {
    return {
        NoMatch::unknown_phase,
        fmt::format("nothing in the library is like it: the similarity of the likeliest structure is {:.2f}",
                    figures.similarity)};
  }
  if (figures.confidence < least_confidence) {
    return {
        NoMatch::unknown_phase,
        fmt::format(
            "several structures are as like it, of different space groups: the similarity of the likeliest "
            "is {:.2f}",
            figures.similarity)};
  }
  return {};
}

}  // namespace bragg::apps
