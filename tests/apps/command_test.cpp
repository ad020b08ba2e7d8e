// The program from outside: exit codes, files, and the formats that scripts read.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_set.h"
#include "kernels/crystal/pattern_sampling.h"
#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [key, value] : object.items())
    names.insert(key);
  return names;
}

const std::string bad_cell = "data_no_cell\nloop_\n_atom_site_label\n_atom_site_fract_x\nNa1 0\n";

TEST(Command, WrongUseIsExitCode2WithOneLine) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  write_text(folder / "two.cif", rock_salt_cif("salt") + rock_salt_cif("other"));
  const std::string salt = folder / "salt.cif", two = folder / "two.cif", out = folder / "out.safetensors",
                    other = folder / "other.safetensors";
  const struct {
    std::vector<std::string> arguments;
    std::string names;
  } cases[] = {
      {{}, "subcommand"},
      {{"trian"}, "the nearest is train"},
      {{"crystals"}, "import"},
      {{"crystals", "imprt"}, "the nearest is import"},
      {{"simulate", salt, "--recpie", "set1"}, "the nearest is --recipe"},
      {{"crystals", "import", salt}, "--output"},
      {{"simulate"}, "CRYSTALS"},
      {{"simulate", salt, "--device", "gpu"}, "gpu"},
      {{"info", "--threads", "-1"}, "-1"},
      {{"simulate", salt, "--range", "90", "5"}, "90"},
      {{"simulate", salt, "--range", "5", "190"}, "190"},
      {{"simulate", salt, "--step", "0"}, "--step"},
      {{"simulate", salt, "--step", "nan"}, "--step"},
      {{"simulate", salt, "--count", "0"}, "--count"},
      {{"simulate", salt, "--seed", "-1"}, "--seed"},
      {{"simulate", salt, "--wavelength", "CuKx"}, "CuK"},
      {{"simulate", salt, "--recipe", "set8"}, "set"},
      {{"simulate", salt, "--json"}, "--reflections"},
      {{"simulate", salt, "-o", folder / "out.png"}, "out.png"},
      {{"simulate", salt, "--reflections", "-o", out}, "--reflections"},
      {{"simulate", salt, "--reflections", "--peaks"}, "--reflections"},
      {{"simulate", salt, "--count", "2", "-o", folder / "out.xy"}, ".safetensors"},
      {{"simulate", two}, ".safetensors"},
      {{"crystals", "info", out, "--json", "--table"}, "--json"},
      {{"crystals", "import", salt, "-o", folder / "set.txt"}, "set.txt"},
      {{"crystals", "generate", "9", "--like", out}, "--output"},
      {{"crystals", "generate", "0", "--like", out, "-o", other}, "0"},
      {{"crystals", "generate", "9", "--like", out, "-o", folder / "set.txt"}, "set.txt"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--space-groups", "all"}, "tempered:T"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--space-groups", "tempered:2"},
       "tempered:2"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--space-groups", "14:1,231:1"},
       "14:1,231:1"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--space-groups", "14:-1"}, "14:-1"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--space-groups", "14:0"}, "14:0"},
      {{"crystals", "generate", "9", "--like", out, "-o", other, "--max-atoms", "0"}, "--max-atoms"},
      {{"recipe", "show", "set8"}, "set"},
  };
  for (const auto& c : cases) {
    const RunResult run = run_bragg(c.arguments);
    EXPECT_EQ(run.code, 2) << c.names << ": " << run.err;
    EXPECT_EQ(lines(run.err).size(), 1u) << run.err;
    EXPECT_NE(run.err.find(c.names), std::string::npos) << "expected " << c.names << " in: " << run.err;
    EXPECT_EQ(run.out, "");
  }
  EXPECT_FALSE(fs::exists(out));
}

TEST(Command, FailureIsExitCode1WithTheFile) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  write_text(folder / "noise.safetensors", "noise");
  const struct {
    std::vector<std::string> arguments;
    std::string names;
  } cases[] = {
      {{"simulate", folder / "absent.cif"}, "absent.cif"},
      {{"crystals", "info", folder / "absent.safetensors"}, "absent.safetensors"},
      {{"crystals", "info", folder / "noise.safetensors"}, "noise.safetensors"},
      {{"crystals", "generate", "9", "--like", folder / "noise.safetensors", "-o",
        folder / "set.safetensors"},
       "noise.safetensors"},
      {{"simulate", folder / "salt.cif", "-o", folder / "nowhere/out.xy"}, "nowhere"},
      {{"crystals", "import", folder / "salt.cif", "-o", folder / "nowhere/set.safetensors"}, "nowhere"},
  };
  for (const auto& c : cases) {
    const RunResult run = run_bragg(c.arguments);
    EXPECT_EQ(run.code, 1) << run.err;
    EXPECT_NE(run.err.find(c.names), std::string::npos) << run.err;
  }
}

TEST(Command, InfoVersionAndRecipes) {
  EXPECT_EQ(run_bragg({"--version"}).out.substr(0, 6), "bragg ");
  const RunResult info = run_bragg({"info", "--threads", "3"});
  EXPECT_EQ(info.code, 0);
  for (const char* line : {"bragg 0.", "commit ", "reference", "x86-64-v", "3 threads"}) {
    EXPECT_NE(info.out.find(line), std::string::npos) << info.out;
  }
  const RunResult list = run_bragg({"recipe", "list"});
  EXPECT_NE(list.out.find("set1\n"), std::string::npos);
  EXPECT_NE(run_bragg({"recipe", "show", "set3"}).out.find("0.02"), std::string::npos);
}

TEST(Generate, MakesTheSameSetForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  const std::string like = folder / "like.safetensors", one = folder / "one.safetensors",
                    three = folder / "three.safetensors", other = folder / "other.safetensors";
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  ASSERT_EQ(run_bragg({"crystals", "import", folder / "salt.cif", "-o", like}).code, 0);
  const auto generate = [&](const std::string& output, const std::string& threads, const std::string& seed) {
    return run_bragg({"crystals", "generate", "300", "--like", like, "-o", output, "--space-groups",
                      "uniform", "--threads", threads, "--seed", seed});
  };
  const RunResult run = generate(one, "1", "5");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("300 crystals of "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("crystals/s, 1 threads"), std::string::npos) << run.err;
  EXPECT_EQ(generate(three, "3", "5").code, 0);
  EXPECT_EQ(generate(other, "3", "6").code, 0);
  EXPECT_EQ(read_text(one), read_text(three));
  EXPECT_NE(read_text(one), read_text(other));
  const json info = json::parse(run_bragg({"crystals", "info", one, "--json"}).out);
  EXPECT_EQ(info["crystals"], 300);
  EXPECT_GT(info["space_groups"].size(), 100u);
  EXPECT_LE(info["atoms_per_cell"]["max"], 300);

  // As the set has them: rock salt's group alone.
  ASSERT_EQ(run_bragg({"crystals", "generate", "20", "--like", like, "-o", other}).code, 0);
  const json like_info = json::parse(run_bragg({"crystals", "info", other, "--json"}).out);
  EXPECT_EQ(like_info["space_groups"], json({{"225", 20}}));

  ASSERT_EQ(
      run_bragg({"crystals", "generate", "400", "--like", like, "-o", other, "--space-groups", "14:3,62:1"})
          .code,
      0);
  const json by_weight = json::parse(run_bragg({"crystals", "info", other, "--json"}).out)["space_groups"];
  EXPECT_EQ(by_weight.size(), 2u);
  EXPECT_NEAR(by_weight["14"].get<int>(), 300, 5 * std::sqrt(400 * 0.75 * 0.25));
}

TEST(Import, GoesOnPastBadBlocksAndSaysSo) {
  const TemporaryFolder folder;
  write_text(folder / "cif/a.cif", rock_salt_cif("a") + bad_cell + rock_salt_cif("b", 5.7));
  write_text(folder / "cif/empty.cif", "");
  const std::string set = folder / "set.safetensors", rejected = folder / "rejected.tsv";
  const RunResult run = run_bragg({"crystals", "import", folder / "cif", "-o", set, "--rejected", rejected});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("2 crystals"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("1 no_cell"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("1 unreadable_file"), std::string::npos) << run.err;
  const auto table = lines(read_text(rejected));
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0], "file\tblock\tline\treason\tdetail");
  EXPECT_NE(table[1].find("a.cif\tno_cell\t"), std::string::npos) << table[1];
  EXPECT_NE(table[2].find("empty.cif\t\t0\tunreadable_file\t"), std::string::npos) << table[2];

  const auto listed = lines(run_bragg({"crystals", "info", set, "--table"}).out);
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0],
            "name\tspace_group\thm\tcrystal_system\tatoms_per_cell\tvolume\tformula\tspace_group_declared\t"
            "mineral\ttitle");
  EXPECT_EQ(listed[1], "a\t225\tF m -3 m\tcubic\t8\t179.425\tCl4 Na4\t225\t\t");
  EXPECT_EQ(listed[2], "b\t225\tF m -3 m\tcubic\t8\t185.193\tCl4 Na4\t225\t\t");

  const json info = json::parse(run_bragg({"crystals", "info", set, "--json"}).out);
  EXPECT_EQ(info["crystals"], 2);
  EXPECT_EQ(info["space_groups"]["225"], 2);
  EXPECT_EQ(info["crystal_systems"]["cubic"], 2);
  EXPECT_EQ(info["crystal_systems"].size(), 7u);
  EXPECT_EQ(info["elements"]["Na"], 2);
  EXPECT_NE(run_bragg({"crystals", "info", set}).out.find("2 crystals, 1 space groups"), std::string::npos);

  // The same bytes for any number of threads.
  const std::string again = folder / "again.safetensors";
  EXPECT_EQ(run_bragg({"crystals", "import", folder / "cif", "-o", again, "--threads", "5"}).code, 0);
  EXPECT_TRUE(read_text(again) == read_text(set));
}

TEST(Import, NothingImportedKeepsWhatWasThere) {
  const TemporaryFolder folder;
  write_text(folder / "bad.cif", bad_cell);
  write_text(folder / "set.safetensors", "the old set");
  const RunResult run = run_bragg({"crystals", "import", folder / "bad.cif", "-o", folder / "set.safetensors",
                                   "--rejected", folder / "rejected.tsv"});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("nothing could be imported"), std::string::npos) << run.err;
  EXPECT_EQ(read_text(folder / "set.safetensors"), "the old set");
  EXPECT_EQ(lines(read_text(folder / "rejected.tsv")).size(), 2u);
}

TEST(Import, InterruptedLeavesNothing) {
  const TemporaryFolder folder, logs;
  write_text(folder / "a.cif", rock_salt_cif("a"));
  ASSERT_EQ(mkfifo((folder / "b.cif").c_str(), 0600), 0);  // holds the import for as long as nobody writes
  RunningBragg run(
      {"crystals", "import", folder / "a.cif", folder / "b.cif", "-o", folder / "set.safetensors"},
      logs.path());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_TRUE(run.is_running());
  run.signal(SIGTERM);
  EXPECT_EQ(run.result().code, 128 + SIGTERM);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
}

TEST(Simulate, ReflectionsAsJson) {
  const TemporaryFolder folder;
  write_text(folder / "two.cif", rock_salt_cif("salt") + rock_salt_cif("larger", 6));
  const RunResult run = run_bragg({"simulate", folder / "two.cif", "--reflections", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto objects = lines(run.out);
  ASSERT_EQ(objects.size(), 2u);
  const json salt = json::parse(objects[0]);
  EXPECT_EQ(keys(salt), (std::set<std::string>{"crystal", "space_group", "wavelength", "anomalous",
                                               "form_factors", "reflections"}));
  EXPECT_EQ(salt["anomalous"], "f', f'' at 1.54184 A");
  EXPECT_EQ(salt["crystal"], "salt");
  EXPECT_EQ(json::parse(objects[1])["crystal"], "larger");
  EXPECT_EQ(salt["space_group"], 225);
  EXPECT_EQ(salt["wavelength"], 1.54184);
  const json& first = salt["reflections"][0];
  EXPECT_EQ(keys(first), (std::set<std::string>{"hkl", "multiplicity", "d", "f2", "two_theta", "intensity"}));
  EXPECT_EQ(first["hkl"], (json{1, 1, 1}));
  EXPECT_EQ(first["multiplicity"], 8);
  EXPECT_NEAR(first["d"].get<double>(), 5.6402 / std::sqrt(3.0), 1e-9);
  EXPECT_NEAR(first["two_theta"].get<double>(), 27.388668, 1e-6);  // 2 asin(1.54184 / 2d)
  double strongest = 0;
  for (const json& r : salt["reflections"]) {
    strongest = std::max(strongest, r["intensity"].get<double>());
    if (r["intensity"] == 100) {
      EXPECT_EQ(r["hkl"], (json{2, 0, 0}));
    }
  }
  EXPECT_EQ(strongest, 100);

  // 511 and 333 have one d.
  const auto count = [&](const char* which, int h) {
    const json all = json::parse(
        lines(run_bragg({"simulate", folder / "two.cif", which, "--json", "--wavelength", "1"}).out)[0]);
    return std::count_if(all["reflections"].begin(), all["reflections"].end(), [&](const json& r) {
      const double d = r["d"];
      return std::abs(d - 5.6402 / std::sqrt(27.0)) < 1e-6 && (h == 0 || r["hkl"][0] == h);
    });
  };
  EXPECT_EQ(count("--reflections", 5), 1);
  EXPECT_EQ(count("--reflections", 3), 1);
  EXPECT_EQ(count("--peaks", 0), 1);
}

TEST(Simulate, RangeWavelengthAndText) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  const RunResult text = run_bragg({"simulate", folder / "salt.cif", "--reflections", "--range", "20", "50",
                                    "--wavelength", "1.0", "--ignore-displacements"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("wavelength 1 A"), std::string::npos) << text.out;
  for (const std::string& line : lines(text.out)) {
    if (line.starts_with("#")) continue;
    std::istringstream in(line);
    double h, k, l, m, d, f2, two_theta;
    ASSERT_TRUE(in >> h >> k >> l >> m >> d >> f2 >> two_theta) << line;
    EXPECT_TRUE(two_theta >= 20 && two_theta <= 50) << line;
  }
}

TEST(Simulate, PatternSetsAndText) {
  const TemporaryFolder folder;
  write_text(folder / "two.cif", rock_salt_cif("salt") + rock_salt_cif("larger", 6));
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  ASSERT_EQ(run_bragg({"crystals", "import", folder / "two.cif", "-o", folder / "set.safetensors"}).code, 0);
  const auto simulate = [&](const std::string& input, const std::string& output,
                            std::vector<std::string> more) {
    std::vector<std::string> all{"simulate", folder / input, "-o", folder / output};
    all.insert(all.end(), more.begin(), more.end());
    const RunResult run = run_bragg(all);
    EXPECT_EQ(run.code, 0) << run.err;
  };
  simulate("set.safetensors", "p.safetensors", {"--recipe", "large", "--count", "3", "--seed", "9"});
  const data::PatternSet set(folder / "p.safetensors");
  ASSERT_EQ(set.size(), 6);
  EXPECT_EQ(set.instrument(),
            (Instrument{.grid = {.start = 5, .step = 0.01, .points = 8500}, .wavelength = 1.54184}));
  EXPECT_EQ(set.space_group(5), 225);
  EXPECT_EQ(set.name(2), "salt");
  EXPECT_EQ(set.name(3), "larger");
  EXPECT_EQ(set.group(3), 1);
  EXPECT_NE(set.pattern(0), set.pattern(1));
  const SafetensorsFile file(folder / "p.safetensors");
  const auto values = file.copy<float>("patterns", 2);
  EXPECT_FLOAT_EQ(*std::max_element(values.begin(), values.end()), 1000.0f);
  EXPECT_EQ(file.metadata("seed"), "9");
  EXPECT_NE(file.metadata("recipe").find("0.02"), std::string::npos);

  simulate("set.safetensors", "q.safetensors",
           {"--recipe", "large", "--count", "3", "--seed", "9", "--threads", "3"});
  EXPECT_TRUE(read_text(folder / "q.safetensors") == read_text(folder / "p.safetensors"));
  simulate("set.safetensors", "r.safetensors", {"--recipe", "large", "--count", "3", "--seed", "10"});
  EXPECT_FALSE(data::PatternSet(folder / "r.safetensors").pattern(0) == set.pattern(0));

  simulate("salt.cif", "p.xy", {"--range", "10", "20", "--step", "0.5"});
  const auto xy = lines(read_text(folder / "p.xy"));
  ASSERT_EQ(xy.size(), 21u);
  EXPECT_TRUE(xy[0].starts_with("# salt"));
  EXPECT_TRUE(xy[1].starts_with("10 ")) << xy[1];
  EXPECT_TRUE(xy[20].starts_with("19.5 ")) << xy[20];
  simulate("salt.cif", "p.csv", {"--range", "10", "20", "--step", "0.5"});
  EXPECT_EQ(lines(read_text(folder / "p.csv"))[0], "two_theta,intensity");
  const RunResult standard =
      run_bragg({"simulate", folder / "salt.cif", "--range", "10", "20", "--step", "0.5"});
  EXPECT_EQ(standard.out, read_text(folder / "p.xy"));
}

TEST(Simulate, LatticeScalesCubicCrystalsOnly) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  const RunResult run = run_bragg(
      {"simulate", folder / "salt.cif", "--recipe", "lattice", "-o", folder / "lattice.safetensors"});
  ASSERT_EQ(run.code, 0) << run.err;
  const data::PatternSet set(folder / "lattice.safetensors");
  ASSERT_EQ(set.size(), 21);
  EXPECT_EQ(set.name(0), "salt x 0.8");
  EXPECT_EQ(set.name(20), "salt x 1.2");
  // (200), the highest line, where Bragg's law puts it.
  for (const std::int64_t i : {0, 10, 20}) {
    const auto pattern = set.pattern(i);
    const auto top = std::max_element(pattern.begin(), pattern.end()) - pattern.begin();
    const double d = 5.6402 * (0.8 + 0.02 * static_cast<double>(i)) / 2;
    EXPECT_NEAR(set.instrument().grid.at(top), 2 * std::asin(1.54184 / (2 * d)) * 180 / M_PI, 0.02);
  }
}

TEST(Simulate, GalleryShowsEveryEffect) {
  const TemporaryFolder folder;
  write_text(folder / "two.cif", rock_salt_cif("salt") + rock_salt_cif("larger", 6));
  const RunResult run = run_bragg({"simulate", folder / "two.cif", "--recipe", "realistic", "--gallery",
                                   folder / "gallery.html", "--step", "0.1"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string html = read_text(folder / "gallery.html");
  for (const EffectInfo& info : effect_table) {
    if (info.name == "hump_centre" || info.name == "hump_width") continue;  // part of hump
    EXPECT_NE(html.find(fmt::format("<b>{}</b>", info.name)), std::string::npos) << info.name;
  }
  EXPECT_NE(html.find("as a network reads it"), std::string::npos);
  EXPECT_EQ(run_bragg({"simulate", folder / "two.cif", "--gallery", folder / "g.html", "--count", "2"}).code,
            2);
}

TEST(Patterns, DescribeComparesSets) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  for (const char* recipe : {"set2", "set5"}) {
    ASSERT_EQ(run_bragg({"simulate", folder / "salt.cif", "--recipe", recipe, "-o",
                         folder / (std::string(recipe) + ".safetensors")})
                  .code,
              0);
  }
  const RunResult run =
      run_bragg({"patterns", "describe", folder / "set2.safetensors", folder / "set5.safetensors"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto text = lines(run.out);
  ASSERT_EQ(text.size(), 17u);
  EXPECT_TRUE(text[3].starts_with("fwhm")) << text[3];
  EXPECT_TRUE(text[4].find("0.1") != std::string::npos) << text[4];  // set5: H = 0.1
  EXPECT_EQ(run_bragg({"patterns", "describe", folder / "none.safetensors"}).code, 1);
}

// Of three crystals only rock salt is of the first set's group: it alone is left.
TEST(Patterns, DescribeCanEvenOutSpaceGroups) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  data::CrystalSetWriter three;
  for (const xrd::Crystal& crystal : three_crystals())
    three.add(crystal);
  three.write(folder / "three.safetensors");
  for (const auto& [set, out] :
       {std::pair{"salt.cif", "a.safetensors"}, {"three.safetensors", "b.safetensors"}})
    ASSERT_EQ(run_bragg({"simulate", folder / set, "--recipe", "set2", "-o", folder / out}).code, 0);
  const auto percentiles = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"patterns", "describe", folder / "a.safetensors",
                                       folder / "b.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const RunResult run = run_bragg(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    std::istringstream second(lines(run.out).at(8));  // number of lines in the second set
    std::set<double> values;
    for (double value; second >> value;)
      values.insert(value);
    return values;
  };
  EXPECT_GT(percentiles({}).size(), 1u);
  EXPECT_EQ(percentiles({"--same-groups"}).size(), 1u);
  const RunResult turned = run_bragg(
      {"patterns", "describe", folder / "b.safetensors", folder / "a.safetensors", "--same-groups"});
  EXPECT_EQ(turned.code, 0);
  EXPECT_NE(turned.err.find("none of the space groups of 2 of the first set's 3 patterns"), std::string::npos)
      << turned.err;
}

}  // namespace
}  // namespace bragg::tests
