#include "kernels/cpu/unique_reflections.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/error.h"

namespace bragg::cpu {
namespace {

// Which l modulo 24 (bits 0..23) give an integer phase (constant + slope l) / 24.
constexpr std::uint32_t every_l = 0xFFFFFF;
constexpr auto integer_phase = [] {
  std::array<std::array<std::uint32_t, 24>, 24> table{};
  for (int constant = 0; constant < 24; ++constant) {
    for (int slope = 0; slope < 24; ++slope) {
      for (int l = 0; l < 24; ++l) {
        if ((constant + slope * l) % 24 == 0) table[constant][slope] |= 1u << l;
      }
    }
  }
  return table;
}();

constexpr int modulo_24(int x) {
  return (x % 24 + 24) % 24;
}

using Translation = std::array<std::int8_t, 3>;

std::uint32_t allowed_l(const Translation& t, int h, int k) {
  return integer_phase[modulo_24(h * t[0] + k * t[1])][modulo_24(t[2])];
}

// The elements R and -R of the Laue group, and the translations of the operators that have them as rotation.
struct RotationPair {
  std::array<std::int8_t, 9> rotation;
  std::array<bool, 2> is_operator;
  std::array<Translation, 2> translation;
};

// The Laue group and what extinguishes.
struct Group {
  std::vector<RotationPair> pairs;
  std::vector<Translation> centrings;  // without (0, 0, 0)

  int laue_order() const { return 2 * static_cast<int>(pairs.size()); }
};

// A number that tells rotations apart and changes its sign with them: base 19 holds elements from -9 to 9.
std::int64_t code_of(const std::array<std::int8_t, 9>& rotation) {
  std::int64_t code = 0;
  for (const int element : rotation)
    code = 19 * code + element;
  return code;
}

Group group_of(std::span<const SymmetryOperator> operators) {
  constexpr int slots = 64;  // open addressing; a group has at most 24 pairs
  std::array<std::int64_t, slots> codes{};
  std::array<std::int8_t, slots> pair_of{};
  Group group;
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

// The l of one row that are not smaller than any of their equivalents.
class Row {
 public:
  Row(int h, int k, int low, int high) : h_(h), k_(k), low_(low), high_(high) {}

  /// Leaves out what the centring forbids. False: nothing is left.
  bool apply_centring(const std::vector<Translation>& centrings) {
    for (const Translation& t : centrings)
      allowed_ &= allowed_l(t, h_, k_);
    return allowed_ != 0 && low_ <= high_;
  }

  /// Leaves out the l that R or -R sends to a larger reflection. False: nothing is left.
  bool apply(const RotationPair& pair) {
    const auto& R = pair.rotation;
    const int c0 = h_ * R[0] + k_ * R[3], c1 = h_ * R[1] + k_ * R[4], c2 = h_ * R[2] + k_ * R[5];
    return apply(pair, 0, {{{c0 - h_, R[6]}, {c1 - k_, R[7]}, {c2, R[8] - 1}}}) &&
           apply(pair, 1, {{{-c0 - h_, -R[6]}, {-c1 - k_, -R[7]}, {-c2, -R[8] - 1}}});
  }

  void append(const ReciprocalMetric& metric, const InverseDSquaredRange& range, int laue_order,
              std::size_t start, UniqueReflections& out) const {
    const std::size_t first = out.miller.size();
    int bit = modulo_24(high_);
    for (int l = high_; l >= low_; --l, bit = bit == 0 ? 23 : bit - 1) {
      if (!(allowed_ >> bit & 1)) continue;
      const double q = inverse_d_squared(metric, h_, k_, l);
      if (!range.contains(q)) continue;
      int fixed_by = fixed_by_;
      bool extinct = false;
      for (int i = 0; i < fixed_count_; ++i) {
        if (fixed_[i].l != l) continue;
        ++fixed_by;
        extinct |= fixed_[i].extinct;
      }
      if (extinct) continue;
      out.miller.push_back({static_cast<std::int16_t>(h_), static_cast<std::int16_t>(k_),
                            static_cast<std::int16_t>(l), static_cast<std::uint16_t>(laue_order / fixed_by)});
      out.stol2.push_back(static_cast<float>(q / 4));
    }
    if (out.miller.size() == first) return;
    out.rows.push_back({static_cast<std::int16_t>(h_), static_cast<std::int16_t>(k_),
                        static_cast<std::int32_t>(first - start),
                        static_cast<std::int32_t>(out.miller.size() - first)});
  }

 private:
  // An index of the image minus that of the reflection itself: constant + slope l.
  struct Difference {
    int constant, slope;
    int at(int l) const { return constant + slope * l; }
  };
  // An l that some element leaves as it is.
  struct FixedPoint {
    int l;
    bool extinct;
  };

  bool apply(const RotationPair& pair, int sign, const std::array<Difference, 3>& d) {
    for (int i = 0; i < 3; ++i) {
      if (d[i].slope != 0) return bound(pair, sign, d, i);
      if (d[i].constant != 0) return d[i].constant < 0;
    }
    ++fixed_by_;
    if (pair.is_operator[sign]) allowed_ &= allowed_l(pair.translation[sign], h_, k_);
    return allowed_ != 0;
  }

  // Keeps the l with d[i] <= 0; where it is zero the later indices decide.
  bool bound(const RotationPair& pair, int sign, const std::array<Difference, 3>& d, int i) {
    const int steps = d[i].slope > 0 ? d[i].slope : -d[i].slope;
    const int at_zero =
        d[i].slope > 0 ? -d[i].constant : d[i].constant;  // l = at_zero / steps, if that is an integer
    const int quotient = steps == 1 ? at_zero : at_zero / steps, rest = at_zero - quotient * steps;
    const int floor = quotient - (rest < 0), ceiling = quotient + (rest > 0);
    bool larger = false;
    if (rest == 0) {
      int later = 0;
      for (int j = i + 1; j < 3 && later == 0; ++j)
        later = d[j].at(quotient);
      larger = later > 0;
      if (later == 0) add_fixed_point(pair, sign, quotient);
    }
    if (d[i].slope > 0) {
      high_ = std::min(high_, floor - larger);
    } else {
      low_ = std::max(low_, ceiling + larger);
    }
    return low_ <= high_;
  }

  void add_fixed_point(const RotationPair& pair, int sign, int l) {
    const Translation& t = pair.translation[sign];
    const bool extinct = pair.is_operator[sign] && (h_ * t[0] + k_ * t[1] + l * t[2]) % 24 != 0;
    fixed_[fixed_count_++] = {l, extinct};
  }

  int h_, k_, low_, high_;
  std::uint32_t allowed_ = every_l;
  int fixed_by_ = 0;  // elements that leave the whole row as it is
  int fixed_count_ = 0;
  std::array<FixedPoint, 48> fixed_;
};

int index(double x) {
  constexpr int limit = std::numeric_limits<std::int16_t>::max();
  if (!(std::abs(x) <= limit))
    throw ProblemError(fmt::format("[structure_factors] Miller index {} > {}", x, limit));
  return static_cast<int>(x);
}

}  // namespace

void list_unique_reflections(const ReciprocalMetric& g, std::span<const SymmetryOperator> operators,
                             const InverseDSquaredRange& range, UniqueReflections& out) {
  Group group = group_of(operators);
  const std::size_t start = out.miller.size();
  // 1/d^2 as nested squares: its minimum over l is alpha k^2 + beta h k + gamma h^2, that over k and l delta
  // h^2.
  const double alpha = g[1] - g[3] * g[3] / (4 * g[2]);
  const double beta = g[5] - g[3] * g[4] / (2 * g[2]);
  const double gamma = g[0] - g[4] * g[4] / (4 * g[2]);
  const double delta = gamma - beta * beta / (4 * alpha);
  const double q =
      range.max * (1 + 1e-9);  // rounding must not lose an edge: range.contains() has the last word
  constexpr double margin = 1e-6;
  for (int h = index(std::sqrt(q / delta) + margin); h >= 0; --h) {
    const double k_middle = -beta * h / (2 * alpha);
    const double k_reach = std::sqrt(std::max(0.0, (q - delta * h * h) / alpha)) + margin;
    const int k_min = h == 0 ? 0 : index(std::ceil(k_middle - k_reach));
    for (int k = index(std::floor(k_middle + k_reach)); k >= k_min; --k) {
      const double l_middle = -(g[3] * k + g[4] * h) / (2 * g[2]);
      const double rest = (q - (g[0] * h * h + g[1] * k * k + g[5] * h * k)) / g[2];
      const double l_reach = std::sqrt(std::max(0.0, rest + l_middle * l_middle)) + margin;
      Row row(h, k, index(std::ceil(l_middle - l_reach)), index(std::floor(l_middle + l_reach)));
      if (!row.apply_centring(group.centrings)) continue;
      bool empty = false;
      for (RotationPair& pair : group.pairs) {
        if (row.apply(pair)) continue;
        empty = true;
        std::swap(pair, group.pairs.front());  // it will probably rule out the next row too
        break;
      }
      if (!empty) row.append(g, range, group.laue_order(), start, out);
    }
  }
}

}  // namespace bragg::cpu
