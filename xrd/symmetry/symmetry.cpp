#include "xrd/symmetry/symmetry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

constexpr int denominator = translation_denominator;
/// A decimal translation is taken for the multiple of 1/24 within this ("0.333" for 1/3).
constexpr double decimal_tolerance = 1e-3;
/// More operators than any sensible cell has; the work of the group check grows with the square.
constexpr std::size_t maximum_operators = 1536;

int modulo(int t) {
  t %= denominator;
  return t < 0 ? t + denominator : t;
}

/// Reads one component of a triplet: a sum of x, y, z with integer factors and constants.
class ComponentParser {
 public:
  ComponentParser(std::string_view text, std::string_view triplet) : text_(text), triplet_(triplet) {}

  void parse(std::int8_t* rotation, std::int8_t* translation) {
    std::array<int, 3> factor{};
    int constant = 0;
    bool any = false;
    skip();
    while (i_ < text_.size()) {
      int sign = 1;
      if (text_[i_] == '+' || text_[i_] == '-') {
        sign = text_[i_] == '-' ? -1 : 1;
        ++i_;
        skip();
      } else if (any) {
        fail("expected + or -");
      }
      if (i_ == text_.size()) fail("ends with a sign");
      if (const int axis = axis_here(); axis >= 0) {
        factor[static_cast<std::size_t>(axis)] += sign;
        ++i_;
      } else {
        const int value = number();
        skip();
        const bool star = i_ < text_.size() && text_[i_] == '*';
        if (star) {
          ++i_;
          skip();
        }
        const int factor_axis = i_ < text_.size() ? axis_here() : -1;
        if (factor_axis >= 0) {
          if (value % denominator != 0) fail("a fractional factor");
          factor[static_cast<std::size_t>(factor_axis)] += sign * value / denominator;
          ++i_;
        } else if (star) {
          fail("expected x, y or z after *");
        } else {
          constant += sign * value;
        }
      }
      any = true;
      skip();
    }
    if (!any) fail("an empty component");
    for (std::size_t k = 0; k < 3; ++k) {
      if (std::abs(factor[k]) > 7) fail("a factor beyond 7");
      rotation[k] = static_cast<std::int8_t>(factor[k]);
    }
    *translation = static_cast<std::int8_t>(modulo(constant));
  }

 private:
  [[noreturn]] void fail(std::string_view why) const {
    throw Error(fmt::format("symmetry operator '{}': {}", triplet_, why));
  }
  void skip() {
    while (i_ < text_.size() && (text_[i_] == ' ' || text_[i_] == '\t' || text_[i_] == '_'))
      ++i_;
  }
  int axis_here() const {
    switch (text_[i_]) {
      case 'x':
      case 'X':
        return 0;
      case 'y':
      case 'Y':
        return 1;
      case 'z':
      case 'Z':
        return 2;
      default:
        return -1;
    }
  }
  /// "1", "1/2", "0.25", ".5" in 1/24.
  int number() {
    const auto unsigned_value = [&](double& value) {
      const char* begin = text_.data() + i_;
      if (i_ == text_.size() || !((*begin >= '0' && *begin <= '9') || *begin == '.'))
        fail("expected a number or x, y, z");
      const auto result =
          std::from_chars(begin, text_.data() + text_.size(), value, std::chars_format::fixed);
      if (result.ec != std::errc() || !(value < 1000)) fail("an unreadable number");
      i_ = static_cast<std::size_t>(result.ptr - text_.data());
    };
    double value = 0, below = 1;
    unsigned_value(value);
    if (i_ < text_.size() && text_[i_] == '/') {
      ++i_;
      unsigned_value(below);
      if (below == 0) fail("division by zero");
    }
    const double scaled = value / below * denominator;
    const double nearest = std::round(scaled);
    if (std::abs(scaled - nearest) > decimal_tolerance * denominator)
      fail(fmt::format("the translation {} is no multiple of 1/{}", value / below, denominator));
    return static_cast<int>(nearest);
  }

  std::string_view text_, triplet_;
  std::size_t i_ = 0;
};

struct KeyHash {
  std::size_t operator()(const OperatorKey& key) const {
    std::uint64_t h = 0x9e3779b97f4a7c15ull;
    for (const std::uint64_t k : key) {
      h = (h ^ k) * 0xff51afd7ed558ccdull;
      h ^= h >> 32;
    }
    return static_cast<std::size_t>(h);
  }
};

constexpr std::array<std::int8_t, 9> identity_rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr SymmetryOperator identity{identity_rotation, {0, 0, 0}};

/// Throws where a product of two operators is missing. `key` is sorted.
void check_closed(const std::vector<SymmetryOperator>& operators, const OperatorKey& key) {
  for (const SymmetryOperator& op : operators) {
    const auto& r = op.rotation;
    const int determinant = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
                            r[2] * (r[3] * r[7] - r[4] * r[6]);
    const int trace = determinant * (r[0] + r[4] + r[8]);
    const bool is_identity = r == identity_rotation;
    const bool possible = std::abs(determinant) == 1 && trace >= -1 && trace <= 3;
    // Of trace 3 only the identity and the inversion have a finite order.
    bool finite = true;
    if (possible && trace == 3 && !is_identity) {
      auto negated = r;
      for (auto& v : negated)
        v = static_cast<std::int8_t>(-v);
      finite = negated == identity_rotation;
    }
    if (!possible || !finite)
      throw Error(fmt::format("symmetry operator '{}' is no crystallographic rotation", triplet(op)));
  }
  for (const SymmetryOperator& a : operators)
    for (const SymmetryOperator& b : operators) {
      const SymmetryOperator product = a * b;
      bool small = true;
      for (const auto v : product.rotation)
        small = small && v >= -7 && v <= 7;
      if (!small || !std::binary_search(key.begin(), key.end(), pack(product)))
        throw Error(fmt::format(
            "the symmetry operators are not a group: '{}' after '{}' gives '{}', which is not listed",
            triplet(a), triplet(b), triplet(product)));
    }
}

}  // namespace

SymmetryOperator parse_operator(std::string_view text) {
  SymmetryOperator op;
  std::string_view rest = text;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t comma = rest.find(',');
    if ((comma == std::string_view::npos) != (i == 2))
      throw Error(fmt::format("symmetry operator '{}': expected three components", text));
    ComponentParser(rest.substr(0, comma), text).parse(op.rotation.data() + 3 * i, op.translation.data() + i);
    if (i < 2) rest.remove_prefix(comma + 1);
  }
  return op;
}

std::string triplet(const SymmetryOperator& op) {
  std::string out;
  for (std::size_t i = 0; i < 3; ++i) {
    if (i > 0) out += ',';
    const std::size_t begin = out.size();
    for (std::size_t j = 0; j < 3; ++j) {
      const int r = op.rotation[3 * i + j];
      if (r == 0) continue;
      if (r < 0) out += '-';
      if (r > 0 && out.size() > begin) out += '+';
      if (std::abs(r) != 1) out += fmt::format("{}", std::abs(r));
      out += "xyz"[j];
    }
    if (const int t = op.translation[i]; t != 0) {
      const int divisor = std::gcd(std::abs(t), denominator);
      if (t > 0 && out.size() > begin) out += '+';
      out += denominator == divisor ? fmt::format("{}", t / divisor)
                                    : fmt::format("{}/{}", t / divisor, denominator / divisor);
    }
    if (out.size() == begin) out += '0';
  }
  return out;
}

SymmetryOperator operator*(const SymmetryOperator& a, const SymmetryOperator& b) {
  SymmetryOperator out;
  for (std::size_t i = 0; i < 3; ++i) {
    int t = a.translation[i];
    for (std::size_t j = 0; j < 3; ++j) {
      int r = 0;
      for (std::size_t k = 0; k < 3; ++k)
        r += a.rotation[3 * i + k] * b.rotation[3 * k + j];
      out.rotation[3 * i + j] = static_cast<std::int8_t>(r);
      t += a.rotation[3 * i + j] * b.translation[j];
    }
    out.translation[i] = static_cast<std::int8_t>(modulo(t));
  }
  return out;
}

Fractional apply(const SymmetryOperator& op, const Fractional& p) {
  const auto& r = op.rotation;
  const auto& t = op.translation;
  return {r[0] * p.x + r[1] * p.y + r[2] * p.z + t[0] / double{denominator},
          r[3] * p.x + r[4] * p.y + r[5] * p.z + t[1] / double{denominator},
          r[6] * p.x + r[7] * p.y + r[8] * p.z + t[2] / double{denominator}};
}

std::array<int, 3> apply(const SymmetryOperator& op, const std::array<int, 3>& hkl) {
  const auto& r = op.rotation;
  return {hkl[0] * r[0] + hkl[1] * r[3] + hkl[2] * r[6], hkl[0] * r[1] + hkl[1] * r[4] + hkl[2] * r[7],
          hkl[0] * r[2] + hkl[1] * r[5] + hkl[2] * r[8]};
}

std::uint64_t pack(const SymmetryOperator& op) {
  std::uint64_t key = 0;
  for (const std::int8_t r : op.rotation)
    key = key << 4 | static_cast<std::uint64_t>(r + 8);
  for (const std::int8_t t : op.translation)
    key = key << 5 | static_cast<std::uint64_t>(t);
  return key;
}

OperatorKey operator_key(std::span<const SymmetryOperator> operators) {
  OperatorKey key;
  key.reserve(operators.size());
  for (const SymmetryOperator& op : operators)
    key.push_back(pack(op));
  std::sort(key.begin(), key.end());
  key.erase(std::unique(key.begin(), key.end()), key.end());
  return key;
}

const TabulatedSetting* find_setting(const OperatorKey& key) {
  static const auto index = [] {
    std::unordered_map<OperatorKey, const TabulatedSetting*, KeyHash> map;
    // emplace keeps the first of the few settings that are listed under two names.
    for (const TabulatedSetting& t : tabulated_settings())
      map.emplace(operator_key(t.setting.operators), &t);
    return map;
  }();
  const auto found = index.find(key);
  return found == index.end() ? nullptr : found->second;
}

SpaceGroupSetting setting_from_operators(std::vector<SymmetryOperator> operators) {
  if (operators.empty()) throw Error("no symmetry operators");
  if (operators.size() > maximum_operators)
    throw Error(fmt::format("{} symmetry operators are more than {}", operators.size(), maximum_operators));
  for (SymmetryOperator& op : operators) {
    for (auto& t : op.translation)
      t = static_cast<std::int8_t>(modulo(t));
    for (const auto r : op.rotation)
      if (r < -7 || r > 7) throw Error(fmt::format("symmetry operator '{}': a factor beyond 7", triplet(op)));
  }
  const OperatorKey key = operator_key(operators);
  if (key.size() != operators.size()) {  // drop repetitions, keep the order
    OperatorKey seen;
    std::erase_if(operators, [&](const SymmetryOperator& op) {
      const std::uint64_t k = pack(op);
      const bool repeated = std::find(seen.begin(), seen.end(), k) != seen.end();
      if (!repeated) seen.push_back(k);
      return repeated;
    });
  }
  const auto first = std::find(operators.begin(), operators.end(), identity);
  if (first == operators.end()) throw Error("the symmetry operators are not a group: 'x,y,z' is not listed");
  std::rotate(operators.begin(), first, first + 1);

  if (const TabulatedSetting* t = find_setting(key))
    return {t->setting.number, t->setting.hm, t->setting.hall, std::move(operators)};
  check_closed(operators, key);
  const int number = space_group_type(operators);
  if (number == 0)
    throw Error(fmt::format("the group of '{}' and {} more operators is no space group of the tables",
                            triplet(operators.back()), operators.size() - 1));
  return {number, reference_setting(number).setting.hm, "", std::move(operators)};
}

SpaceGroupSetting setting_from_hall(std::string_view hall) {
  const auto normal = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      const bool blank = c == ' ' || c == '_' || c == '\t';
      if (!blank)
        out += c;
      else if (!out.empty() && out.back() != ' ')
        out += ' ';
    }
    while (!out.empty() && out.back() == ' ')
      out.pop_back();
    const std::size_t letter = !out.empty() && out[0] == '-' ? 1 : 0;  // "-P2yn" is "-P 2yn"
    if (out.size() > letter + 1 && out[letter] != ' ' && out[letter + 1] != ' ')
      out.insert(letter + 1, 1, ' ');
    return out;
  };
  static const auto index = [&] {
    std::unordered_map<std::string, const TabulatedSetting*> map;
    for (const TabulatedSetting& t : tabulated_settings())
      map.emplace(normal(t.setting.hall), &t);
    return map;
  }();
  const std::string symbol = normal(hall);
  if (const auto found = index.find(symbol); found != index.end()) return found->second->setting;
  return setting_from_operators(operators_from_hall(symbol));
}

}  // namespace bragg::xrd
