// What a command writes must not be what it reads, nor twice the same file.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/apps/run_bragg.h"
#include "tests/apps/train_fixture.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class OutputPaths : public TrainFixture {
 protected:
  std::string at(const std::string& name) const { return (folder / name).string(); }

  void refuses(const std::vector<std::string>& arguments, const std::string& words) const {
    const auto before = contents(".");
    const RunResult run = run_bragg(arguments);
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_NE(run.err.find(words), std::string::npos) << run.err;
    EXPECT_EQ(contents("."), before);
  }
};

TEST_F(OutputPaths, TwoResultsInOneFileAreRefused) {
  const std::string set = at("salts.safetensors"), a = at("a.safetensors");
  fs::create_directory_symlink(folder.path(), folder / "link");
  for (const std::string& same : {a, at("./a.safetensors"), at("link/a.safetensors")}) {
    refuses({"crystals", "split", set, "--held-out", a, "--rest", same}, "are the same file");
    refuses({"crystals", "import", at("."), "-o", a, "--rejected", same}, "are the same file");
    refuses({"evaluate", set, set, "--json", a, "--report", same}, "--json");
  }
}

TEST_F(OutputPaths, AResultInPlaceOfWhatIsReadIsRefused) {
  const std::string set = at("salts.safetensors");
  fs::create_hard_link(folder / "salts.safetensors", folder / "other.safetensors");
  for (const std::string& same : {set, at("./salts.safetensors"), at("other.safetensors")}) {
    refuses({"simulate", set, "-o", same}, "which is read");
    refuses({"evaluate", at("m.safetensors"), set, "--json", same}, "would replace PATTERNS");
    refuses({"crystals", "split", set, "--held-out", same, "--rest", at("rest.safetensors")},
            "would replace SET");
    refuses({"crystals", "generate", "3", "--like", set, "-o", same}, "would replace --like");
  }
}

TEST_F(OutputPaths, ASplitThatSplitsNothingIsRefused) {
  const std::string set = at("salts.safetensors");
  for (const char* share : {"0.000001", "0.999999"})
    refuses({"crystals", "split", set, "--holdout", share, "--held-out", at("h.safetensors"), "--rest",
             at("r.safetensors")},
            "of the 17 crystals");
}

}  // namespace
}  // namespace bragg::tests
