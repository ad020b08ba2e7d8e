// The library of structures as bytes: what is written is read, nothing else is believed.
#include "data/library/library.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/library/joined_library.h"
#include "data/library/library_head.h"
#include "data/library/library_names.h"
#include "data/library/library_writer.h"
#include "data/library/packed_columns.h"
#include "data/library/quantised_site.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/thread_pool.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::tests {
namespace {

using data::Library;
using data::LibraryEntry;
using data::LibraryWriter;
using data::StructureKind;

std::vector<xrd::Crystal> typed_crystals() {
  std::vector<xrd::Crystal> crystals;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(project_file("data/crystals")))
    if (entry.path().extension() == ".cif") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
    xrd::read_cif(file, {.crystal = [&](xrd::Crystal&& c) { crystals.push_back(std::move(c)); },
                         .rejected = {},
                         .warning = {}});
  return crystals;
}

LibraryEntry entry_of(const xrd::Crystal& crystal, StructureKind kind = StructureKind::experimental) {
  LibraryEntry entry;
  entry.name = crystal.names.mineral.empty() ? crystal.names.common : crystal.names.mineral;
  entry.entry = crystal.name;
  entry.citation = crystal.names.citation;
  entry.source = kind == StructureKind::dft ? data::LibrarySource{"relaxed", "attribution", "CC BY 4.0"}
                                            : data::LibrarySource{"typed", "own", "Apache-2.0"};
  entry.kind = kind;
  return entry;
}

std::string library_of(const std::vector<xrd::Crystal>& crystals) {
  LibraryWriter writer;
  for (std::size_t i = 0; i < crystals.size(); ++i)
    writer.add(crystals[i],
               entry_of(crystals[i], i % 3 == 2 ? StructureKind::dft : StructureKind::experimental));
  return writer.bytes();
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(Library, HoldsWhatWasWritten) {
  const std::vector<xrd::Crystal> crystals = typed_crystals();
  ASSERT_EQ(crystals.size(), 173u);
  const std::string bytes = library_of(crystals);
  const Library library(bytes_of(bytes), "test");
  ASSERT_EQ(library.size(), 173);
  EXPECT_EQ(library.sources().size(), 2u);
  // Half a unit a coordinate, and what a special position asks for.
  const double off = 2.5 / 30'000;
  for (std::int64_t i = 0; i < library.size(); ++i) {
    const xrd::Crystal& want = crystals[static_cast<std::size_t>(i)];
    const xrd::Crystal got = library.crystal(i);
    SCOPED_TRACE(want.name);
    EXPECT_EQ(got.name, want.name);
    EXPECT_EQ(got.group.number, want.group.number);
    EXPECT_EQ(got.group.hm, want.group.hm);
    EXPECT_EQ(got.group.operators, want.group.operators);
    EXPECT_EQ(got.declared_number(), want.declared_number());
    EXPECT_EQ(got.names.mineral, want.names.mineral);
    EXPECT_EQ(got.names.citation, want.names.citation);
    EXPECT_NEAR(got.cell.a, want.cell.a, 0.5e-5);
    EXPECT_NEAR(got.cell.c, want.cell.c, 0.5e-5);
    EXPECT_NEAR(got.cell.beta, want.cell.beta, 0.5e-4);
    ASSERT_EQ(got.sites.size(), want.sites.size());
    for (std::size_t s = 0; s < got.sites.size(); ++s) {
      EXPECT_EQ(got.sites[s].species, want.sites[s].species);
      EXPECT_EQ(got.sites[s].multiplicity, want.sites[s].multiplicity);
      EXPECT_NEAR(got.sites[s].occupancy, want.sites[s].occupancy, 0.5 / 30'000);
      const double d = got.cell.distance(got.sites[s].position, want.sites[s].position);
      EXPECT_LE(d, off * std::sqrt(3) * std::max({got.cell.a, got.cell.b, got.cell.c})) << s;
    }
    EXPECT_EQ(got.formula(), want.formula());
    const LibraryEntry entry = library.entry(i);
    EXPECT_EQ(entry.kind, i % 3 == 2 ? StructureKind::dft : StructureKind::experimental);
    EXPECT_EQ(entry.kind, library.kind(i));
    EXPECT_EQ(entry.entry, want.name);
    EXPECT_EQ(entry.source.licence_class, i % 3 == 2 ? "attribution" : "own");
    EXPECT_EQ(library.space_group(i), want.group.number);
  }
}

TEST(Library, PutsSitesOnTheirSpecialPositionsExactly) {
  std::int64_t special = 0;
  for (const xrd::Crystal& crystal : typed_crystals())
    for (const xrd::Site& site : crystal.sites) {
      const data::QuantisedPosition q = data::quantised_position(crystal.cell, crystal.group, site);
      int kept = 0;
      for (const SymmetryOperator& op : crystal.group.operators) {
        bool same = true;
        for (int i = 0; i < 3; ++i) {
          int image = op.translation[i] * 1250 - q[i];
          for (int j = 0; j < 3; ++j)
            image += op.rotation[3 * i + j] * q[j];
          same = same && image % 30'000 == 0;
        }
        kept += same;
      }
      const int order = static_cast<int>(crystal.group.operators.size()) / site.multiplicity;
      EXPECT_EQ(kept, order) << crystal.name << " " << site.label;
      special += order > 1;
    }
  EXPECT_GT(special, 300);
}

TEST(Library, IsTheSameFromAFileAndByAnyName) {
  const TemporaryFolder folder;
  LibraryWriter writer;
  for (const xrd::Crystal& crystal : three_crystals())
    writer.add(crystal, entry_of(crystal));
  writer.write(folder.path() / "three.bragg");
  const std::string bytes = writer.bytes();
  const Library from_file(folder.path() / "three.bragg"), from_memory(bytes_of(bytes), "memory");
  EXPECT_EQ(from_file.content_hash(), from_memory.content_hash());
  EXPECT_EQ(from_file.size(), 3);
  EXPECT_EQ(from_file.crystal(1).formula(), from_memory.crystal(1).formula());
  std::vector<xrd::Crystal> other = three_crystals();
  other[0].cell.a += 1e-4;
  EXPECT_NE(Library(bytes_of(library_of(other)), "other").content_hash(),
            Library(bytes_of(library_of(three_crystals())), "same").content_hash());
  EXPECT_THROW(from_file.crystal(3), Error);
  EXPECT_THROW(from_file.crystal(-1), Error);
  EXPECT_THROW(Library(folder.path() / "none.bragg"), Error);
}

TEST(Library, IsReadFromSeveralThreadsAtOnce) {
  // More crystals than a block has, each block asked for by all threads first.
  std::vector<xrd::Crystal> crystals;
  const std::vector<xrd::Crystal> typed = typed_crystals();
  while (crystals.size() < 2'500)
    crystals.insert(crystals.end(), typed.begin(), typed.end());
  const std::string bytes = library_of(crystals);
  const Library library(bytes_of(bytes), "test");
  std::vector<std::string> formulas(crystals.size());
  ThreadPool pool(4);
  const auto count = static_cast<std::int64_t>(crystals.size());
  pool.run(count, [&](std::int64_t i, int) {
    const std::int64_t row = i * 1'009 % count;
    formulas[static_cast<std::size_t>(row)] = library.crystal(row).formula();
  });
  for (std::size_t i = 0; i < crystals.size(); ++i)
    EXPECT_EQ(formulas[i], crystals[i].formula()) << i;
}

TEST(Library, RefusesAFileThatIsTooLarge) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "sparse.bragg";
  write_file(path, "BRAGGLIB");
  std::filesystem::resize_file(path, (std::uintmax_t{1} << 30) + 1);
  EXPECT_THROW(Library{path}, Error);
  EXPECT_THROW(Library{folder.path()}, Error);
}

TEST(Library, FindsStructuresByNameFormulaAndEntry) {
  std::vector<xrd::Crystal> crystals = typed_crystals();
  const std::string bytes = library_of(crystals);
  const Library library(bytes_of(bytes), "test");
  const data::LibraryNames index(library);
  const auto names = [&](const std::string& wanted) {
    std::set<std::string> found;
    for (const std::int64_t i : index.find(wanted))
      found.insert(library.crystal(i).name);
    return found;
  };
  EXPECT_TRUE(names("quartz").contains("quartz_alpha"));
  EXPECT_EQ(names("halite"), std::set<std::string>{"halite"});
  EXPECT_TRUE(names("Cl Na").contains("halite"));
  EXPECT_EQ(names("NaCl"), names("Cl Na"));
  EXPECT_EQ(names("CaMg(CO3)2"), std::set<std::string>{"dolomite"});
  EXPECT_TRUE(names("TiO2").contains("rutile"));
  EXPECT_TRUE(names("Ca2Mg2(CO3)4").contains("dolomite")) << "a multiple";
  EXPECT_TRUE(names("SnO3").empty());
  EXPECT_TRUE(names("QUARTZ_ALPHA").contains("quartz_alpha"));
  EXPECT_EQ(names("sodium chloride quartz"), std::set<std::string>{});
  EXPECT_TRUE(names("nothing of this name").empty());
}

TEST(Library, FormulasAreOfAFormulaUnit) {
  const auto formula = [](const std::string& name) {
    for (const xrd::Crystal& crystal : typed_crystals())
      if (crystal.name == name) return data::reduced_formula(crystal);
    throw Error("no crystal " + name);
  };
  EXPECT_EQ(formula("halite"), "Cl Na");
  EXPECT_EQ(formula("corundum"), "Al2 O3");
  EXPECT_EQ(formula("calcite"), "C Ca O3");
  EXPECT_EQ(formula("microcline"), "Al1.03 K0.986 Na0.014 O8 Si2.97");
}

TEST(JoinedLibrary, IsOneAfterTheOther) {
  const std::string first = library_of(three_crystals()), second = library_of(typed_crystals());
  const auto a = std::make_shared<const Library>(bytes_of(first), "a"),
             b = std::make_shared<const Library>(bytes_of(second), "b");
  const data::JoinedLibrary joined({a, b}), alone({b}), none({});
  EXPECT_EQ(joined.size(), 176);
  EXPECT_EQ(joined.crystal(2).name, a->crystal(2).name);
  EXPECT_EQ(joined.crystal(3).name, b->crystal(0).name);
  EXPECT_EQ(joined.entry(175).entry, b->entry(172).entry);
  EXPECT_EQ(joined.kind(5), b->kind(2));
  EXPECT_EQ(joined.crystals().at(100).formula(), b->crystal(97).formula());
  EXPECT_EQ(alone.content_hash(), b->content_hash());
  EXPECT_NE(joined.content_hash(), data::JoinedLibrary({b, a}).content_hash());
  EXPECT_EQ(none.size(), 0);
  EXPECT_THROW(joined.crystal(176), Error);
  EXPECT_THROW(none.crystal(0), Error);
}

/// Whether reading all of it ends in an Error with one line that names it, or in crystals that are sound.
void read_all(const std::string& bytes, std::int64_t& refused) {
  try {
    const Library library(bytes_of(bytes), "hostile");
    for (std::int64_t i = 0; i < library.size(); ++i) {
      const xrd::Crystal crystal = library.crystal(i);
      ASSERT_TRUE(crystal.cell.is_possible());
      for (const xrd::Site& site : crystal.sites)
        ASSERT_TRUE(site.occupancy >= 0 && site.occupancy <= 1 && site.multiplicity >= 1);
    }
  } catch (const Error& error) {
    ++refused;
    const std::string what = error.what();
    EXPECT_TRUE(what.starts_with("hostile: ")) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

TEST(Library, RefusesEveryPrefixOfAFile) {
  const std::string bytes = library_of(three_crystals());
  std::int64_t refused = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length)
    read_all(bytes.substr(0, length), refused);
  EXPECT_EQ(refused, static_cast<std::int64_t>(bytes.size()));
  read_all(bytes + "x", refused);
  EXPECT_EQ(refused, static_cast<std::int64_t>(bytes.size()) + 1);
}

TEST(Library, RefusesOrSurvivesEveryMutant) {
  const std::string bytes = library_of(typed_crystals());
  std::mt19937 random(20);
  std::int64_t refused = 0;
  constexpr int mutants = 4000;
  for (int n = 0; n < mutants; ++n) {
    std::string mutant = bytes;
    // The prefix and the head every other time: the blocks are larger by far.
    const std::size_t reach = n % 2 == 0 ? 400 : mutant.size();
    for (int k = 0; k < 1 + n % 3; ++k)
      mutant[random() % reach] = static_cast<char>(random());
    if (mutant != bytes) read_all(mutant, refused);
  }
  // Every byte is under a checksum, a length or the magic.
  EXPECT_GT(refused, mutants * 99 / 100);
}

/// The file with its first block's unpacked bytes changed and all checksums right.
std::string with_block(const std::string& file, const std::function<void(std::string&)>& change) {
  data::LibraryHead head = data::read_library_head(file, "file");
  data::LibraryBlockInfo& info = head.blocks.at(0);
  std::string block =
      data::inflated(std::string_view(file).substr(info.begin, info.packed), info.size, "file", "block");
  change(block);
  const std::string packed = data::deflated(block);
  info.size = static_cast<std::uint32_t>(block.size());
  info.crc = data::crc_of(block);
  info.packed = static_cast<std::uint32_t>(packed.size());
  return data::library_head_bytes(head) + packed;
}

TEST(Library, RefusesBlocksThatLieAboutThemselves) {
  // The columns are changed behind the checksum: what an attacker would write.
  const std::string file = library_of(three_crystals());
  std::int64_t refused = 0, tried = 0;
  std::mt19937 random(7);
  for (int n = 0; n < 3000; ++n) {
    const std::string mutant = with_block(file, [&](std::string& block) {
      block[random() % block.size()] = static_cast<char>(random());
      if (n % 5 == 0) block.resize(random() % block.size());
    });
    ++tried;
    read_all(mutant, refused);
  }
  EXPECT_GT(refused, tried / 4);  // coordinates and occupancies may be anything
}

TEST(LibraryWriter, RefusesWhatItCannotHold) {
  const xrd::Crystal halite = three_crystals()[0];
  const auto refuses = [&](const std::function<void(xrd::Crystal&, LibraryEntry&)>& change) {
    xrd::Crystal crystal = halite;
    LibraryEntry entry = entry_of(crystal);
    entry.entry = "rock 17";
    change(crystal, entry);
    LibraryWriter writer;
    try {
      writer.add(crystal, entry);
    } catch (const Error& error) {
      return std::string(error.what()).starts_with("rock 17: ");
    }
    return false;
  };
  EXPECT_TRUE(refuses([](xrd::Crystal& c, LibraryEntry&) { c.cell.a = 20'000; }));
  EXPECT_TRUE(refuses([](xrd::Crystal& c, LibraryEntry&) { c.cell.alpha = 200; }));
  EXPECT_TRUE(refuses([](xrd::Crystal& c, LibraryEntry&) { c.sites[0].multiplicity = 5; }));
  EXPECT_TRUE(refuses([](xrd::Crystal& c, LibraryEntry&) { c.sites[0].occupancy = 1.5; }));
  EXPECT_TRUE(refuses([](xrd::Crystal&, LibraryEntry& e) { e.citation = std::string(70'000, 'x'); }));
  EXPECT_FALSE(refuses([](xrd::Crystal&, LibraryEntry&) {}));
}

TEST(PackedColumns, ComeBackAndKnowTheirEnd) {
  data::ColumnWriter out;
  const std::vector<std::uint8_t> a{1, 2, 255};
  const std::vector<std::uint16_t> b{0, 256, 65'535};
  const std::vector<std::uint32_t> c{0, 0x01020304, 0xffffffff};
  out.u32(77);
  out.column(a);
  out.column(b);
  out.column(c);
  out.text("Nickeline");
  const std::string packed = data::deflated(out.bytes()), source = "file", where = "part";
  const std::string bytes = data::inflated(packed, out.bytes().size(), source, where);
  data::ColumnReader in(bytes, source, where);
  EXPECT_EQ(in.u32(), 77u);
  EXPECT_EQ(in.bytes_column(3), a);
  EXPECT_EQ(in.u16_column(3), b);
  EXPECT_EQ(in.u32_column(3), c);
  EXPECT_THROW(in.end(), Error);
  EXPECT_EQ(in.text(), "Nickeline");
  in.end();
  EXPECT_THROW(in.u32(), Error);
  EXPECT_THROW(data::inflated(packed, out.bytes().size() - 1, source, where), Error);
  EXPECT_THROW(data::inflated(packed, out.bytes().size() + 1, source, where), Error);
  EXPECT_THROW(data::inflated("no zlib", 5, source, where), Error);
  EXPECT_EQ(data::inflated(data::deflated(""), 0, source, where), "");
}

}  // namespace
}  // namespace bragg::tests
