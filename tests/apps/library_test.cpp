// `bragg library build | show` as scripts use them.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "data/library/built_in_library.h"
#include "kernels/base/atomic_file.h"
#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::caesium_chloride_cif;
using bragg::tests::lines;
using bragg::tests::project_file;
using bragg::tests::read_text;
using bragg::tests::rock_salt_cif;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;

class LibraryCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(path("some.cif"), rock_salt_cif("salt") + rock_salt_cif("salt_again", 5.645) +
                                     rock_salt_cif("salt_relaxed", 5.70) +
                                     caesium_chloride_cif("other", "P m -3 m"));
    write_file(path("facts.tsv"),
               "block\tkind\tknown\tsource\tsource_id\tcitation\tname\n"
               "salt\texp\t\tbook\t17\tA. Author, Salts (1950)\tHalite\n"
               "salt_again\texp\t\tbook\t18\t\t\n"
               "salt_relaxed\tdft\tIC\tcomputed\tc-1\t\t\n");
    write_file(path("sources.tsv"),
               "source\tentries\ttake\ttier\tkind\tentry\tparent\tname\tlicence_class\tterms\n"
               "book\t([0-9]+)\tyes\tpublished\t\tBook $1\t\tThe book\tcitation\tfree with citation\n"
               "computed\t\tyes\tpublished\tdft\t\t\tComputed\tattribution\tCC BY 4.0\n"
               "own\t\tyes\tpublished\t\t\t\tOwn\town\tApache-2.0\n");
    ASSERT_EQ(run_bragg({"crystals", "import", path("some.cif"), "-o", path("some.safetensors")}).code, 0);
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }
  RunResult build(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"library",
                                       "build",
                                       path("some.safetensors") + ":own",
                                       "--table",
                                       path("facts.tsv"),
                                       "--sources",
                                       path("sources.tsv"),
                                       "-o",
                                       path("some.bragg"),
                                       "--device",
                                       "reference"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_bragg(arguments);
  }

  bragg::tests::TemporaryFolder folder_;
};

TEST_F(LibraryCommand, BuildsWhatShowPrints) {
  const RunResult built = build({"--left-out", path("left_out.tsv")});
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_NE(built.err.find("2 structures in "), std::string::npos) << built.err;
  EXPECT_NE(built.err.find("2 experimental, 0 relaxed by DFT"), std::string::npos) << built.err;
  EXPECT_EQ(read_text(path("left_out.tsv")),
            "block\treason\tin_favour_of\n"
            "salt_again\tduplicate\tBook 17\n"
            "salt_relaxed\trelaxed cell of a measured structure\tBook 17\n");
  const RunResult all = run_bragg({"library", "show", "--library", path("some.bragg")});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_NE(all.out.find("2 structures, content "), std::string::npos) << all.out;
  EXPECT_NE(all.out.find("The book (citation: free with citation)"), std::string::npos) << all.out;
  const RunResult halite = run_bragg({"library", "show", "halite", "--library", path("some.bragg")});
  EXPECT_EQ(halite.code, 0) << halite.err;
  const auto rows = lines(halite.out);
  ASSERT_EQ(rows.size(), 2u) << halite.out;
  EXPECT_EQ(rows[0],
            "title\tformula\tspace_group\thm\ta\tb\tc\talpha\tbeta\tgamma\tkind\tsource\tentry\tcitation");
  EXPECT_EQ(rows[1],
            "Halite\tCl Na\t225\tF m -3 m\t5.6402\t5.6402\t5.6402\t90\t90\t90\texperimental\tThe book\tBook "
            "17\tA. Author, Salts (1950)");
  EXPECT_EQ(lines(run_bragg({"library", "show", "--table", "--library", path("some.bragg")}).out).size(), 3u);
}

TEST_F(LibraryCommand, LeavesOutWhatAListNames) {
  write_file(path("list.tsv"), "block\treason\nsalt\tnot to be passed on\nsalt_again\tlikewise\n");
  const RunResult built = build({"--without", path("list.tsv")});
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_NE(built.err.find("1 experimental, 1 relaxed by DFT"), std::string::npos) << built.err;
  EXPECT_EQ(run_bragg({"library", "show", "Book 17", "--library", path("some.bragg")}).code, 2);
}

TEST_F(LibraryCommand, SaysWhatIsWrong) {
  const auto error_of = [](const RunResult& run, int code) {
    EXPECT_EQ(run.code, code) << run.err;
    return run.err;
  };
  ASSERT_EQ(build().code, 0);
  EXPECT_NE(error_of(run_bragg({"library", "show", "halit", "--library", path("some.bragg")}), 2)
                .find("no structure is called halit; the nearest is Halite"),
            std::string::npos);
  EXPECT_NE(error_of(run_bragg({"library", "show", "--library", path("some.cif")}), 1).find("not a library"),
            std::string::npos);
  EXPECT_NE(error_of(run_bragg({"library", "build", path("none.safetensors"), "-o", path("x.bragg")}), 1)
                .find("none.safetensors"),
            std::string::npos);
  EXPECT_NE(error_of(build({"--table", path("some.cif")}), 2).find("some.cif"), std::string::npos);
  EXPECT_NE(error_of(build({"--without", path("sources.tsv")}), 2).find("sources.tsv"), std::string::npos);
  EXPECT_NE(
      error_of(run_bragg({"library", "build", path("some.safetensors") + ":", "-o", path("x.bragg")}), 2)
          .find("SET:SOURCE"),
      std::string::npos);
  // Nothing is left: no file is written.
  write_file(path("none.tsv"),
             "source\tentries\ttake\ttier\tkind\tentry\tparent\tname\tlicence_class\tterms\n");
  EXPECT_NE(error_of(run_bragg({"library", "build", path("some.safetensors"), "--sources", path("none.tsv"),
                                "-o", path("x.bragg")}),
                     1)
                .find("no structure is left"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("x.bragg")));
}

TEST(BuiltInLibrary, IsShownWithoutAFile) {
  const RunResult quartz = run_bragg({"library", "show", "quartz"});
  if (!data::built_in_library()) {
    EXPECT_EQ(quartz.code, 2);
    GTEST_SKIP() << "built without the library (BRAGG_LIBRARY=OFF)";
  }
  EXPECT_EQ(quartz.code, 0) << quartz.err;
  EXPECT_NE(quartz.out.find("Quartz\tO2 Si\t154\tP 32 2 1\t4.91344\t4.91344\t5.40512"), std::string::npos);
}

}  // namespace
}  // namespace bragg::apps::tests
