// Many numbers put in order at once, as fast as their keys allow.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace bragg::data {

/// A positive number by which something is put in order, as bits that are in the same order, and its place in the order that equal
/// ones keep.
struct Keyed {
  std::uint64_t key;
  std::uint32_t at;
  bool operator==(const Keyed&) const = default;
};
inline std::uint64_t ascending(double positive) {
  return std::bit_cast<std::uint64_t>(positive);
}
inline std::uint64_t descending(double positive) {
  return ~ascending(positive);
}
inline bool is_before(const Keyed& a, const Keyed& b) {
  return a.key < b.key || (a.key == b.key && a.at < b.at);
}

/// As std::sort by is_before; `spare` and `first` are memory to work in. Fast where the keys lie within few powers of two and spread
/// over them, as those of a structure's lines do; never much slower than std::sort.
void put_in_order(std::vector<Keyed>& all, std::vector<Keyed>& spare, std::vector<std::uint32_t>& first);

}  // namespace bragg::data
