#include "data/refinement/keyed_order.h"

#include <algorithm>
#include <numeric>

namespace bragg::data {

/// Each goes to its place among 256 of every power of two; within a place few are put in order one by one.
void put_in_order(std::vector<Keyed>& all, std::vector<Keyed>& spare, std::vector<std::uint32_t>& first) {
  constexpr int shift = 52 - 8;
  constexpr std::uint64_t most_places = 1 << 14;
  constexpr std::uint32_t most_in_a_place = 256;
  if (all.size() < 2) return;
  const auto [low, high] = std::minmax_element(all.begin(), all.end(), is_before);
  const std::uint64_t base = low->key >> shift, places = (high->key >> shift) - base + 1;
  if (places > most_places) return std::sort(all.begin(), all.end(), is_before);
  first.assign(places + 1, 0);
  for (const Keyed& one : all)
    ++first[(one.key >> shift) - base + 1];
  if (*std::max_element(first.begin(), first.end()) > most_in_a_place)
    return std::sort(all.begin(), all.end(), is_before);
  std::partial_sum(first.begin(), first.end(), first.begin());
  spare.resize(all.size());
  for (const Keyed& one : all)
    spare[first[(one.key >> shift) - base]++] = one;
  for (std::size_t i = 1; i < spare.size(); ++i) {
    const Keyed one = spare[i];
    std::size_t to = i;
    for (; to > 0 && is_before(one, spare[to - 1]); --to)
      spare[to] = spare[to - 1];
    spare[to] = one;
  }
  all.swap(spare);
}

}  // namespace bragg::data
