// Operators, their groups in any setting, Hall symbols, names, numbers.
#include "xrd/symmetry/symmetry.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

constexpr UnitCell cubic{5, 5, 5, 90, 90, 90}, hexagonal{5, 5, 8, 90, 90, 120},
    rhombohedral{5, 5, 5, 70, 70, 70}, monoclinic{5, 6, 7, 90, 100, 90}, orthorhombic{5, 6, 7, 90, 90, 90};

std::vector<SymmetryOperator> operators(std::initializer_list<const char*> triplets) {
  std::vector<SymmetryOperator> out;
  for (const char* t : triplets)
    out.push_back(parse_operator(t));
  return out;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(SymmetryOperator, IsReadInEveryUsualForm) {
  const auto op = parse_operator("-y+1/2,x-y,z+2/3");
  EXPECT_EQ(op.rotation, (std::array<std::int8_t, 9>{0, -1, 0, 1, -1, 0, 0, 0, 1}));
  EXPECT_EQ(op.translation, (std::array<std::int8_t, 3>{12, 0, 16}));
  EXPECT_EQ(triplet(op), "-y+1/2,x-y,z+2/3");
  for (const char* text : {"1/2-y, x-y, 2/3+z", "1/2-Y,X-Y,Z+2/3", "0.5-y,+x-y,z+.6667", "-y-1/2,x-y,z-1/3",
                           " -y + 1/2 , x - y , z + 0.667", "-1*y+1/2,x-y,z+4/6", "-y+5/2,x-y,z-4/3"})
    EXPECT_EQ(parse_operator(text), op) << text;
}

TEST(SymmetryOperator, IsRefusedWithItsText) {
  for (const char* text : {"", "x,y", "x,y,z,x", "x,,z", "x,y,w", "x,y,z+1/5", "x,y,z+0.4", "x,y,+",
                           "x y,z,x", "1/2x,y,z", "x,y,z+1/0", "9x,y,z", "x,y,z+nan", "x,y,z+1e3000"}) {
    const std::string message = message_of([&] { parse_operator(text); });
    EXPECT_NE(message.find(std::string("'") + text + "'"), std::string::npos) << text << ": " << message;
  }
  EXPECT_NE(message_of([] { parse_operator("x,y,z+1/5"); }).find("0.2"), std::string::npos);
}

TEST(SymmetryOperator, ProductAndImages) {
  const auto screw = parse_operator("-x,y+1/2,-z+1/2"), glide = parse_operator("x,-y+1/2,z+1/2");
  EXPECT_EQ(triplet(screw * glide), "-x,-y,-z");
  const Fractional p = xrd::apply(screw, Fractional{0.1, 0.2, 0.3});
  EXPECT_DOUBLE_EQ(p.x, -0.1);
  EXPECT_DOUBLE_EQ(p.y, 0.7);
  EXPECT_DOUBLE_EQ(p.z, 0.2);
  // h' = h R: the phase of the image of x at h is that of x at h'.
  EXPECT_EQ(xrd::apply(parse_operator("-y,x-y,z"), std::array{1, 2, 3}), (std::array{2, -3, 3}));
}

TEST(SpaceGroups, EveryTabulatedSettingIsFoundFromItsOperators) {
  for (const TabulatedSetting& t : tabulated_settings()) {
    const SpaceGroupSetting found = setting_from_operators(t.setting.operators);
    EXPECT_EQ(found.number, t.setting.number) << t.setting.hm;
    EXPECT_EQ(operator_key(found.operators), operator_key(t.setting.operators)) << t.setting.hm;
    EXPECT_EQ(triplet(found.operators.front()), "x,y,z");
    // The search must agree with the table without looking into it.
    EXPECT_EQ(space_group_type(t.setting.operators), t.setting.number) << t.setting.hm;
  }
}

/// The operators in the basis P (columns, in units of the old edges / divisor) with the origin moved by
/// `shift` / 24; an empty list where a translation is no multiple of 1/24 or a rotation is not integral.
std::vector<SymmetryOperator> transformed(const std::vector<SymmetryOperator>& group, const int (&P)[3][3],
                                          int divisor, const std::array<int, 3>& shift) {
  const auto minor = [&](int i, int j) {
    const int a = (i + 1) % 3, b = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
    return P[a][c] * P[b][d] - P[a][d] * P[b][c];
  };
  const int det = P[0][0] * minor(0, 0) + P[0][1] * minor(0, 1) + P[0][2] * minor(0, 2);
  std::set<std::uint64_t> seen;
  std::vector<SymmetryOperator> out;
  // Lattice translations of the old cell can be centring vectors of a larger new one.
  for (const SymmetryOperator& op : group)
    for (int n = 0; n < 27; ++n) {
      const std::array<int, 3> lattice{n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1};
      int w[3];
      for (int i = 0; i < 3; ++i) {
        w[i] = op.translation[static_cast<std::size_t>(i)] + 24 * lattice[static_cast<std::size_t>(i)] -
               shift[static_cast<std::size_t>(i)];
        for (int j = 0; j < 3; ++j)
          w[i] += op.rotation[static_cast<std::size_t>(3 * i + j)] * shift[static_cast<std::size_t>(j)];
      }
      SymmetryOperator image;
      for (int i = 0; i < 3; ++i) {
        int t = 0;
        for (int k = 0; k < 3; ++k)
          t += minor(k, i) * w[k];
        if (t * divisor % det != 0) return {};
        image.translation[static_cast<std::size_t>(i)] =
            static_cast<std::int8_t>(((t * divisor / det) % 24 + 24) % 24);
        for (int j = 0; j < 3; ++j) {
          int r = 0;
          for (int k = 0; k < 3; ++k)
            for (int l = 0; l < 3; ++l)
              r += minor(k, i) * op.rotation[static_cast<std::size_t>(3 * k + l)] * P[l][j];
          if (r % det != 0 || std::abs(r / det) > 7) return {};
          image.rotation[static_cast<std::size_t>(3 * i + j)] = static_cast<std::int8_t>(r / det);
        }
      }
      if (seen.insert(pack(image)).second) out.push_back(image);
    }
  return out;
}

TEST(SpaceGroups, IsFoundInCellsAndOriginsOfNoTable) {
  constexpr unsigned seed = 20261123;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  std::vector<int> tried(231, 0), centred(231, 0);
  for (const TabulatedSetting& t : tabulated_settings()) {
    const int number = t.setting.number;
    for (int attempt = 0; attempt < 12; ++attempt) {
      // A product of shears, right-handed: a cell of the same volume with other edges.
      int P[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
      for (int step = 0; step < attempt % 4; ++step) {
        const auto from = random() % 3, to = (from + 1 + random() % 2) % 3;
        const int factor = random() % 2 ? 1 : -1;
        for (auto& row : P)
          row[to] += factor * row[from];
      }
      const std::array<int, 3> shift{static_cast<int>(random() % 24), static_cast<int>(random() % 24),
                                     static_cast<int>(random() % 24)};
      const auto group = transformed(t.setting.operators, P, 1, shift);
      if (group.empty()) continue;
      ++tried[static_cast<std::size_t>(number)];
      EXPECT_EQ(setting_from_operators(group).number, number)
          << t.setting.hm << " attempt " << attempt << " seed " << seed;
    }
    // Primitive cells of the centred lattices (columns in halves of the edges), and cells of twice the
    // volume.
    struct Cell {
      char lattice;
      int P[3][3];
      int divisor;
    };
    static constexpr Cell cells[] = {{'F', {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}}, 2},
                                     {'I', {{-1, 1, 1}, {1, -1, 1}, {1, 1, -1}}, 2},
                                     {'C', {{1, -1, 0}, {1, 1, 0}, {0, 0, 2}}, 2},
                                     {'P', {{1, -1, 0}, {1, 1, 0}, {0, 0, 1}}, 1},
                                     {'P', {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}}, 1}};
    for (const Cell& cell : cells) {
      if (t.hm[0] != cell.lattice) continue;
      const auto group = transformed(t.setting.operators, cell.P, cell.divisor, {0, 6, 12});
      if (group.empty()) continue;
      ++centred[static_cast<std::size_t>(number)];
      EXPECT_EQ(setting_from_operators(group).number, number) << t.setting.hm << " in another lattice";
    }
  }
  int groups_in_other_lattices = 0;
  for (std::size_t number = 1; number <= 230; ++number) {
    EXPECT_GE(tried[number], 6) << number;
    groups_in_other_lattices += centred[number] > 0;
  }
  EXPECT_GE(groups_in_other_lattices, 140);
}

TEST(SpaceGroups, ListsThatAreNoGroup) {
  const std::string missing = message_of([] {
    setting_from_operators(operators({"x,y,z", "-y,x,z", "-x,-y,z"}));
  });
  EXPECT_NE(missing.find("'y,-x,z', which is not listed"), std::string::npos) << missing;
  EXPECT_NE(message_of([] { setting_from_operators({}); }).find("no symmetry operators"), std::string::npos);
  EXPECT_NE(message_of([] { setting_from_operators(operators({"-x,-y,-z"})); }).find("'x,y,z'"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              setting_from_operators(operators({"x,y,z", "x+y,y,z"}));
            }).find("'x+y,y,z'"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              setting_from_operators(operators({"x,y,z", "x,y,0"}));
            }).find("'x,y,0'"),
            std::string::npos);
}

TEST(SpaceGroups, RepeatedOperatorsCountOnceAndIdentityComesFirst) {
  const auto group = setting_from_operators(operators({"-x,-y,-z", "x,y,z", "-x,-y,-z"}));
  EXPECT_EQ(group.number, 2);
  ASSERT_EQ(group.operators.size(), 2u);
  EXPECT_EQ(triplet(group.operators[0]), "x,y,z");
}

TEST(HallSymbols, AreReadAndRefused) {
  EXPECT_EQ(setting_from_hall("-F 4 2 3").number, 225);
  EXPECT_EQ(setting_from_hall(" -F_4_2_3 ").number, 225);
  EXPECT_EQ(setting_from_hall("-P2yn").hm, "P 1 21/n 1");
  // Not of the table: the origin of F d -3 m elsewhere.
  const auto moved = setting_from_hall("F 4d 2 3 -1d (3 0 0)");
  EXPECT_EQ(moved.number, 227);
  EXPECT_TRUE(moved.hall.empty());
  for (const char* bad :
       {"", "P", "Q 2", "P 5", "P 3*1", "P 3 2'1", "P 1 21", "P 2 11", "-", "P 2 (1 2", "P 2 (x,y)",
        "P 2 (0 0 0 0)", "P 2 (x,x,z)", "P 2 (1/0,y,z)", "P 4 3 2 2 2 (x", "F 4d 2 3 \xff"})
    EXPECT_THROW(setting_from_hall(bad), Error) << "'" << bad << "'";
}

TEST(Names, EveryTabulatedNameIsUnderstood) {
  for (const TabulatedSetting& t : tabulated_settings()) {
    const auto found = settings_named(t.setting.hm);
    ASSERT_FALSE(found.empty()) << t.setting.hm;
    bool has_it = false;
    for (const TabulatedSetting* f : found) {
      has_it = has_it || f == &t;
      EXPECT_EQ(f->setting.number, t.setting.number) << t.setting.hm << " as " << f->setting.hm;
    }
    EXPECT_TRUE(has_it) << t.setting.hm;
  }
  for (int number = 1; number <= 230; ++number) {
    const auto found = settings_named(hm_short(number));
    ASSERT_FALSE(found.empty()) << hm_short(number);
    for (const TabulatedSetting* f : found)
      EXPECT_EQ(f->setting.number, number) << hm_short(number);
  }
}

TEST(Names, OldAndTypographicForms) {
  struct Case {
    const char* name;
    UnitCell cell;
    const char* hm;
  };
  for (const Case& c : {Case{"Fm3m", cubic, "F m -3 m"},
                        {"F m 3 m", cubic, "F m -3 m"},
                        {"Ia3d", cubic, "I a -3 d"},
                        {"Pa3", cubic, "P a -3"},
                        {"Fd3m:2", cubic, "F d -3 m:2"},
                        {"*F d 3 m :1", cubic, "F d -3 m:1"},
                        {"F d -3 m Z", cubic, "F d -3 m:2"},
                        {"F d -3 m S", cubic, "F d -3 m:1"},
                        {"F 41/d -3 2/m (origin choice 2)", cubic, "F d -3 m:2"},
                        {"Fd-3mS", cubic, "F d -3 m:1"},
                        {"Fd-3mZ", cubic, "F d -3 m:2"},
                        {"FD3MZ", cubic, "F d -3 m:2"},
                        {"F d -3 m O2", cubic, "F d -3 m:2"},
                        {"F d -3 m :O1", cubic, "F d -3 m:1"},
                        {"F d -3 m ORIGIN 2", cubic, "F d -3 m:2"},
                        {"F d -3 m origin choice 1", cubic, "F d -3 m:1"},
                        {"F d -3 m Z (227)", cubic, "F d -3 m:2"},
                        {"P4/nZ", {5, 5, 7, 90, 90, 90}, "P 4/n:2"},
                        {"P n n n S", orthorhombic, "P n n n:1"},
                        {"Fm3\xcc\x84m", cubic, "F m -3 m"},
                        {"Fm3\xcc\x85m", cubic, "F m -3 m"},
                        {"Fm\xe2\x88\x92"
                         "3m",
                         cubic, "F m -3 m"},
                        {"$Fm\\bar{3}m$", cubic, "F m -3 m"},
                        {"Fm bar3 m", cubic, "F m -3 m"},
                        {"Fm-3m (225)", cubic, "F m -3 m"},
                        {"F m -3 m [No. 225]", cubic, "F m -3 m"},
                        {"F m -3 m #225", cubic, "F m -3 m"},
                        {"P -6 2 c (190)", hexagonal, "P -6 2 c"},
                        {"P -1 (2)", monoclinic, "P -1"},
                        {"P 1 (1)", monoclinic, "P 1"},
                        {"P6<sub>3</sub>/mmc", hexagonal, "P 63/m m c"},
                        {"<i>P</i>6<sub>3</sub>/<i>mmc</i>", hexagonal, "P 63/m m c"},
                        {"P6_{3}/mmc", hexagonal, "P 63/m m c"},
                        {"P6\xe2\x82\x83/mmc", hexagonal, "P 63/m m c"},
                        {"P6sub3/mmc", hexagonal, "P 63/m m c"},
                        {"P 6sub(3)/m m c", hexagonal, "P 63/m m c"},
                        {"P63mmc", hexagonal, "P 63/m m c"},
                        {"P42mnm", {5, 5, 7, 90, 90, 90}, "P 42/m n m"},
                        {"F 4/m -3 2/m", cubic, "F m -3 m"},
                        {"P2(1)/c", monoclinic, "P 1 21/c 1"},
                        {"P 21/c", monoclinic, "P 1 21/c 1"},
                        {"P_1_21/c_1", monoclinic, "P 1 21/c 1"},
                        {"P 2_1/c", monoclinic, "P 1 21/c 1"},
                        {"P2~1~/n", monoclinic, "P 1 21/n 1"},
                        {"P12(1)/n1", monoclinic, "P 1 21/n 1"},
                        {"P 21", orthorhombic, "P 1 21 1"},
                        {"P2", {5, 6, 7, 90, 90, 100}, "P 1 1 2"},
                        {"P6(3)/mmc", hexagonal, "P 63/m m c"},
                        {"P63/mmc", hexagonal, "P 63/m m c"},
                        {"P 6/m 2/m 2/m", hexagonal, "P 6/m m m"},
                        {"P -3 2/m 1", hexagonal, "P -3 m 1"},
                        {"R-3c", hexagonal, "R -3 c:H"},
                        {"R-3c", rhombohedral, "R -3 c:R"},
                        {"R -3 2/c (hexagonal axes)", hexagonal, "R -3 c:H"},
                        {"R-3mH", hexagonal, "R -3 m:H"},
                        {"R -3 m R", rhombohedral, "R -3 m:R"},
                        {"H 3 2", hexagonal, "R 3 2:H"},
                        {"Pnma", orthorhombic, "P n m a"},
                        {"P b n m", orthorhombic, "P b n m"},
                        {"P 21/n 21/m 21/a", orthorhombic, "P n m a"},
                        {"P 42/m 21/b 2/c", {5, 5, 7, 90, 90, 90}, "P 42/m b c"},
                        {"C m c e", orthorhombic, "C m c a"},
                        {"p 1", monoclinic, "P 1"},
                        {"P-1", monoclinic, "P -1"}})
    EXPECT_EQ(setting_from_hm(c.name, c.cell).hm, c.hm) << c.name;
}

TEST(Names, WhatIsUnknownOpenOrContradicted) {
  EXPECT_THROW(setting_from_hm("P 7", cubic), UnknownName);
  EXPECT_THROW(setting_from_hm("", cubic), UnknownName);
  EXPECT_THROW(setting_from_hm("X c", cubic), UnknownName);
  EXPECT_THROW(setting_from_hm("F m -3 m (227)", cubic), UnknownName);
  EXPECT_THROW(setting_from_hm("F d -3 m (227)", cubic), AmbiguousSetting);
  EXPECT_THROW(setting_from_hm("Fd3\xcc\x84m", cubic), AmbiguousSetting);
  EXPECT_THROW(setting_from_hm("F m -3 m Zz", cubic), UnknownName);
  EXPECT_THROW(setting_from_hm("F d -3 m", cubic), AmbiguousSetting);
  EXPECT_THROW(setting_from_hm("Fd3m", cubic), AmbiguousSetting);
  EXPECT_THROW(setting_from_hm("F m -3 m", orthorhombic), CellMismatch);
  EXPECT_THROW(setting_from_hm("R -3 c", orthorhombic), CellMismatch);
  const std::string message = message_of([] { setting_from_hm("Fd3m", cubic); });
  EXPECT_NE(message.find("F d -3 m:1, F d -3 m:2"), std::string::npos) << message;
}

TEST(Numbers, OnlyWhereTheyLeaveNothingOpen) {
  EXPECT_EQ(setting_from_number(225, cubic).hm, "F m -3 m");
  EXPECT_EQ(setting_from_number(19, orthorhombic).hm, "P 21 21 21");
  EXPECT_EQ(setting_from_number(166, hexagonal).hm, "R -3 m:H");
  EXPECT_EQ(setting_from_number(166, rhombohedral).hm, "R -3 m:R");
  EXPECT_EQ(setting_from_number(4, monoclinic).hm, "P 1 21 1");
  EXPECT_THROW(setting_from_number(227, cubic), AmbiguousSetting);      // two origins
  EXPECT_THROW(setting_from_number(14, monoclinic), AmbiguousSetting);  // three cells
  EXPECT_THROW(setting_from_number(62, orthorhombic), AmbiguousSetting);
  EXPECT_THROW(setting_from_number(225, orthorhombic), CellMismatch);
  EXPECT_THROW(setting_from_number(0, cubic), UnknownName);
  EXPECT_THROW(setting_from_number(231, cubic), UnknownName);
}

TEST(CellSymmetry, DeviationsAndTheSymmetrisedCell) {
  const auto& group = reference_setting(225).setting.operators;
  EXPECT_TRUE(cell_deviation({5, 5.02, 5, 90, 90.3, 90}, group).is_tolerated());
  EXPECT_FALSE(cell_deviation({5, 5.04, 5, 90, 90, 90}, group).is_tolerated());
  EXPECT_FALSE(cell_deviation({5, 5, 5, 90, 90.6, 90}, group).is_tolerated());
  const UnitCell mean = symmetrised({5, 5.01, 5.02, 90, 90.2, 89.9}, group);
  EXPECT_EQ(mean.a, mean.b);
  EXPECT_EQ(mean.a, mean.c);
  EXPECT_NEAR(mean.a, std::sqrt((25 + 5.01 * 5.01 + 5.02 * 5.02) / 3), 1e-14);
  EXPECT_EQ(mean.alpha, 90);
  EXPECT_EQ(mean.beta, 90);
  const UnitCell exact{4.913, 4.913, 5.405, 90, 90, 120};
  EXPECT_EQ(symmetrised(exact, reference_setting(152).setting.operators), exact);
}

TEST(SpaceGroups, ClassesNamesAndPairs) {
  EXPECT_EQ(hm_short(1), "P1");
  EXPECT_EQ(hm_short(14), "P21/c");
  EXPECT_EQ(hm_short(15), "C2/c");
  EXPECT_EQ(hm_short(166), "R-3m");
  EXPECT_EQ(hm_short(225), "Fm-3m");
  const std::array<int, 7> first{1, 3, 16, 75, 143, 168, 195};
  int system = -1;
  for (int number = 1; number <= 230; ++number) {
    if (system < 6 && number == first[static_cast<std::size_t>(system + 1)]) ++system;
    EXPECT_EQ(static_cast<int>(crystal_system(number)), system) << number;
  }
  EXPECT_EQ(name_of(CrystalSystem::trigonal), "trigonal");
  EXPECT_EQ(enantiomorph(76), 78);
  EXPECT_EQ(enantiomorph(154), 152);
  EXPECT_FALSE(enantiomorph(155));
  EXPECT_EQ(modulo_enantiomorph(213), 212);
  int paired = 0;
  for (int number = 1; number <= 230; ++number)
    paired += modulo_enantiomorph(number) != number;
  EXPECT_EQ(paired, 11);
  EXPECT_THROW(hm_short(0), Error);
  EXPECT_THROW(crystal_system(231), Error);
}

}  // namespace
}  // namespace bragg::xrd
