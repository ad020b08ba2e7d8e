// Whole collections of structures: the space groups found against the published tables, and again from less
// and less of what the files say about their symmetry.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "kernels/base/thread_pool.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

struct TableRow {
  int space_group = 0;
  double atoms = 0, volume = 0;
};

std::string unpacked(const std::filesystem::path& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  std::array<char, 1 << 16> portion;
  for (int got = 0; (got = gzread(file, portion.data(), portion.size())) > 0;)
    text.append(portion.data(), static_cast<std::size_t>(got));
  gzclose(file);
  return text;
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> out{""};
  for (const char c : line) {
    if (c == separator)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

std::map<std::string, TableRow> table_of(const std::filesystem::path& path) {
  std::map<std::string, TableRow> table;
  std::vector<std::string> header;
  for (const std::string& line : split(unpacked(path), '\n')) {
    const auto fields = split(line, '\t');
    if (header.empty()) {
      header = fields;
      continue;
    }
    if (fields.size() != header.size()) continue;
    const auto field = [&](std::string_view name) {
      const auto at = std::find(header.begin(), header.end(), name) - header.begin();
      return fields.at(static_cast<std::size_t>(at));
    };
    table[field("block")] = {std::stoi(field("space_group")), std::stod(field("atoms_per_cell")),
                             std::stod(field("volume"))};
  }
  return table;
}

struct Outcome {
  std::string block;
  std::vector<Crystal> crystals;
  std::string fault;
};

std::string name_in(std::string_view block) {
  const auto start = block.find("data_") + 5;
  return std::string(block.substr(start, block.find_first_of(" \r\n", start) - start));
}

/// Reads the blocks whose index in the file passes `wanted`, on all threads.
template <class Wanted>
std::vector<Outcome> read_blocks(const std::string& text, Wanted wanted) {
  std::vector<CifBlockText> chosen;
  const auto blocks = split_blocks(text);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (wanted(i, name_in(blocks[i].text))) chosen.push_back(blocks[i]);
  std::vector<Outcome> outcomes(chosen.size());
  ThreadPool pool;
  pool.run(static_cast<std::int64_t>(chosen.size()), [&](std::int64_t i, int) {
    Outcome& out = outcomes[static_cast<std::size_t>(i)];
    out.block = name_in(chosen[static_cast<std::size_t>(i)].text);
    read_cif_block(chosen[static_cast<std::size_t>(i)], "",
                   {.crystal = [&](Crystal&& c) { out.crystals.push_back(std::move(c)); },
                    .rejected = [&](const CifError& e) { out.fault = name_of(e.fault); },
                    .warning = {}});
  });
  return outcomes;
}

/// Every refusal of crystals.cif.gz. All are the files' own: a name or number against the operators;
/// operators that are no group; more than one atom on a position; a split H site that is listed as full;
/// strings that end on another line.
const std::map<std::string, std::string> refused_crystals{
    {"arsenides__Co.87Fe.11Ni.13As3-Skutterudite", "bad_occupancy"},  // 1.11 on the metal's position
    {"tests__inputs__9008434", "bad_occupancy"},                      // 1.03 on Fe2's
    {"MDtutorials__k_vec_tutorial_non_zero__data__Ba6Co6",
     "contradictory_symmetry"},                            // number 174, operators of 187
    {"tests__inputs__2001925", "contradictory_symmetry"},  // P 1 21/n 1, operators of P 1
    {"test__files__test03", "contradictory_symmetry"},     // number 148, operators of 166
    {"doc__source__example_file", "bad_symmetry"},         // four operators of F m -3 m
    {"POSCAR-123-2", "atoms_too_close"},                   // H 0.09 A from its image
    {"tests__inputs__7102793-cool-rate", "grammar"},
    {"tests__inputs__bs5068-estimated-sg_3", "grammar"},
    {"tests__inputs__cif_fix_values__7100406-degrees-cendigrades", "grammar"},
    {"tests__inputs__cif_fix_values__7102386-cendigrades", "grammar"},
};

/// Atom counts of the table that are not ours: the table's program merged images up to 0.1 A apart, also of
/// half-filled split sites (LaAl11O18, tobermorite; in Cr the four atoms around the centre of a face), and
/// left apart those of POSCAR-100-2's O2, 0.012 A from each other: merged, as here, the count is that of its
/// formula. An occupancy of 1.01 in ferrihydrite is 1 here.
const std::set<std::string> other_counts{"Ferrihydrite_4.str", "Laal11o18.str", "Tobermorite11A.str",
                                         "Tutorial__tutorial_data__all_spacegroups__cifs__200",
                                         "POSCAR-100-2"};

TEST(Structures, CrystalsHaveTheSpaceGroupsOfTheirTable) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "crystals.cif.gz");
  BRAGG_SHARED_DATA_OR_SKIP(table_path, "crystals.tsv.gz");
  const auto table = table_of(table_path);
  const auto outcomes = read_blocks(unpacked(path), [](std::size_t, const std::string&) { return true; });
  EXPECT_EQ(outcomes.size(), table.size());
  std::set<int> groups;
  std::map<std::string, std::string> refused;
  std::set<std::string> counts;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.fault.empty()) {
      refused[outcome.block] = outcome.fault;
      continue;
    }
    ASSERT_EQ(outcome.crystals.size(), 1u) << outcome.block;
    const Crystal& c = outcome.crystals[0];
    const TableRow& row = table.at(c.name);
    EXPECT_EQ(c.group.number, row.space_group) << c.name;
    EXPECT_NEAR(c.cell.volume(), row.volume, 1e-3 * row.volume) << c.name;
    double positions = 0;
    for (const Site& site : c.sites)
      positions += site.multiplicity;
    // The table counts atoms, some of its sources positions.
    const double wanted = row.atoms,
                 off = std::min(std::abs(positions - wanted), std::abs(c.atoms_per_cell() - wanted));
    if (!(off <= 0.01)) counts.insert(c.name);
    groups.insert(c.group.number);
  }
  EXPECT_EQ(refused, refused_crystals);
  EXPECT_EQ(counts, other_counts);
  EXPECT_EQ(groups.size(), 230u);
}

TEST(Structures, MineralsHaveTheSpaceGroupsOfTheirTable) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "minerals.cif.gz");
  BRAGG_SHARED_DATA_OR_SKIP(table_path, "minerals.tsv.gz");
  const auto table = table_of(table_path);
  const auto outcomes = read_blocks(unpacked(path), [](std::size_t, const std::string&) { return true; });
  std::map<std::string, int> refused;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.fault.empty()) {
      ++refused[outcome.fault];
      continue;
    }
    ASSERT_EQ(outcome.crystals.size(), 1u) << outcome.block;
    const Crystal& c = outcome.crystals[0];
    const TableRow& row = table.at(c.name);
    EXPECT_EQ(c.group.number, row.space_group) << c.name;
    EXPECT_NEAR(c.cell.volume(), row.volume, 1e-3 * row.volume) << c.name;
  }
  // All as published: cells that are not their group's (a tetragonal group in a hexagonal cell ...), U of
  // more than a B could be, positions filled by up to two atoms, atoms at 0.06 to 0.39 A.
  const std::map<std::string, int> expected{{"atoms_too_close", 14},
                                            {"bad_displacement", 10},
                                            {"bad_occupancy", 27},
                                            {"contradictory_symmetry", 6}};
  EXPECT_EQ(refused, expected);
}

/// A block without the lines (or loops) of what is named.
std::string stripped(const std::string& block, bool operators, bool hall, bool name, bool number) {
  std::string out;
  bool in_operators = false;
  const auto lines = split(block, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const auto starts = [&](const char* start) { return line.starts_with(start); };
    if (operators && line == "loop_" && i + 1 < lines.size() &&
        lines[i + 1].starts_with("_space_group_symop")) {
      in_operators = true;
      continue;
    }
    if (in_operators && (starts("_space_group_symop") || starts("'"))) continue;
    in_operators = false;
    if ((hall && starts("_space_group_name_Hall")) || (name && starts("_space_group_name_H-M")) ||
        (number && starts("_space_group_IT_number")))
      continue;
    out += line + '\n';
  }
  return out;
}

Outcome read_one(const std::string& block) {
  Outcome out;
  read_cif_text(block, "",
                {.crystal = [&](Crystal&& c) { out.crystals.push_back(std::move(c)); },
                 .rejected = [&](const CifError& e) { out.fault = e.what(); },
                 .warning = {}});
  return out;
}

/// Some structures of each of the 230 groups, of both files: name -> text.
std::vector<std::string> some_of_each_group(std::size_t of_each) {
  std::vector<std::string> chosen;
  for (const char* name : {"crystals", "minerals"}) {
    const auto path = tests::shared_data(std::string(name) + ".cif.gz"),
               table_path = tests::shared_data(std::string(name) + ".tsv.gz");
    if (!path || !table_path) return {};
    const std::string text = unpacked(*path);
    const auto table = table_of(*table_path);
    std::map<int, std::size_t> taken;
    for (const CifBlockText& block : split_blocks(text)) {
      const std::string id = name_in(block.text);
      const auto row = table.find(id);
      if (row == table.end() || refused_crystals.contains(id) || taken[row->second.space_group] >= of_each)
        continue;
      ++taken[row->second.space_group];
      chosen.emplace_back(block.text);
    }
  }
  return chosen;
}

TEST(Structures, OperatorsOrHallOrNameAloneGiveTheSameGroup) {
  const auto blocks = some_of_each_group(4);
  if (blocks.empty()) GTEST_SKIP() << "no shared data: crystals.cif.gz, minerals.cif.gz (BRAGG_SHARED_DATA)";
  std::set<int> by_operators, by_hall, by_name;
  int open_names = 0, other_origins = 0, unknown_names = 0;
  for (const std::string& block : blocks) {
    const Outcome whole = read_one(block);
    if (whole.crystals.empty()) continue;  // counted in the tests above
    const Crystal& c = whole.crystals[0];
    const int number = c.group.number;
    const OperatorKey key = operator_key(c.group.operators);

    const Outcome operators = read_one(stripped(block, false, true, true, true));
    ASSERT_EQ(operators.crystals.size(), 1u) << c.name << ": " << operators.fault;
    EXPECT_EQ(operators.crystals[0].group.number, number) << c.name;
    EXPECT_EQ(operator_key(operators.crystals[0].group.operators), key) << c.name;
    by_operators.insert(number);

    if (block.find("_space_group_name_Hall") != std::string::npos) {
      const Outcome hall = read_one(stripped(block, true, false, true, true));
      ASSERT_EQ(hall.crystals.size(), 1u) << c.name << ": " << hall.fault;
      EXPECT_EQ(hall.crystals[0].group.number, number) << c.name;
      EXPECT_EQ(operator_key(hall.crystals[0].group.operators), key) << c.name;
      EXPECT_DOUBLE_EQ(hall.crystals[0].atoms_per_cell(), c.atoms_per_cell()) << c.name;
      by_hall.insert(number);
    }
    if (block.find("_space_group_name_H-M") != std::string::npos) {
      const Outcome name = read_one(stripped(block, true, true, false, true));
      if (name.crystals.empty()) {
        // Two origins and no extension; a name of no table ("P 42/m m c (a,b+1/2,c)", "Xmc21"); or a site
        // that is in order only about the operators' own origin.
        const bool is_open = name.fault.find("ambiguous_symmetry") != std::string::npos;
        const bool is_place = name.fault.find("atoms_too_close") != std::string::npos ||
                              name.fault.find("bad_occupancy") != std::string::npos;
        const bool is_unknown = name.fault.find("is not known") != std::string::npos;
        EXPECT_TRUE(is_open || is_place || is_unknown) << c.name << ": " << name.fault;
        open_names += is_open;
        other_origins += is_place;
        unknown_names += is_unknown;
        continue;
      }
      EXPECT_EQ(name.crystals[0].group.number, number) << c.name;
      if (operator_key(name.crystals[0].group.operators) != key) {
        EXPECT_TRUE(differ_by_origin_only(name.crystals[0].group.operators, c.group.operators)) << c.name;
        ++other_origins;
      }
      by_name.insert(number);
    }
  }
  EXPECT_EQ(by_operators.size(), 230u);
  EXPECT_EQ(by_hall.size(), 230u);
  EXPECT_EQ(by_name.size(), 230u);
  RecordProperty("names_that_leave_the_origin_open", open_names);
  RecordProperty("names_of_another_origin", other_origins);
  RecordProperty("names_of_no_table", unknown_names);
  EXPECT_LE(unknown_names, 2);
  EXPECT_LE(other_origins, 12);
}

TEST(Structures, TheReferenceStructuresAreRead) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "reference");
  int crystals = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cif") continue;
    EXPECT_NO_THROW(read_crystal(entry.path())) << entry.path();
    ++crystals;
  }
  EXPECT_GE(crystals, 35);
}

TEST(Structures, TheProjectsOwnCrystals) {
  std::map<CrystalSystem, int> systems;
  std::set<int> groups;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tests::project_file("data/crystals"))) {
    if (entry.path().extension() != ".cif") continue;
    ++count;
    int crystals = 0;
    read_cif(entry.path(),
             {.crystal =
                  [&](Crystal&& c) {
                    ++crystals;
                    ++systems[crystal_system(c.group.number)];
                    groups.insert(c.group.number);
                  },
              .rejected = [](const CifError& e) { ADD_FAILURE() << e.what(); },
              .warning =
                  [&](const CifWarning& w) { ADD_FAILURE() << w.file << ':' << w.line << ' ' << w.detail; }});
    EXPECT_EQ(crystals, 1) << entry.path();
  }
  EXPECT_GE(count, 80);
  EXPECT_GE(groups.size(), 40u);
  for (int s = 0; s < crystal_system_count; ++s)
    EXPECT_GE(systems[static_cast<CrystalSystem>(s)], 8) << name_of(static_cast<CrystalSystem>(s));
}

}  // namespace
}  // namespace bragg::xrd
