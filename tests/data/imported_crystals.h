// Files of structures as the sets that bragg reads them from.
#pragma once

#include <filesystem>

#include "data/crystals/crystal_set.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {

/// The crystals of a file of CIFs, as a set that lies in the folder.
data::CrystalSet imported(const std::filesystem::path& cifs, const TemporaryFolder&);

}  // namespace bragg::tests
