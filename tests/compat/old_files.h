// Files that commit a66c08a wrote, all small.
//
//   crystals.safetensors   16 crystals of data/crystals: `crystals import`
//   patterns.safetensors   32 of their patterns: `simulate --recipe mixed --step 0.2 --count 2 --seed 5`
//   stream, stored         runs of 10 steps in batches of 6: a narrow scnn that draws its patterns from the
//                          crystals, a narrow mlp that reads the stored ones
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/shared_data.h"

namespace bragg::tests {

inline std::filesystem::path old_file(const std::string& name) {
  return project_file("tests/compat/a66c08a/" + name);
}

}  // namespace bragg::tests
