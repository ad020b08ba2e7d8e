// bragg simulate from outside: the physics that its lists and patterns state.
#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/safetensors.h"
#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

using nlohmann::json;

// On by default in lists, whatever the default recipe; drawn patterns follow their recipe; off by the flag.
TEST(Simulate, AnomalousDispersionIsSaid) {
  const TemporaryFolder folder;
  std::string cif = rock_salt_cif("oxide", 4.2612);
  for (const auto& [from, to] : {std::pair{"Na1+", "Co"}, {"Cl1-", "O"}}) {
    for (std::size_t at; (at = cif.find(from)) != std::string::npos;)
      cif.replace(at, 4, to);
  }
  write_text(folder / "oxide.cif", cif);
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"simulate", folder / "oxide.cif"});
    const RunResult result = run_bragg(more);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  const auto of_111 = [&](std::vector<std::string> more) {
    more.push_back("--json");
    const json list = json::parse(run(more));
    for (const json& r : list["reflections"]) {
      if (r["hkl"] == json{1, 1, 1}) return r["intensity"].get<double>();
    }
    return 0.0;
  };
  for (const char* list : {"--peaks", "--reflections"}) {
    EXPECT_NEAR(of_111({list}), 64.25, 0.1);
    EXPECT_NEAR(of_111({list, "--no-anomalous"}), 71.0, 0.1);
  }
  EXPECT_NE(of_111({"--peaks", "--wavelength", "CoKa"}), of_111({"--peaks", "--wavelength", "1.6"}));
  EXPECT_NE(run({"--peaks"}).find("# anomalous dispersion: f', f'' at 1.54184 A\n"), std::string::npos);
  EXPECT_NE(run({"--peaks", "--no-anomalous"}).find("# anomalous dispersion: none\n"), std::string::npos);
  EXPECT_EQ(run({"--peaks"}).find("Waasmaier"), std::string::npos);
  EXPECT_NE(run({"--peaks", "--wavelength", "0.4", "--range", "5", "120"}).find("beyond, Waasmaier"),
            std::string::npos);

  const std::vector<std::string> few{"--range", "30", "50", "--step", "0.1"};
  const auto pattern = [&](std::vector<std::string> more) {
    more.insert(more.end(), few.begin(), few.end());
    return run(more);
  };
  EXPECT_EQ(pattern({}), pattern({"--no-anomalous"}));
  EXPECT_NE(pattern({}).find("anomalous dispersion none\n"), std::string::npos);
  const std::string realistic = pattern({"--recipe", "realistic"}),
                    without = pattern({"--recipe", "realistic", "--no-anomalous"});
  EXPECT_NE(realistic.find("anomalous dispersion f', f'' at 1.54184 A\n"), std::string::npos);
  EXPECT_NE(without.find("anomalous dispersion none\n"), std::string::npos);
  EXPECT_NE(realistic.substr(realistic.find('\n')), without.substr(without.find('\n')));
  run({"--recipe", "realistic", "-o", folder / "with.safetensors"});
  run({"-o", folder / "without.safetensors"});
  EXPECT_EQ(SafetensorsFile(folder / "with.safetensors").metadata("anomalous"), "f', f'' at 1.54184 A");
  EXPECT_EQ(SafetensorsFile(folder / "without.safetensors").metadata("anomalous"), "none");

  // A recipe without the key means none, whatever its name.
  const std::string shown = run_bragg({"recipe", "show", "realistic"}).out;
  EXPECT_NE(shown.find("\nanomalous = true"), std::string::npos) << shown;
  std::string old = shown;
  old.erase(old.find("anomalous = true"),
            old.find('\n', old.find("anomalous = true")) + 1 - old.find("anomalous = true"));
  write_text(folder / "old.toml", old);
  EXPECT_EQ(pattern({"--recipe", folder / "old.toml"}), without);
}

TEST(Simulate, ElementsWithoutDispersionAreSaid) {
  const TemporaryFolder folder;
  std::string cif = rock_salt_cif("hydride");
  for (std::size_t at; (at = cif.find("Cl1-")) != std::string::npos;)
    cif.replace(at, 4, "H");
  write_text(folder / "hydride.cif", cif);
  EXPECT_NE(run_bragg({"simulate", folder / "hydride.cif", "--peaks"})
                .out.find("f', f'' at 1.54184 A; outside the table, 0: H\n"),
            std::string::npos);
}

TEST(Simulate, ALineStraightBack) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  for (const char* list : {"--peaks", "--reflections"}) {
    const RunResult result = run_bragg({"simulate", folder / "salt.cif", list, "--wavelength", "2.8201",
                                        "--range", "5", "180"});  // twice the d of 400
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out.find("nan"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("180.0000"), std::string::npos) << result.out;
    double strongest = 0;
    for (const std::string& line : lines(result.out)) {
      std::istringstream in(line);
      double h, k, l, m, d, f2, two_theta, intensity;
      if (line.starts_with("#") || !(in >> h >> k >> l >> m >> d >> f2 >> two_theta >> intensity)) continue;
      if (two_theta < 170) strongest = std::max(strongest, intensity);
    }
    EXPECT_GT(strongest, 1) << result.out;
  }
}

}  // namespace
}  // namespace bragg::tests
