// Who holds what of a tensor core's matrices, as CuTe says (mma_layouts.tsv).
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>

namespace bragg::tests {

struct Held {
  int row, column;
};
/// (lane, value) -> element of the matrix.
using Fragment = std::map<std::pair<int, int>, Held>;
Fragment fragment_of(const std::string& instruction, const std::string& matrix);

}  // namespace bragg::tests
