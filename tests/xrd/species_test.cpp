#include "xrd/scattering/species.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace bragg::xrd {
namespace {

TEST(Species, EveryElementIsReadBack) {
  for (int z = 1; z <= 98; ++z) {
    const auto species = parse_species(element_symbol(z));
    ASSERT_TRUE(species) << z;
    EXPECT_EQ(*species, (Species{static_cast<std::uint8_t>(z), 0}));
    EXPECT_EQ(name_of(*species), element_symbol(z));
    // Weights grow with the number but for a few pairs of neighbours (Ar K, Co Ni, Te I, Th Pa, U Np, Pu Am,
    // Cm Bk).
    const bool is_lighter = z == 19 || z == 28 || z == 53 || z == 91 || z == 93 || z == 95 || z == 97;
    if (z > 1) {
      EXPECT_EQ(atomic_mass(z) <= atomic_mass(z - 1), is_lighter) << z;
    }
    EXPECT_GT(covalent_radius(z), 0.2);
  }
  EXPECT_EQ(element_symbol(98), "Cf");
  EXPECT_THROW(element_symbol(0), Error);
  EXPECT_THROW(atomic_mass(99), Error);
}

TEST(Species, ChargesInTheirForms) {
  const auto is = [](std::string_view text, int z, int charge) {
    const auto s = parse_species(text);
    return s && s->atomic_number == z && s->charge == charge;
  };
  EXPECT_TRUE(is("Fe3+", 26, 3));
  EXPECT_TRUE(is("Fe+3", 26, 3));
  EXPECT_TRUE(is("O2-", 8, -2));
  EXPECT_TRUE(is("O-2", 8, -2));
  EXPECT_TRUE(is("Cl1-", 17, -1));
  EXPECT_TRUE(is("Na+", 11, 1));
  EXPECT_TRUE(is("Si0", 14, 0));
  EXPECT_TRUE(is("Si0+", 14, 0));
  EXPECT_TRUE(is("D", 1, 0));
  EXPECT_TRUE(is("D1+", 1, 1));
  EXPECT_TRUE(is("CL", 17, 0));
  EXPECT_EQ(name_of({26, 3}), "Fe3+");
  EXPECT_EQ(name_of({11, 1}), "Na1+");
  EXPECT_EQ(name_of({8, -2}), "O2-");
}

TEST(Species, WhatIsNone) {
  for (const char* text :
       {"", "X", "Fe3", "Fe1a", "Wat", "OH", "Fe3+ ", " Fe", "3+", "Fe33+", "Es", "Fe+-", "+", "?", "."})
    EXPECT_FALSE(parse_species(text)) << "'" << text << "'";
}

}  // namespace
}  // namespace bragg::xrd
