#include "kernels/crystal/unique_rows.h"

#include "kernels/base/error.h"

namespace bragg {
namespace {

// A number that tells rotations apart and changes its sign with them: base 19 holds elements from -9 to 9.
std::int64_t code_of(const std::array<std::int8_t, 9>& rotation) {
  std::int64_t code = 0;
  for (const int element : rotation)
    code = 19 * code + element;
  return code;
}

}  // namespace

RotationGroup rotation_group(std::span<const SymmetryOperator> operators) {
  constexpr int slots = 64;  // open addressing; a group has at most 24 pairs
  std::array<std::int64_t, slots> codes{};
  std::array<std::int8_t, slots> pair_of{};
  RotationGroup group;
  group.pairs.reserve(24);
  for (const SymmetryOperator& op : operators) {
    if (op.rotation == operators.front().rotation && op.translation != Translation{}) {
      group.centrings.push_back(op.translation);
      continue;
    }
    const std::int64_t signed_code = code_of(op.rotation);
    const bool negative = signed_code < 0;
    const std::int64_t code = negative ? -signed_code : signed_code;
    int slot = static_cast<int>((static_cast<std::uint64_t>(code) * 0x9E3779B97F4A7C15u) >> 58);
    while (codes[slot] != 0 && codes[slot] != code)
      slot = (slot + 1) % slots;
    if (codes[slot] == 0) {
      if (group.pairs.size() == 24)
        throw ProblemError("[structure_factors] operators have more than 48 rotations");
      codes[slot] = code;
      pair_of[slot] = static_cast<std::int8_t>(group.pairs.size());
      RotationPair& pair = group.pairs.emplace_back();
      for (int i = 0; i < 9; ++i)
        pair.rotation[i] = static_cast<std::int8_t>(negative ? -op.rotation[i] : op.rotation[i]);
    }
    // Operators that differ by a centring say the same where the centring allows a reflection at all.
    RotationPair& pair = group.pairs[pair_of[slot]];
    pair.is_operator[negative] = true;
    pair.translation[negative] = op.translation;
  }
  return group;
}

}  // namespace bragg
