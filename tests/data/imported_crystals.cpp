#include "tests/data/imported_crystals.h"

#include "data/crystals/crystal_import.h"

namespace bragg::tests {

data::CrystalSet imported(const std::filesystem::path& cifs, const TemporaryFolder& folder) {
  ThreadPool pool(1);
  data::CrystalSetWriter writer;
  data::import_crystals({cifs}, pool, writer);
  const std::filesystem::path set = folder.path() / "crystals.safetensors";
  writer.write(set);
  return data::CrystalSet(set);
}

}  // namespace bragg::tests
