// Any bytes as a safetensors file, and as what bragg keeps in one: crystal sets, pattern sets, a model's
// config.
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "nn/model.h"

namespace {

using namespace bragg;

/// What throws anything but Error ends the run.
template <typename Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

void read_all(const std::string& path) {
  attempt([&] {
    const SafetensorsFile file(path);
    for (const auto& tensor : file.tensors()) {
      const std::string& name = tensor.first;
      const std::size_t rank = tensor.second.shape.size();
      attempt([&] { file.integers(name, rank); });
      attempt([&] { file.copy<float>(name, rank); });
    }
    if (file.metadata().contains("model")) {
      attempt([&] { nn::make_model(nn::model_config_from_json(file.metadata("model"))); });
    }
  });
  attempt([&] {
    const data::CrystalSet set(path);
    for (std::int64_t i = 0; i < set.size(); ++i)
      attempt([&] { set.crystal(i); });
  });
  attempt([&] {
    const data::PatternSet set(path);
    for (std::int64_t i = 0; i < set.size(); ++i)
      attempt([&] {
        set.pattern(i);
        set.name(i);
      });
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int memory = ::memfd_create("safetensors", 0);
  static const std::string path = fmt::format("/proc/self/fd/{}", memory);
  if (::ftruncate(memory, 0) != 0 || ::pwrite(memory, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  read_all(path);
  return 0;
}
