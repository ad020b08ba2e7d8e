#include "data/crystals/crystal_import.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include "kernels/base/error.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;
using data::CrystalSet;
using data::CrystalSetWriter;
using data::ImportReport;

const std::string no_cell = "data_without_cell\nloop_\n_atom_site_label\n_atom_site_fract_x\nNa1 0\n";

void write_gzip(const fs::path& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

/// A folder with good and broken blocks in several files.
void fill(const TemporaryFolder& folder) {
  write_text(folder / "cif/a.cif", rock_salt_cif("a1", 5.1) + no_cell + rock_salt_cif("a2", 5.2));
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += i % 10 == 3 ? rock_salt_cif(fmt::format("m{}", i), -1)
                        : rock_salt_cif(fmt::format("m{}", i), 5 + 0.01 * i);
  }
  write_text(folder / "cif/deep/b.CIF", many);
  write_gzip(folder / "cif/deep/c.cif.gz", rock_salt_cif("c1", 5.3));
  write_text(folder / "cif/notes.txt", "not a crystal");
  write_text(folder / "cif/z_empty.cif", "");
}

struct Imported {
  ImportReport report;
  std::vector<std::string> names;
  std::string bytes;
};

Imported import(const TemporaryFolder& folder, const std::vector<fs::path>& paths, int threads,
                data::Symmetry symmetry = data::Symmetry::found) {
  ThreadPool pool(threads);
  CrystalSetWriter writer;
  Imported imported{
      .report = data::import_crystals(paths, pool, writer, {}, symmetry), .names = {}, .bytes = {}};
  writer.write(folder / "imported.safetensors");
  const CrystalSet set(folder / "imported.safetensors");
  for (std::int64_t i = 0; i < set.size(); ++i)
    imported.names.push_back(set.name(i));
  imported.bytes = read_text(folder / "imported.safetensors");
  return imported;
}

TEST(CrystalImport, GoesOnPastBadBlocks) {
  const TemporaryFolder folder;
  fill(folder);
  const Imported got = import(folder, {folder / "cif", folder / "absent.cif"}, 2);
  ASSERT_EQ(got.names.size(), 2u + 90 + 1);
  EXPECT_EQ(got.names[0], "a1");
  EXPECT_EQ(got.names[1], "a2");
  EXPECT_EQ(got.names[2], "m0");
  EXPECT_EQ(got.names[5], "m4");
  EXPECT_EQ(got.names.back(), "c1");
  ASSERT_EQ(got.report.rejected.size(), 1u + 10 + 1 + 1);
  EXPECT_EQ(got.report.rejected[0].fault, xrd::CifFault::no_cell);
  EXPECT_EQ(got.report.rejected[0].block, "without_cell");
  EXPECT_EQ(got.report.rejected[1].fault, xrd::CifFault::bad_cell);
  EXPECT_EQ(got.report.rejected[1].block, "m3");
  EXPECT_EQ(got.report.rejected[11].fault, xrd::CifFault::unreadable_file);
  EXPECT_TRUE(got.report.rejected[11].file.ends_with("z_empty.cif"));
  EXPECT_EQ(got.report.rejected[12].fault, xrd::CifFault::unreadable_file);
  EXPECT_TRUE(got.report.rejected[12].file.ends_with("absent.cif"));
}

TEST(CrystalImport, OrderAndBytesDoNotDependOnThreads) {
  const TemporaryFolder folder;
  fill(folder);
  const Imported one = import(folder, {folder / "cif"}, 1);
  for (const int threads : {2, 7}) {
    const Imported many = import(folder, {folder / "cif"}, threads);
    EXPECT_EQ(many.names, one.names);
    EXPECT_TRUE(many.bytes == one.bytes) << threads << " threads";
    EXPECT_EQ(data::rejected_table(many.report.rejected), data::rejected_table(one.report.rejected));
  }
}

TEST(CrystalImport, SymmetryIsFoundOrKept) {
  const TemporaryFolder folder;
  write_text(folder / "a.cif", caesium_chloride_cif("one", "P 1") + rock_salt_cif("full") +
                                   caesium_chloride_cif("two", "P 4/m m m") +
                                   caesium_chloride_cif("whole", "P m -3 m"));
  const Imported found = import(folder, {folder / "a.cif"}, 1);
  EXPECT_EQ(found.report.more_symmetric, 2);
  EXPECT_EQ(found.report.other_number, 2);
  EXPECT_EQ(found.report.more_from_p1, 1);
  {
    const CrystalSet set(folder / "imported.safetensors");
    const int groups[] = {221, 225, 221, 221}, declared[] = {1, 225, 123, 221};
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(set.space_group(i), groups[i]);
      EXPECT_EQ(set.crystal(i).declared_number(), declared[i]);
      EXPECT_EQ(set.crystal(i).sites.size(), 2u);
    }
    EXPECT_EQ(set.crystal(0).group.operators.size(), 48u);
  }
  EXPECT_TRUE(import(folder, {folder / "a.cif"}, 3).bytes == found.bytes);
  const Imported kept = import(folder, {folder / "a.cif"}, 1, data::Symmetry::declared);
  EXPECT_EQ(kept.report.more_symmetric, 0);
  const CrystalSet set(folder / "imported.safetensors");
  EXPECT_EQ(set.space_group(0), 1);
  EXPECT_EQ(set.space_group(2), 123);
  EXPECT_EQ(set.crystal(2).declared_number(), 123);
}

TEST(CrystalImport, FolderWithoutCrystalsIsRejected) {
  const TemporaryFolder folder;
  write_text(folder / "cif/notes.txt", "not a crystal");
  const Imported got = import(folder, {folder / "cif"}, 1);
  EXPECT_TRUE(got.names.empty());
  ASSERT_EQ(got.report.rejected.size(), 1u);
  EXPECT_EQ(got.report.rejected[0].fault, xrd::CifFault::unreadable_file);
}

TEST(CrystalImport, BlocksWithoutACrystalAreCounted) {
  const TemporaryFolder folder;
  write_text(folder / "a.cif", "data_text\n_journal_name_full x\n" + rock_salt_cif("a1") +
                                   "data_measurement\n_cell_measurement_temperature 295\n");
  const Imported got = import(folder, {folder / "a.cif"}, 2);
  EXPECT_EQ(got.names, std::vector<std::string>{"a1"});
  EXPECT_TRUE(got.report.rejected.empty());
  EXPECT_EQ(got.report.without_crystal, 2);
}

/// Runs `read`, which may add at most `limit` MiB to the most memory that this process has held; a sanitizer,
/// whose own memory would be counted, only runs it.
template <typename Read>
void expect_memory_below([[maybe_unused]] long limit, const Read& read) {
  const auto most = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  const long before = most();
  read();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(most() - before, limit);
#else
  (void)before;
#endif
}

TEST(CrystalImport, ManySmallFilesTakeTheMemoryOfTheirCrystals) {
  const TemporaryFolder folder;
  for (int i = 0; i < 2000; ++i)
    write_text(folder / fmt::format("cif/{}.cif", i), rock_salt_cif(fmt::format("b{}", i)));
  Imported got;
  expect_memory_below(64, [&] { got = import(folder, {folder / "cif"}, 2); });
  EXPECT_EQ(got.names.size(), 2000u);
}

TEST(CrystalImport, BombsAndEndlessBlocksAreRefusedEarly) {
  const TemporaryFolder folder;
  std::string ones = "data_x\nloop_\n_a\n";
  for (int i = 0; i < 40'000'000; ++i)
    ones += "1 ";
  write_gzip(folder / "values.cif.gz", ones);
  write_gzip(folder / "few.cif.gz", ones.substr(0, 20'000'000));
  ones = {};
  Imported got;
  expect_memory_below(500, [&] {
    got = import(folder, {folder / "values.cif.gz", folder / "few.cif.gz"}, 2);
  });
  ASSERT_EQ(got.report.rejected.size(), 2u);
  for (const xrd::CifError& error : got.report.rejected)
    EXPECT_EQ(error.fault, xrd::CifFault::too_large) << error.what();
}

TEST(CrystalImport, OneSiteRepeatedForever) {
  const TemporaryFolder folder;
  std::string text =
      "data_x\n_cell_length_a 300\n_cell_length_b 300\n_cell_length_c 300\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\n_space_group_name_H-M_alt 'P 1'\nloop_\n_atom_site_label\n"
      "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n";
  for (int i = 0; i < 20'000; ++i)
    text += "C1 0.1 0.1 0.1\n";
  write_text(folder / "same.cif", text);
  Imported got;
  expect_memory_below(200, [&] { got = import(folder, {folder / "same.cif"}, 1); });
  ASSERT_EQ(got.report.rejected.size(), 1u);
  EXPECT_EQ(got.report.rejected[0].fault, xrd::CifFault::atoms_too_close);
}

TEST(CrystalImport, BlocksThatTablesNameAreLeftOut) {
  const TemporaryFolder folder;
  fill(folder);
  data::BlockFilter filter;
  EXPECT_TRUE(filter.is_empty());
  const std::string leave = "reason\tblock\nold\ta2\nbroken\tm3\n\nnowhere\tm999\n";
  filter.leave_out(leave, "leave.tsv");
  filter.require("block\tknown\tname\r\na1\tIC\tx\r\nc1\t\tx\r\nm5\t \tx\r\nm6\tC\tx\r\n", "known.tsv",
                 "known");
  for (const char* name : {"a2", "m3", "c1", "m5", "m999"})
    EXPECT_FALSE(filter.takes(name)) << name;
  for (const char* name : {"a1", "m6", "m4", ""})
    EXPECT_TRUE(filter.takes(name)) << name;

  const Imported all = import(folder, {folder / "cif"}, 1);
  ThreadPool pool(2);
  CrystalSetWriter writer;
  const ImportReport report =
      data::import_crystals({folder / "cif"}, pool, writer, {}, data::Symmetry::found, filter);
  writer.write(folder / "some.safetensors");
  const CrystalSet set(folder / "some.safetensors");
  std::vector<std::string> names, expected;
  for (std::int64_t i = 0; i < set.size(); ++i)
    names.push_back(set.name(i));
  for (const std::string& name : all.names)
    if (filter.takes(name)) expected.push_back(name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(set.size(), static_cast<std::int64_t>(all.names.size()) - 3);  // a2, c1, m5
  EXPECT_EQ(report.rejected.size(), all.report.rejected.size() - 1);       // m3
  EXPECT_EQ(report.left_out, 4);

  const auto message = [&](const std::string& table, const std::string& column) {
    try {
      column.empty() ? filter.leave_out(table, "t.tsv") : filter.require(table, "t.tsv", column);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message("name\tkind\n", "").find("t.tsv: no column 'block'"), std::string::npos);
  EXPECT_NE(message("kind\tblock\na\tb\nonly\n", "").find("t.tsv:3: 1 columns"), std::string::npos);
  EXPECT_NE(message(leave, "known").find("no column 'known'"), std::string::npos);
}

TEST(CrystalImport, BlocksHaveTheNameBehindData) {
  EXPECT_EQ(data::block_name("data_a-1.str\n_cell_length_a 3\n"), "a-1.str");
  EXPECT_EQ(data::block_name("# a comment, data_no\n\nDATA_b two\n"), "b");
  EXPECT_EQ(data::block_name("_x data_no\n"), "");
  EXPECT_EQ(data::block_name(""), "");
}

TEST(CrystalImport, RejectedTableIsTabSeparated) {
  const std::vector<xrd::CifError> rejected = {
      {xrd::CifFault::bad_cell, "dir/a.cif", "b", 12, "_cell_length_a\tis\n-1"}};
  EXPECT_EQ(data::rejected_table(rejected),
            "file\tblock\tline\treason\tdetail\ndir/a.cif\tb\t12\tbad_cell\t_cell_length_a is -1\n");
}

}  // namespace
}  // namespace bragg::tests
