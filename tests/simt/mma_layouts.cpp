#include "tests/simt/mma_layouts.h"

#include <fstream>
#include <sstream>

#include "tests/support/shared_data.h"

namespace bragg::tests {

Fragment fragment_of(const std::string& instruction, const std::string& matrix) {
  std::ifstream file(project_file("tests/simt/mma_layouts.tsv"));
  Fragment fragment;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name, of;
    int lane = 0, value = 0;
    Held held{};
    if (fields >> name >> of >> lane >> value >> held.row >> held.column && name == instruction &&
        of == matrix)
      fragment[{lane, value}] = held;
  }
  return fragment;
}

}  // namespace bragg::tests
