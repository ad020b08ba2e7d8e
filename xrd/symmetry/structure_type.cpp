#include "xrd/symmetry/structure_type.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::xrd {
namespace {

/// Kinds of rotations: 2, 3, 4, 6, -1, m, -3, -4, -6; the identity is in every group.
constexpr std::size_t rotation_kinds = 9;
using RotationCounts = std::array<int, rotation_kinds>;

struct PointGroup {
  const char* symbol;
  RotationCounts counts;
};

constexpr std::array<PointGroup, 32> point_groups{{
    {"1", {0, 0, 0, 0, 0, 0, 0, 0, 0}},     {"-1", {0, 0, 0, 0, 1, 0, 0, 0, 0}},
    {"2", {1, 0, 0, 0, 0, 0, 0, 0, 0}},     {"m", {0, 0, 0, 0, 0, 1, 0, 0, 0}},
    {"2/m", {1, 0, 0, 0, 1, 1, 0, 0, 0}},   {"222", {3, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"mm2", {1, 0, 0, 0, 0, 2, 0, 0, 0}},   {"mmm", {3, 0, 0, 0, 1, 3, 0, 0, 0}},
    {"4", {1, 0, 2, 0, 0, 0, 0, 0, 0}},     {"-4", {1, 0, 0, 0, 0, 0, 0, 2, 0}},
    {"4/m", {1, 0, 2, 0, 1, 1, 0, 2, 0}},   {"422", {5, 0, 2, 0, 0, 0, 0, 0, 0}},
    {"4mm", {1, 0, 2, 0, 0, 4, 0, 0, 0}},   {"-42m", {3, 0, 0, 0, 0, 2, 0, 2, 0}},
    {"4/mmm", {5, 0, 2, 0, 1, 5, 0, 2, 0}}, {"3", {0, 2, 0, 0, 0, 0, 0, 0, 0}},
    {"-3", {0, 2, 0, 0, 1, 0, 2, 0, 0}},    {"32", {3, 2, 0, 0, 0, 0, 0, 0, 0}},
    {"3m", {0, 2, 0, 0, 0, 3, 0, 0, 0}},    {"-3m", {3, 2, 0, 0, 1, 3, 2, 0, 0}},
    {"6", {1, 2, 0, 2, 0, 0, 0, 0, 0}},     {"-6", {0, 2, 0, 0, 0, 1, 0, 0, 2}},
    {"6/m", {1, 2, 0, 2, 1, 1, 2, 0, 2}},   {"622", {7, 2, 0, 2, 0, 0, 0, 0, 0}},
    {"6mm", {1, 2, 0, 2, 0, 6, 0, 0, 0}},   {"-6m2", {3, 2, 0, 0, 0, 4, 0, 0, 2}},
    {"6/mmm", {7, 2, 0, 2, 1, 7, 2, 0, 2}}, {"23", {3, 8, 0, 0, 0, 0, 0, 0, 0}},
    {"m-3", {3, 8, 0, 0, 1, 3, 8, 0, 0}},   {"432", {9, 8, 6, 0, 0, 0, 0, 0, 0}},
    {"-43m", {3, 8, 0, 0, 0, 6, 0, 6, 0}},  {"m-3m", {9, 8, 6, 0, 1, 9, 8, 6, 0}},
}};

using Rotation = std::array<std::int8_t, 9>;

/// The kind of a rotation part by determinant and trace; nothing for the identity.
std::optional<std::size_t> kind_of(const Rotation& r) {
  const int trace = r[0] + r[4] + r[8];
  const int determinant = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
                          r[2] * (r[3] * r[7] - r[4] * r[6]);
  // 2 cos(angle) + 1 = trace of the proper rotation, which is the rotation itself or its negative.
  switch (determinant * trace) {
    case 3:
      return determinant == 1 ? std::nullopt : std::optional<std::size_t>(4);
    case -1:
      return determinant == 1 ? 0 : 5;
    case 0:
      return determinant == 1 ? 1 : 6;
    case 1:
      return determinant == 1 ? 2 : 7;
    case 2:
      return determinant == 1 ? 3 : 8;
    default:
      throw Error(fmt::format("[point_group] trace {} and determinant {}: no rotation of a lattice", trace,
                              determinant));
  }
}

/// What differs from an integer by less is one: sites lie on their special positions exactly.
constexpr double on_position = 1e-4;

double from_integer(double x) {
  return std::abs(x - std::round(x));
}

bool coincide(const Fractional& a, const Fractional& b) {
  return from_integer(a.x - b.x) < on_position && from_integer(a.y - b.y) < on_position &&
         from_integer(a.z - b.z) < on_position;
}

std::array<int, 3> cross(const std::array<int, 3>& a, const std::array<int, 3>& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// Whether a point lies on a line through the origin, modulo lattice vectors. p within (-1, 1).
bool lies_on_line(const std::array<double, 3>& p, const std::array<int, 3>& along) {
  // p - m = t along with t in [0, 1): no component of m beyond that of `along` and one more.
  const auto most = [&](std::size_t i) { return std::abs(along[i]) + 1; };
  for (int i = -most(0); i <= most(0); ++i) {
    for (int j = -most(1); j <= most(1); ++j) {
      for (int k = -most(2); k <= most(2); ++k) {
        const std::array<double, 3> d{p[0] - i, p[1] - j, p[2] - k};
        if (std::abs(d[1] * along[2] - d[2] * along[1]) < on_position &&
            std::abs(d[2] * along[0] - d[0] * along[2]) < on_position &&
            std::abs(d[0] * along[1] - d[1] * along[0]) < on_position)
          return true;
      }
    }
  }
  return false;
}

bool lies_on(const AffineMap& map, const Fractional& position) {
  if (map.dimension == 3) return true;
  const Fractional origin = map({0, 0, 0});
  if (map.dimension == 0) return coincide(origin, position);
  std::array<double, 3> p{position.x - origin.x, position.y - origin.y, position.z - origin.z};
  if (map.dimension == 2) {
    // The directions are a basis of the lattice along the plane: its normal is primitive.
    const std::array<int, 3> n = cross(map.direction[0], map.direction[1]);
    return from_integer(n[0] * p[0] + n[1] * p[1] + n[2] * p[2]) < on_position;
  }
  for (double& v : p)
    v -= std::floor(v);
  return lies_on_line(p, map.direction[0]);
}

int centrings_of(std::span<const SymmetryOperator> operators) {
  constexpr Rotation identity{1, 0, 0, 0, 1, 0, 0, 0, 1};
  return static_cast<int>(std::count_if(operators.begin(), operators.end(),
                                        [&](const SymmetryOperator& op) { return op.rotation == identity; }));
}

/// The operators that leave a point where it is, modulo lattice vectors.
std::vector<SymmetryOperator> stabiliser_of(std::span<const SymmetryOperator> operators,
                                            const Fractional& point) {
  std::vector<SymmetryOperator> out;
  for (const SymmetryOperator& op : operators)
    if (coincide(apply(op, point), point)) out.push_back(op);
  return out;
}

/// A place of the asymmetric unit with everything that is on it.
struct Place {
  const Site* first;
  std::map<int, double> occupancy;  ///< by atomic number

  int element() const {
    const auto most = std::max_element(occupancy.begin(), occupancy.end(), [](const auto& a, const auto& b) {
      return a.second < b.second - on_position;
    });
    return most->first;
  }
};

std::vector<Place> places_of(const Crystal& crystal) {
  std::vector<Place> places;
  for (const Site& site : crystal.sites) {
    const auto shares = [&](const Place& place) {
      if (place.first->multiplicity != site.multiplicity) return false;
      return std::any_of(crystal.group.operators.begin(), crystal.group.operators.end(),
                         [&](const SymmetryOperator& op) {
                           return coincide(apply(op, site.position), place.first->position);
                         });
    };
    auto found = places.end();
    if (site.occupancy < 1) found = std::find_if(places.begin(), places.end(), shares);
    if (found == places.end()) found = places.insert(places.end(), Place{&site, {}});
    found->occupancy[site.species.atomic_number] += site.occupancy;
  }
  return places;
}

/// What is on one Wyckoff position: an element for each place.
struct Occupied {
  std::string label;
  std::vector<int> elements;
};

/// "A", "B" ... "Z", "a" ...: more are never needed.
char letter(std::size_t i) {
  return static_cast<char>(i < 26 ? 'A' + i : 'a' + (i - 26));
}

std::string positions_text(const std::vector<Occupied>& occupied, const std::map<int, char>& names) {
  std::vector<std::string> texts;
  for (const Occupied& one : occupied) {
    std::string letters;
    for (const int element : one.elements)
      letters += names.at(element);
    std::sort(letters.begin(), letters.end());
    texts.push_back(fmt::format(" {}:{}", one.label, letters));
  }
  std::sort(texts.begin(), texts.end());
  std::string text;
  for (const std::string& one : texts)
    text += one;
  return text;
}

/// An element by what does not depend on what the others are called.
struct ElementRow {
  long amount = 0;
  std::vector<std::string> positions;  ///< where it is, sorted
  int element = 0;

  bool is_like(const ElementRow& other) const {
    return amount == other.amount && positions == other.positions;
  }
};

/// The least text over all orders of elements that are alike.
std::string least_text(std::vector<ElementRow> rows, const std::vector<Occupied>& occupied) {
  constexpr int most_orders = 5040;  // beyond them the order of atomic numbers has to do
  std::string least;
  const auto by_rank = [](const ElementRow& a, const ElementRow& b) {
    return std::tie(a.amount, a.positions, a.element) < std::tie(b.amount, b.positions, b.element);
  };
  std::sort(rows.begin(), rows.end(), by_rank);
  for (int order = 0; order < most_orders; ++order) {
    std::map<int, char> names;
    for (std::size_t i = 0; i < rows.size(); ++i)
      names[rows[i].element] = letter(i);
    std::string text = positions_text(occupied, names);
    if (order == 0 || text < least) least = std::move(text);
    // The next order, run of alike ones by run, like the digits of a number.
    bool more = false;
    for (auto run = rows.begin(); run != rows.end() && !more;) {
      const auto end =
          std::find_if(run, rows.end(), [&](const ElementRow& row) { return !row.is_like(*run); });
      more = std::next_permutation(run, end, by_rank);
      run = end;
    }
    if (!more) break;
  }
  return least;
}

}  // namespace

std::string point_group(std::span<const SymmetryOperator> operators) {
  std::vector<Rotation> rotations;
  for (const SymmetryOperator& op : operators)
    rotations.push_back(op.rotation);
  std::sort(rotations.begin(), rotations.end());
  rotations.erase(std::unique(rotations.begin(), rotations.end()), rotations.end());
  RotationCounts counts{};
  for (const Rotation& rotation : rotations)
    if (const auto kind = kind_of(rotation)) ++counts[*kind];
  for (const PointGroup& group : point_groups)
    if (group.counts == counts) return group.symbol;
  throw Error(fmt::format("[point_group] {} rotations are no point group", rotations.size()));
}

const StructureTypes::Setting& StructureTypes::setting_of(const SpaceGroupSetting& group) {
  const auto [found, is_new] = settings_.try_emplace(operator_key(group.operators));
  Setting& setting = found->second;
  if (!is_new) return setting;
  setting.centrings = centrings_of(group.operators);
  try {
    constexpr std::array<double, 3> generic{0.12345, 0.31271, 0.41739};
    for (const WyckoffPosition& position : wyckoff_positions(group.operators)) {
      const auto fixed = stabiliser_of(group.operators, position.map(generic));
      setting.positions.push_back(
          {fmt::format("{}({})", position.multiplicity / setting.centrings, point_group(fixed)),
           position.multiplicity, orbit(position, group.operators)});
    }
  } catch (const Error&) {  // special positions off the 24ths: an odd setting
    setting.positions.clear();
  }
  return setting;
}

std::string StructureTypes::label_of(const Setting& setting, const Site& site, const Position*& position) {
  position = nullptr;
  for (const Position& one : setting.positions) {
    const bool is_there = one.multiplicity == site.multiplicity &&
                          std::any_of(one.orbit.begin(), one.orbit.end(),
                                      [&](const AffineMap& map) { return lies_on(map, site.position); });
    if (!is_there) continue;
    if (position == nullptr || one.orbit.front().dimension < position->orbit.front().dimension)
      position = &one;
  }
  if (position != nullptr) return position->label;
  return fmt::format("{}", std::max(1, site.multiplicity / setting.centrings));
}

std::string StructureTypes::type_of(const Crystal& crystal) {
  const Setting& setting = setting_of(crystal.group);
  std::vector<Place> places = places_of(crystal);
  constexpr int hydrogen = 1;
  const auto is_hydrogen = [](const Place& place) { return place.element() == hydrogen; };
  if (!std::all_of(places.begin(), places.end(), is_hydrogen)) std::erase_if(places, is_hydrogen);

  std::map<const Position*, Occupied> shared;
  std::vector<Occupied> occupied;
  std::map<int, ElementRow> elements;
  for (const Place& place : places) {
    const Position* position = nullptr;
    const std::string label = label_of(setting, *place.first, position);
    const int element = place.element();
    if (position != nullptr) {
      shared[position].label = label;
      shared[position].elements.push_back(element);
    } else {
      occupied.push_back({label, {element}});
    }
    ElementRow& row = elements[element];
    row.element = element;
    row.amount += place.first->multiplicity;
    row.positions.push_back(label);
  }
  for (auto& [position, there] : shared)
    occupied.push_back(std::move(there));

  std::vector<ElementRow> rows;
  std::vector<long> amounts;
  long common = 0;
  for (auto& [element, row] : elements) {
    std::sort(row.positions.begin(), row.positions.end());
    rows.push_back(row);
    amounts.push_back(row.amount);
    common = std::gcd(common, row.amount);
  }
  std::sort(amounts.begin(), amounts.end());
  std::string formula;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    formula += letter(i);
    if (amounts[i] != common) formula += fmt::format("{}", amounts[i] / common);
  }
  return fmt::format("{} /{}{}", formula, modulo_enantiomorph(crystal.group.number),
                     least_text(std::move(rows), occupied));
}

}  // namespace bragg::xrd
