// bragg fit as scripts use it: its JSON, its exit codes, the CIFs and the page that it writes.
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/fit/mixture.h"
#include "apps/fit/phase_structures.h"
#include "apps/fit/refined_cifs.h"
#include "apps/report/mixture_page.h"
#include "data/library/built_in_library.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/well_formed.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/cif/cif.h"
#include "xrd/cif/cif_text.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::lines;
using bragg::tests::project_file;
using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using Json = nlohmann::json;

std::string cif_of(const std::string& name) {
  return project_file("data/crystals/" + name + ".cif").string();
}

/// What is made once for all tests: a library, and a drawn pattern of rutile.
class Fit : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new bragg::tests::TemporaryFolder;
    std::vector<std::string> import{"crystals", "import"};
    for (const char* name : {"quartz_alpha", "halite", "calcite", "rutile", "corundum"})
      import.push_back(cif_of(name));
    import.insert(import.end(), {"-o", path("five.safetensors")});
    ASSERT_EQ(run_bragg(import).code, 0);
    ASSERT_EQ(run_bragg({"library", "build", path("five.safetensors"), "-o", path("five.bragg")}).code, 0);
    const RunResult drawn = run_bragg(
        {"simulate", cif_of("rutile"), "--recipe", "realistic", "--seed", "3", "-o", path("rutile.xy")});
    ASSERT_EQ(drawn.code, 0) << drawn.err;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }
  static RunResult fit(std::vector<std::string> more) {
    std::vector<std::string> arguments{"fit", "--library", path("five.bragg"), "--no-builtin-library"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_bragg(arguments);
  }
  static Json answer(std::vector<std::string> more, int code = 0) {
    more.push_back("--json");
    const RunResult result = fit(std::move(more));
    EXPECT_EQ(result.code, code) << result.err;
    return Json::parse(lines(result.out).at(0));
  }
  static void expect_usage(std::vector<std::string> more, const std::vector<std::string>& said) {
    const RunResult result = fit(std::move(more));
    EXPECT_EQ(result.code, 2) << result.out << result.err;
    for (const std::string& part : said)
      EXPECT_NE(result.err.find(part), std::string::npos) << part << " is not in " << result.err;
  }

  static bragg::tests::TemporaryFolder* folder_;
};
bragg::tests::TemporaryFolder* Fit::folder_ = nullptr;

TEST_F(Fit, HasTheFieldsThatScriptsRead) {
  const Json found = answer({path("rutile.xy"), "--phase", "rutile", "--background", "7"});
  const std::vector<std::string> keys{
      "file", "index",        "assumed",    "warnings", "refused", "residual", "chi_squared_per_degree",
      "zero", "displacement", "background", "phases",   "assumes"};
  EXPECT_EQ(found.size(), keys.size());
  for (const std::string& key : keys)
    EXPECT_TRUE(found.contains(key)) << key;
  EXPECT_TRUE(found["refused"].is_null());
  EXPECT_GT(found["residual"], 0);
  EXPECT_LT(found["residual"], 0.5);
  EXPECT_EQ(found["background"].size(), 7u);
  EXPECT_GE(found["assumes"].size(), 4u);
  ASSERT_EQ(found["phases"].size(), 1u);
  const Json& phase = found["phases"][0];
  const std::vector<std::string> of_phase{"name",
                                          "formula",
                                          "space_group",
                                          "hm",
                                          "source",
                                          "entry",
                                          "cell",
                                          "cell_uncertainty",
                                          "cell_change",
                                          "weight_fraction",
                                          "weight_fraction_uncertainty",
                                          "scale",
                                          "fwhm",
                                          "lorentz_share",
                                          "texture",
                                          "march_dollase",
                                          "b_overall"};
  EXPECT_EQ(phase.size(), of_phase.size());
  for (const std::string& key : of_phase)
    EXPECT_TRUE(phase.contains(key)) << key;
  EXPECT_EQ(phase["name"], "Rutile");
  EXPECT_EQ(phase["space_group"], 136);
  EXPECT_EQ(phase["hm"], "P42/mnm");
  EXPECT_EQ(phase["weight_fraction"], 1);
  EXPECT_EQ(phase["cell"].size(), 6u);
  EXPECT_EQ(phase["cell_uncertainty"].size(), 6u);
  EXPECT_EQ(phase["cell_change"].size(), 3u);
  EXPECT_EQ(phase["texture"].size(), 1u);
  EXPECT_EQ(phase["texture"][0], 0);
  EXPECT_TRUE(phase["march_dollase"].is_null());
  EXPECT_NEAR(phase["cell"][0].get<double>() / 4.594, 1, 0.03);
  EXPECT_GT(phase["cell_uncertainty"][0], 0);
  EXPECT_EQ(phase["cell_uncertainty"][3], 0);
  EXPECT_EQ(phase["cell"][5], 90);
}

TEST_F(Fit, ACifIsAsGoodAsAName) {
  const Json named = answer({path("rutile.xy"), "--phase", "TiO2"}),
             given = answer({path("rutile.xy"), "--phase", cif_of("rutile")});
  EXPECT_NEAR(named["phases"][0]["cell"][0].get<double>() / given["phases"][0]["cell"][0].get<double>(), 1,
              1e-5);
  EXPECT_NEAR(named["residual"].get<double>(), given["residual"].get<double>(), 1e-3);
  EXPECT_EQ(given["phases"][0]["source"], cif_of("rutile"));
}

TEST_F(Fit, TextNamesWhatItAssumes) {
  const RunResult result = fit({path("rutile.xy"), "--phase", "rutile", "--phase", "corundum", "--texture"});
  ASSERT_EQ(result.code, 0) << result.err;
  for (const char* part : {"Rwp", "chi^2 per degree of freedom", "zero", "displacement", "Rutile", "Corundum",
                           "weight fraction", "cell", "FWHM", "microabsorption", "texture"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part;
}

TEST_F(Fit, AnAxisIsSaidEverywhere) {
  const std::string page_path = path("axis.html");
  const std::vector<std::string> given{path("rutile.xy"), "--phase",       "rutile",   "--phase", "corundum",
                                       "--march-dollase", "rutile:1,-1,0", "--report", page_path};
  const Json found = answer(given);
  const Json& march = found["phases"][0]["march_dollase"];
  EXPECT_EQ(march["axis"], (std::vector<int>{1, -1, 0}));
  EXPECT_GT(march["r"], 0.05);
  EXPECT_LT(march["r"], 15);
  EXPECT_TRUE(march.contains("r_uncertainty"));
  EXPECT_EQ(found["phases"][0]["texture"].size(), 0u);
  EXPECT_TRUE(found["phases"][1]["march_dollase"].is_null());
  EXPECT_EQ(found["phases"][1]["texture"].size(), 1u);
  const RunResult text = fit(given);
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part : {"texture          March-Dollase r ", " along (1 -1 0)", "Rutile (1 -1 0).",
                           "Crystallites of the other phases lie in all directions alike"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " is not in " << text.out;
  const std::string page = read_text(page_path);
  EXPECT_EQ(why_not_well_formed(page), "");
  for (const char* part : {"March-Dollase texture", " along (1 -1 0)"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  // For all phases; and beside the lattice's terms for those without an axis.
  const Json both = answer({path("rutile.xy"), "--phase", "rutile", "--phase", "corundum", "--march-dollase",
                            "0,0,1", "--march-dollase", "corundum:1,0,4"});
  EXPECT_EQ(both["phases"][0]["march_dollase"]["axis"], (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(both["phases"][1]["march_dollase"]["axis"], (std::vector<int>{1, 0, 4}));
  const Json terms = answer({path("rutile.xy"), "--phase", "rutile", "--phase", "corundum", "--march-dollase",
                             "corundum:0,0,1", "--texture"});
  EXPECT_NE(terms["phases"][0]["texture"][0], 0);
  EXPECT_TRUE(terms["phases"][0]["march_dollase"].is_null());
  EXPECT_EQ(terms["phases"][1]["march_dollase"]["axis"], (std::vector<int>{0, 0, 1}));
}

TEST_F(Fit, WrongAxesAreNamed) {
  const auto expect_refused = [](std::vector<std::string> more, const std::vector<std::string>& said) {
    more.insert(more.begin(), {path("rutile.xy"), "--phase", "rutile", "--phase", "corundum"});
    expect_usage(more, said);
  };
  const std::string option = "--march-dollase";
  for (const char* wrong :
       {"c", "0,0,x", "0,0,1.5", "0,0,1,2", "0 0 1", "", "rutile:", "rutile:c", "0,,1", "0,0,1,"})
    expect_refused({option, wrong}, {option + " " + wrong, "H,K,L"});
  expect_refused({option, "0,1"}, {option + " 0,1", "2 of three indices"});
  expect_refused({option, "0,0,0"}, {option + " 0,0,0", "no direction"});
  expect_refused({option, "0,0,100"}, {option + " 0,0,100", "100", "99"});
  expect_refused({option, "rutil:0,0,1"}, {option + " rutil:0,0,1", "the nearest is rutile"});
  expect_refused({option, "0,0,1", option, "1,0,0"}, {option + " 0,0,1", option + " 1,0,0", "one axis"});
  expect_refused({option, "rutile:0,0,1", option, "rutile:1,0,0"}, {"rutile:0,0,1", "rutile:1,0,0"});
  expect_refused({option, "0,0,1", "--texture"}, {"--texture", option + " 0,0,1"});
  expect_refused({option, "rutile:0,0,1", option, "corundum:1,0,0", "--texture"},
                 {"--texture", "corundum:1,0,0"});
}

TEST_F(Fit, CifsAreReadBack) {
  const std::string folder = path("refined/cifs");
  const Json found = answer({path("rutile.xy"), "--phase", "rutile", "--save-cif", folder});
  const xrd::Crystal crystal = xrd::read_crystal(folder + "/rutile.cif"),
                     before = xrd::read_crystal(cif_of("rutile"));
  const Json& cell = found["phases"][0]["cell"];
  EXPECT_NEAR(crystal.cell.a, cell[0].get<double>(), found["phases"][0]["cell_uncertainty"][0].get<double>());
  EXPECT_NEAR(crystal.cell.c, cell[2].get<double>(), found["phases"][0]["cell_uncertainty"][2].get<double>());
  EXPECT_EQ(crystal.group.number, 136);
  EXPECT_EQ(crystal.formula(), before.formula());
  EXPECT_EQ(crystal.sites.size(), before.sites.size());
}

TEST_F(Fit, ThePageHasItsParts) {
  const std::string page_path = path("fit.html");
  ASSERT_EQ(fit({path("rutile.xy"), "--phase", "rutile", "--phase", "halite", "--report", page_path}).code,
            0);
  const std::string page = read_text(page_path);
  EXPECT_EQ(why_not_well_formed(page), "");
  for (const char* part :
       {"class=\"trace\"", "class=\"calculated\"", "class=\"background\"", "class=\"difference\"",
        "<g class=\"sticks s1\">", "<g class=\"sticks s2\">", "<title>Rutile (1 1 0), ", "Rwp",
        "weight fraction", "overall B", "What the figures rest on"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

TEST_F(Fit, WrongUseIsNamed) {
  const std::string file = path("rutile.xy");
  expect_usage({file}, {"--phase"});
  expect_usage({file, "--phase", "rutill"}, {"--phase", "rutill"});
  // One structure twice, by whatever it is called.
  const std::string twice = "are the same structure";
  expect_usage({file, "--phase", "rutile", "--phase", "rutile"},
               {"--phase rutile and --phase rutile", twice});
  expect_usage({file, "--phase", "rutile", "--phase", "Rutile"},
               {"--phase rutile and --phase Rutile", twice});
  expect_usage({file, "--phase", cif_of("rutile"), "--phase", cif_of("../crystals/rutile")}, {twice});
  expect_usage({file, "--phase", "rutile", "--range", "20"}, {"--range", "20"});
  expect_usage({file, "--phase", "rutile", "--range", "80,20"}, {"--range", "80", "20"});
  expect_usage({file, "--phase", "rutile", "--background", "25"}, {"--background", "25"});
  expect_usage({file, "--phase", "rutile", "--wavelength", "seven"}, {"seven"});
  expect_usage({file, "--phase", "rutile", "--report", file}, {"--report", file});
  expect_usage({file, "--phase", "rutile", "--save-cif", file}, {"--save-cif", file});
  std::vector<std::string> many{file};
  for (const char* name :
       {"rutile", "halite", "calcite", "corundum", "quartz", "TiO2", "NaCl", "CaCO3", "Al2O3"})
    many.insert(many.end(), {"--phase", name});
  expect_usage(many, {"9 times --phase", "8"});
  // What is read is not overwritten.
  std::filesystem::copy_file(cif_of("rutile"), path("rutile.cif"));
  expect_usage({file, "--phase", path("rutile.cif"), "--save-cif", path("")}, {"--save-cif", "rutile.cif"});
  // Nor where it is the second pattern's CIF that would do so.
  ASSERT_EQ(run_bragg({"simulate", cif_of("rutile"), "--recipe", "realistic", "--count", "2", "-o",
                       path("two.safetensors")})
                .code,
            0);
  std::filesystem::rename(path("two.safetensors"), path("rutile-2.cif"));
  expect_usage({path("rutile-2.cif"), "--phase", "rutile", "--save-cif", path("")},
               {"--save-cif", "rutile-2.cif"});
}

TEST_F(Fit, FailuresLeaveNothingBehind) {
  const auto expect_failure = [&](std::vector<std::string> more, const std::string& said) {
    more.insert(more.end(), {"--save-cif", path("none"), "--json"});
    const RunResult result = fit(more);
    EXPECT_EQ(result.code, 1) << result.out << result.err;
    EXPECT_NE((result.out + result.err).find(said), std::string::npos) << result.out << result.err;
    EXPECT_FALSE(std::filesystem::exists(path("none")));
  };
  expect_failure({path("rutile.xy"), "--phase", cif_of("rutile"), "--library", path("absent.bragg")},
                 "absent.bragg");
  expect_failure({path("absent.xy"), "--phase", "rutile"}, "absent.xy");
  expect_failure({path("rutile.xy"), "--phase", path("absent.cif")}, "absent.cif");
  expect_failure({path("rutile.xy"), "--phase", "rutile", "--range", "150,170"}, "150.00 and 170.00");
  write_file(path("empty.cif"), "data_nothing\n_cell_length_a 5\n");
  expect_failure({path("rutile.xy"), "--phase", path("empty.cif")}, "empty.cif");
  write_file(path("flat.xy"), [] {
    std::string text;
    for (int i = 0; i < 500; ++i)
      text += std::to_string(20 + 0.1 * i) + " 100\n";
    return text;
  }());
  expect_failure({path("flat.xy"), "--phase", "rutile"}, "nothing rises above the background");
}

TEST_F(Fit, AShortPatternIsRefinedToo) {
  const Json found = answer({path("rutile.xy"), "--phase", "rutile", "--range", "25,45"});
  EXPECT_TRUE(found["refused"].is_null());
  EXPECT_NEAR(found["phases"][0]["cell"][0].get<double>() / 4.594, 1, 0.03);
}

TEST(PhaseStructures, OfACifTheFirstCrystalIsTaken) {
  const bragg::tests::TemporaryFolder folder;
  const std::string file = (folder.path() / "two.cif").string();
  write_file(file, read_text(cif_of("halite")) + "\n" + read_text(cif_of("rutile")));
  const NamedPhase phase = read_phase(file);
  ASSERT_EQ(phase.structures.size(), 1u);
  EXPECT_EQ(phase.structures[0].crystal.group.number, 225);
  ASSERT_FALSE(phase.remarks.empty());
  EXPECT_NE(phase.remarks.back().find("2 blocks"), std::string::npos);
}

TEST(PhaseStructures, NamesFormulasAndEntriesAreFound) {
  const auto library = data::built_in_library();
  if (!library) GTEST_SKIP() << "built without a library";
  const data::JoinedLibrary joined({library});
  for (const char* name : {"corundum", "CORUNDUM", "Al2O3", "Al2 O3", "AMCSD 0009700"}) {
    const NamedPhase phase = find_phase(name, joined);
    ASSERT_FALSE(phase.structures.empty()) << name;
    for (const PhaseStructure& structure : phase.structures)
      EXPECT_TRUE(structure.name == "Corundum" || structure.formula == "Al2 O3")
          << name << ": " << structure.name;
  }
  EXPECT_EQ(find_phase("AMCSD 0009700", joined).structures.size(), 1u);
  EXPECT_EQ(find_phase("SiO2", joined).structures.front().formula, "O2 Si");
  try {
    find_phase("corundun", joined);
    FAIL() << "found";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("corundun"), std::string::npos);
  }
}

TEST(RefinedCifs, NamesAreThoseThatWereGivenWithoutFolders) {
  const std::vector<std::string> given{"Corundum", "../a b/Fluorite.CIF", "SiO2", "corundum"};
  EXPECT_EQ(cif_names(given, 0),
            (std::vector<std::string>{"corundum.cif", "fluorite.cif", "sio2.cif", "corundum_2.cif"}));
  EXPECT_EQ(cif_names(given, 2).front(), "corundum-3.cif");
}

TEST(CifText, EveryCrystalIsReadBackAsItIs) {
  for (const char* name : {"quartz_alpha", "corundum", "spinel", "albite", "calcite", "ice_ih"}) {
    SCOPED_TRACE(name);
    const xrd::Crystal crystal = xrd::read_crystal(cif_of(name));
    std::vector<xrd::Crystal> back;
    xrd::read_cif_text(xrd::cif_text(crystal, {}, "a remark\nof two lines"), name,
                       {.crystal = [&](xrd::Crystal&& read) { back.push_back(std::move(read)); },
                        .rejected = [](const xrd::CifError& error) { FAIL() << error.what(); },
                        .warning = [](const xrd::CifWarning& warning) { ADD_FAILURE() << warning.detail; }});
    ASSERT_EQ(back.size(), 1u);
    EXPECT_NEAR(back[0].cell.a, crystal.cell.a, 1e-6);
    EXPECT_NEAR(back[0].cell.beta, crystal.cell.beta, 1e-5);
    EXPECT_EQ(back[0].group.number, crystal.group.number);
    EXPECT_EQ(back[0].group.operators.size(), crystal.group.operators.size());
    EXPECT_EQ(back[0].names.mineral, crystal.names.mineral);
    ASSERT_EQ(back[0].sites.size(), crystal.sites.size());
    for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
      EXPECT_EQ(back[0].sites[i].species, crystal.sites[i].species);
      EXPECT_NEAR(back[0].sites[i].position.x, crystal.sites[i].position.x, 1e-7);
      EXPECT_NEAR(back[0].sites[i].occupancy, crystal.sites[i].occupancy, 1e-6);
      EXPECT_EQ(back[0].sites[i].multiplicity, crystal.sites[i].multiplicity);
      ASSERT_EQ(back[0].sites[i].u_aniso.has_value(), crystal.sites[i].u_aniso.has_value());
    }
  }
}

TEST(CifText, HostileNamesStayNames) {
  xrd::Crystal crystal = xrd::read_crystal(cif_of("halite"));
  crystal.names.mineral = "it's\n_cell_length_a 99";
  crystal.name = "two words ;";
  crystal.sites[0].label = "_loop #'";
  std::vector<xrd::Crystal> back;
  xrd::read_cif_text(xrd::cif_text(crystal, {}, "x\n_cell_length_a 98"), "hostile",
                     {.crystal = [&](xrd::Crystal&& read) { back.push_back(std::move(read)); },
                      .rejected = [](const xrd::CifError& error) { FAIL() << error.what(); },
                      .warning = {}});
  ASSERT_EQ(back.size(), 1u);
  EXPECT_NEAR(back[0].cell.a, crystal.cell.a, 1e-6);
}

TEST(Mixture, FiguresAreWrittenWithTheirUncertainties) {
  EXPECT_EQ(with_uncertainty(4.759312, 0.00031), "4.7593(3)");
  EXPECT_EQ(with_uncertainty(4.759312, 0.00012), "4.75931(12)");
  EXPECT_EQ(with_uncertainty(0.1234, 0.0199), "0.12(2)");
  EXPECT_EQ(with_uncertainty(1234.5, 31), "1230(30)");
  EXPECT_EQ(with_uncertainty(120, 0), "120");
}

TEST(MixturePage, ARefusedPatternSaysWhy) {
  const Mixture refused{.file = "<a&b>.xy", .refused = "nothing rises & falls"};
  const std::string page = report::mixture_page({&refused, 1}, 3);
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_NE(page.find("refused: nothing rises &amp; falls"), std::string::npos);
  EXPECT_NE(page.find("The first 1 of 3 patterns"), std::string::npos);
}

}  // namespace
}  // namespace bragg::apps::tests
