#include "data/library/library_build.h"

#include "data/library/library_cleaning.h"
#include "kernels/base/error.h"

namespace bragg::data {

LibraryBuildReport build_library(const LibraryBuildInput& input, Backend& backend, LibraryWriter& library) {
  LibraryBuildReport report;
  std::vector<LibraryCandidate> candidates =
      library_candidates(input.sets, input.tables, input.rules ? &*input.rules : nullptr, input.without,
                         backend, report.left_out);
  clean(candidates, report.left_out);
  for (const LibraryCandidate& candidate : candidates) {
    library.add(candidate.crystal, candidate.entry);
    ++(candidate.entry.kind == StructureKind::dft ? report.dft : report.experimental);
  }
  return report;
}

}  // namespace bragg::data
