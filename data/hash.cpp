#include "data/hash.h"

#include <string_view>

#include <fmt/format.h>

#include "kernels/base/safetensors.h"

namespace bragg::data {

std::string content_hash_of(const SafetensorsFile& file) {
  std::uint64_t hash = fnv1a_basis;
  for (const auto& [name, tensor] : file.tensors()) {
    std::string head = fmt::format("{} {}", name, name_of(tensor.dtype));
    for (const std::int64_t extent : tensor.shape)
      head += fmt::format(" {}", extent);
    hash = fnv1a(std::as_bytes(std::span(head)), hash);
    hash = fnv1a(tensor.bytes, hash);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace bragg::data
