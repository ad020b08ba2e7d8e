// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): a hash that is the same on every machine, for split
// keys and content hashes. Not a defence against forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace bragg {
class SafetensorsFile;
}

namespace bragg::data {

inline constexpr std::uint64_t fnv1a_basis = 0xcbf29ce484222325u;

/// Continues `hash` over `bytes`.
constexpr std::uint64_t fnv1a(std::span<const std::byte> bytes, std::uint64_t hash = fnv1a_basis) {
  for (const std::byte byte : bytes)
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}

/// Of all tensors (names, shapes and bytes, in the order of names), not of the metadata: 16 hexadecimal
/// digits.
std::string content_hash_of(const SafetensorsFile&);

}  // namespace bragg::data
