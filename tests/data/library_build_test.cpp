// What goes into a library of structures: sources, tables, and which of several entries of a structure stays.
#include "data/library/library_build.h"

#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/library/library.h"
#include "data/library/library_cleaning.h"
#include "kernels/base/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/cif/cif.h"

namespace bragg::tests {
namespace {

constexpr const char* sources_header =
    "source\tentries\ttake\ttier\tkind\tentry\tparent\tname\tlicence_class\tterms\n";

xrd::Crystal typed(const std::string& name) {
  std::vector<xrd::Crystal> crystals;
  xrd::read_cif(project_file("data/crystals/" + name + ".cif"),
                {.crystal = [&](xrd::Crystal&& c) { crystals.push_back(std::move(c)); },
                 .rejected = {},
                 .warning = {}});
  return crystals.at(0);
}

xrd::Crystal called(xrd::Crystal crystal, const std::string& block, const std::string& mineral = "") {
  crystal.name = block;
  crystal.names = {};
  crystal.names.mineral = mineral;
  return crystal;
}

xrd::Crystal scaled(xrd::Crystal crystal, double factor) {
  crystal.cell.a *= factor;
  crystal.cell.b *= factor;
  crystal.cell.c *= factor;
  return crystal;
}

/// The same atoms under the identity alone.
xrd::Crystal without_symmetry(const xrd::Crystal& crystal) {
  xrd::Crystal out = crystal;
  out.group = xrd::setting_from_number(1, crystal.cell);
  out.sites.clear();
  for (const xrd::Site& site : crystal.sites) {
    std::vector<xrd::Fractional> seen;
    for (const SymmetryOperator& op : crystal.group.operators) {
      const xrd::Fractional p = xrd::apply(op, site.position);
      bool is_new = true;
      for (const xrd::Fractional& q : seen)
        is_new = is_new && crystal.cell.distance(p, q) > 0.05;
      if (!is_new) continue;
      seen.push_back(p);
      xrd::Site copy = site;
      copy.position = p;
      copy.multiplicity = 1;
      out.sites.push_back(copy);
    }
  }
  return out;
}

struct Built {
  data::LibraryBuildReport report;
  std::string bytes;

  std::set<std::string> entries() const {
    std::set<std::string> found;
    const data::Library library(std::as_bytes(std::span(bytes)), "built");
    for (std::int64_t i = 0; i < library.size(); ++i)
      found.insert(library.entry(i).entry);
    return found;
  }
  /// Of the block that stayed out; empty where it did not.
  std::string reason(const std::string& block) const {
    for (const data::LeftOut& row : report.left_out)
      if (row.block == block) return row.reason;
    return {};
  }
};

class LibraryBuild : public ::testing::Test {
 protected:
  Built build(const std::vector<xrd::Crystal>& crystals, const std::string& table = "",
              const std::string& sources = "", const std::string& without = "") {
    data::CrystalSetWriter writer;
    for (const xrd::Crystal& crystal : crystals)
      writer.add(crystal);
    const auto path = folder_.path() / fmt::format("set{}.safetensors", sets_++);
    writer.write(path);
    const data::CrystalSet set(path);
    data::LibraryBuildInput input;
    input.sets.push_back({&set, "mine"});
    if (!table.empty()) input.tables.add(table, "table.tsv");
    if (!sources.empty()) input.rules.emplace(sources_header + sources, "sources.tsv");
    if (!without.empty()) input.without.leave_out(without, "without.tsv");
    data::LibraryWriter library;
    const auto backend = make_backend({.device = "reference", .instruction_set = "", .precision = "fp32"});
    Built built{data::build_library(input, *backend, library), ""};
    built.bytes = library.bytes();
    return built;
  }
  TemporaryFolder folder_;
  int sets_ = 0;
};

using Entries = std::set<std::string>;

TEST_F(LibraryBuild, MergesWhatIsOneStructure) {
  const xrd::Crystal quartz = typed("quartz_alpha");
  xrd::Crystal other_hand = called(quartz, "other_hand");
  // The mirror image: x, y, z -> -x, -y, -z under the operators of the other group.
  other_hand.group = xrd::setting_from_number(152, quartz.cell);
  for (xrd::Site& site : other_hand.sites)
    site.position = {-site.position.x, -site.position.y, -site.position.z};
  const Built built =
      build({called(quartz, "named", "Quartz"), called(scaled(quartz, 1.002), "near"), other_hand,
             called(scaled(quartz, 1.02), "hot"), called(typed("cristobalite"), "cristobalite")});
  EXPECT_EQ(built.entries(), (Entries{"named", "hot", "cristobalite"}));
  EXPECT_EQ(built.reason("near"), "duplicate");
  EXPECT_EQ(built.reason("other_hand"), "duplicate");
  EXPECT_EQ(built.report.experimental, 3);
}

TEST_F(LibraryBuild, MergesAcrossOrigins) {
  const xrd::Crystal spinel = typed("spinel");
  // Origin 1 of the same group is at (1/8, 1/8, 1/8) of origin 2, and the other way round.
  const bool second = spinel.group.hm.ends_with(":2");
  xrd::Crystal moved = called(spinel, "moved");
  moved.group = xrd::setting_from_hm(second ? "F d -3 m:1" : "F d -3 m:2", spinel.cell);
  const double shift = second ? 0.125 : -0.125;
  for (xrd::Site& site : moved.sites)
    site.position = {site.position.x + shift, site.position.y + shift, site.position.z + shift};
  const Built built = build({called(spinel, "spinel", "Spinel"), moved});
  EXPECT_EQ(built.entries(), Entries{"spinel"});
  EXPECT_EQ(built.reason("moved"), "duplicate");
}

TEST_F(LibraryBuild, TellsOtherPositionsAndCompositionsApart) {
  xrd::Crystal rutile = typed("rutile"), other = called(rutile, "other");
  for (xrd::Site& site : other.sites)
    if (site.species.atomic_number == 8) site.position = {0.26, 0.26, 0};
  xrd::Crystal tin = called(rutile, "tin");
  for (xrd::Site& site : tin.sites)
    if (site.species.atomic_number == 22) site.species.atomic_number = 50;
  const Built built = build({called(rutile, "rutile"), other, tin});
  EXPECT_EQ(built.entries(), (Entries{"rutile", "other", "tin"})) << built.reason("rutile");
}

TEST_F(LibraryBuild, ANameThatOnlyTheDuplicateHasIsKept) {
  const xrd::Crystal quartz = typed("quartz_alpha");
  // The second one is better known, the first one has a name.
  const Built built = build({called(quartz, "compiled", "Quartz"), called(quartz, "published")},
                            "block\tsource\ncompiled\tb\npublished\ta\n",
                            "a\t\tyes\tpublished\t\t\t\tA\tx\tx\nb\t\tyes\tcompiled\t\t\t\tB\tx\tx\n");
  ASSERT_EQ(built.entries(), Entries{"published"});
  const data::Library library(std::as_bytes(std::span(built.bytes)), "built");
  EXPECT_EQ(library.entry(0).name, "Quartz");
  EXPECT_EQ(library.entry(0).source.name, "A");
  EXPECT_EQ(library.crystal(0).names.mineral, "Quartz");
}

TEST_F(LibraryBuild, TheSameStructureUnderPressureHasTheName) {
  const xrd::Crystal quartz = typed("quartz_alpha"), rutile = typed("rutile");
  const Built built = build(
      {called(quartz, "named", "Quartz"), called(scaled(quartz, 0.97), "pressed"), called(rutile, "rutile")});
  ASSERT_EQ(built.entries(), (Entries{"named", "pressed", "rutile"}));
  const data::Library library(std::as_bytes(std::span(built.bytes)), "built");
  for (std::int64_t i = 0; i < library.size(); ++i)
    EXPECT_EQ(library.entry(i).name, library.entry(i).entry == "rutile" ? "" : "Quartz");
}

TEST_F(LibraryBuild, ARelaxedCellGivesWayToAMeasuredOne) {
  const xrd::Crystal quartz = typed("quartz_alpha");
  const std::string table = "block\tkind\tknown\nrelaxed\tdft\tIC\nlone\tdft\tI\nunknown\tdft\t\n";
  const Built both = build({called(quartz, "measured"), called(scaled(quartz, 1.02), "relaxed"),
                            called(typed("halite"), "lone"), called(typed("corundum"), "unknown")},
                           table);
  EXPECT_EQ(both.entries(), (Entries{"measured", "lone"}));
  EXPECT_EQ(both.reason("relaxed"), "relaxed cell of a measured structure");
  EXPECT_EQ(both.reason("unknown"), "calculated, of unknown composition and space group");
  EXPECT_EQ(both.report.experimental, 1);
  EXPECT_EQ(both.report.dft, 1);
  // Without the measured one it stays.
  EXPECT_EQ(build({called(scaled(quartz, 1.02), "relaxed")}, table).entries(), Entries{"relaxed"});
}

TEST_F(LibraryBuild, LoweredSymmetryIsNoStructureOfItsOwn) {
  const xrd::Crystal quartz = typed("quartz_alpha");
  const xrd::Crystal p1 = called(scaled(without_symmetry(quartz), 1.015), "p1");
  const std::string table = "block\tkind\tknown\tsource\nquartz\texp\t\ta\np1\tdft\tI\ta\n";
  const Built built = build({called(quartz, "quartz"), p1}, table);
  EXPECT_EQ(built.entries(), Entries{"quartz"});
  EXPECT_EQ(built.reason("p1"), "relaxed without symmetry");
  // A published one is somebody's finding and stays; a test file's does not.
  const std::string measured = "block\tkind\tsource\nquartz\texp\ta\np1\texp\tb\n";
  const std::string rules = "a\t\tyes\tpublished\t\t\t\tA\tx\tx\n";
  EXPECT_EQ(build({called(quartz, "quartz"), p1}, measured, rules + "b\t\tyes\tpublished\t\t\t\tB\tx\tx\n")
                .entries(),
            (Entries{"quartz", "p1"}));
  EXPECT_EQ(build({called(quartz, "quartz"), p1}, measured, rules + "b\t\tyes\ttests\t\t\t\tB\tx\tx\n")
                .reason("p1"),
            "lower symmetry than the structure has");
}

TEST_F(LibraryBuild, ACellThatContradictsThePublishedOneIsOut) {
  const xrd::Crystal iron = typed("iron_alpha");
  const std::string table = "block\tsource\niron\ta\ntest\tc\nlarge\tb\nother\tb\nwarm\tb\n";
  const std::string rules =
      "a\t\tyes\tpublished\t\t\t\tA\tx\tx\nb\t\tyes\tcompiled\t\t\t\tB\tx\tx\n"
      "c\t\tyes\ttests\t\t\t\tC\tx\tx\n";
  const Built built =
      build({called(iron, "iron"), called(scaled(iron, 0.985), "test"), called(scaled(iron, 1.2), "large"),
             called(typed("copper"), "other"), called(scaled(iron, 1.012), "warm")},
            table, rules);
  EXPECT_EQ(built.entries(), (Entries{"iron", "other", "warm"}));
  EXPECT_EQ(built.reason("test"), "its cell contradicts published ones");
  EXPECT_EQ(built.reason("large"), "its cell contradicts others");
}

TEST_F(LibraryBuild, AdaptedStructuresFillGapsAlone) {
  const xrd::Crystal parent = typed("strontium_titanate");
  const auto doped = [&](const std::string& block, double share) {
    xrd::Crystal crystal = called(parent, block);
    std::vector<xrd::Site> sites;
    for (xrd::Site site : crystal.sites) {
      if (site.species.atomic_number == 38) {
        xrd::Site calcium = site;
        calcium.species.atomic_number = 56;
        calcium.occupancy = share;
        site.occupancy = 1 - share;
        sites.push_back(calcium);
      }
      sites.push_back(site);
    }
    crystal.sites = std::move(sites);
    return crystal;
  };
  const std::string table =
      "block\tkind\tknown\tsource\tsource_id\nmp-1\tdft\tIC\tmp\tmp-1\nmp-2\tdft\t\tmp\tmp-"
      "2\nlittle\t\t\tad\tx-mp-1-y\n"
      "much\t\t\tad\tx-mp-1-y\nguessed\t\t\tad\tx-mp-2-y\n";
  const std::string rules =
      "mp\t\tyes\tpublished\tdft\t\t\tMP\tx\tx\nad\t.*-(mp-[0-9]+)-.*\tyes\tadapted\tdft\t\t$1\tAD\tx\tx\n";
  const Built built =
      build({called(parent, "mp-1"), doped("little", 0.1), doped("much", 0.5), doped("guessed", 0.7)}, table,
            rules);
  EXPECT_EQ(built.reason("little"), "adapted, and hardly differs in composition");
  EXPECT_EQ(built.reason("much"), "");
  EXPECT_EQ(built.reason("guessed"),
            "adapted from a calculated structure of unknown composition and space group");
  EXPECT_EQ(built.report.dft, 2);
}

TEST_F(LibraryBuild, TakesListedSourcesUnderTheirNames) {
  const std::string table =
      "block\tsource\tsource_id\nhalite\tcod\tsome__path__1000041\nquartz\tcod\ttests__"
      "broken\ncopper\tother\tx\n";
  const std::string rules =
      "cod\t.*__([1-9][0-9]{6})\tyes\tpublished\t\tCOD $1\t\tCOD\tpublic-domain\tCC0 1.0\n"
      "mine\t\tno\tpublished\t\t\t\tMine\tunknown\tnot to be passed on\n";
  const Built built = build({called(typed("halite"), "halite"), called(typed("quartz_alpha"), "quartz"),
                             called(typed("copper"), "copper"), called(typed("corundum"), "corundum")},
                            table, rules);
  EXPECT_EQ(built.entries(), Entries{"COD 1000041"});
  EXPECT_EQ(built.reason("quartz"), "source cod is not listed");
  EXPECT_EQ(built.reason("copper"), "source other is not listed");
  EXPECT_EQ(built.reason("corundum"), "source mine");
  const data::Library library(std::as_bytes(std::span(built.bytes)), "built");
  EXPECT_EQ(library.entry(0).source, (data::LibrarySource{"COD", "public-domain", "CC0 1.0"}));
  EXPECT_EQ(library.crystal(0).names.database_code, "COD 1000041");
}

TEST_F(LibraryBuild, LeavesOutWhatAListNames) {
  const Built built = build({called(typed("halite"), "halite"), called(typed("copper"), "copper")}, "", "",
                            "block\treason\nhalite\tcites a commercial database\n");
  EXPECT_EQ(built.entries(), Entries{"copper"});
  EXPECT_EQ(built.reason("halite"), "on the list of what stays out");
}

TEST_F(LibraryBuild, DoesNotDependOnTheOrder) {
  std::vector<xrd::Crystal> crystals;
  for (const char* name : {"quartz_alpha", "halite", "corundum", "rutile", "spinel", "calcite"})
    for (const double factor : {1.0, 1.001, 1.004, 1.03})
      crystals.push_back(called(scaled(typed(name), factor), fmt::format("{}_{}", name, factor)));
  const Built forward = build(crystals);
  std::reverse(crystals.begin(), crystals.end());
  const Built backward = build(crystals);
  EXPECT_EQ(forward.bytes, backward.bytes);
  EXPECT_LT(forward.entries().size(), crystals.size());
}

TEST(TidyName, IsWhatAPersonWrites) {
  EXPECT_EQ(data::tidy_name("Albite_intermediate"), "Albite intermediate");
  EXPECT_EQ(data::tidy_name("PLAGIOCLASE_ANORTHITE"), "Plagioclase anorthite");
  EXPECT_EQ(data::tidy_name("TridymiteLow"), "Tridymite low");
  EXPECT_EQ(data::tidy_name("PARAGONITE 2M"), "Paragonite 2M");
  EXPECT_EQ(data::tidy_name("CaSO4"), "CaSO4");
  EXPECT_EQ(data::tidy_name("YAG"), "YAG");
  EXPECT_EQ(data::tidy_name("<missing>"), "");
  EXPECT_EQ(data::tidy_name("123"), "");
  EXPECT_EQ(data::tidy_name("Högbomite"), "Högbomite");
}

TEST(BlockTables, FillEachOtherUp) {
  data::BlockTables tables;
  tables.add("block\ttitle\na\tThe title\n", "titles.tsv");
  tables.add("block\tkind\tknown\tsource\tname\na\tdft\t\tmp\tname\nb\texp\t\tcod\t\n", "facts.tsv");
  const data::BlockFacts* a = tables.find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->title, "The title");
  EXPECT_EQ(a->source, "mp");
  EXPECT_EQ(a->kind, data::StructureKind::dft);
  EXPECT_FALSE(a->is_measured_or_known);
  EXPECT_TRUE(tables.find("b")->is_measured_or_known);
  EXPECT_FALSE(tables.find("c"));
  EXPECT_THROW(tables.add("name\nx\n", "bad.tsv"), UsageError);
}

TEST(SourceRules, AreRefusedWithTheirLine) {
  const auto error_of = [](const std::string& row) {
    try {
      data::SourceRules rules(sources_header + row, "sources.tsv");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(error_of("a\t\tperhaps\tpublished\t\t\t\tA\tx\tx\n"),
            "sources.tsv:2: 'perhaps' is none of yes, no");
  EXPECT_EQ(error_of("a\t\tyes\tfine\t\t\t\tA\tx\tx\n"),
            "sources.tsv:2: 'fine' is none of published, compiled, tests, adapted");
  EXPECT_NE(error_of("a\t([\tyes\tpublished\t\t\t\tA\tx\tx\n").find("sources.tsv:2: entries '(['"),
            std::string::npos);
  EXPECT_NE(error_of("a\tb\n").find("sources.tsv"), std::string::npos);
}

}  // namespace
}  // namespace bragg::tests
