// Files that are written whole or not at all, beside whatever else lies in the folder.
#include "kernels/base/atomic_file.h"

#include <fstream>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  std::string content(const std::string& name) const {
    std::ifstream file(at(name));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void put(const std::string& name, const std::string& text) const { std::ofstream(at(name)) << text; }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      all.insert(entry.path().filename().string());
    return all;
  }
  static mode_t mode(const fs::path& path) {
    struct stat status = {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  TemporaryFolder folder_;
};

TEST_F(AtomicFileTest, ReplacesAtCommitAlone) {
  put("a", "old");
  {
    AtomicFile file(at("a"));
    file.write("new");
    EXPECT_EQ(content("a"), "old");
  }
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
  write_file(at("a"), "new");
  EXPECT_EQ(content("a"), "new");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(AtomicFileTest, KeepsThePermissionsOfWhatItReplaces) {
  const mode_t mask = ::umask(022);
  write_file(at("new"), "x");
  EXPECT_EQ(mode(at("new")), 0644u);
  for (const mode_t kept : {0600u, 0640u, 0664u, 0444u}) {
    ::chmod(at("new").c_str(), kept);
    write_file(at("new"), "y");
    EXPECT_EQ(mode(at("new")), kept);
  }
  ::umask(mask);
}

TEST_F(AtomicFileTest, TwoWritersOfOneTargetDoNotMeet) {
  AtomicFile first(at("a")), second(at("a"));
  EXPECT_EQ(names().size(), 2u);
  first.write("first");
  second.write("second");
  first.commit();
  EXPECT_EQ(content("a"), "first");
  second.commit();
  EXPECT_EQ(content("a"), "second");
}

TEST_F(AtomicFileTest, RemovesWhatAProcessThatIsGoneLeftOfTheSameTarget) {
  put("a.0123456789abcdef.tmp", "half");
  put("b.0123456789abcdef.tmp", "another target's");
  put("a.0123456789abcdeX.tmp", "somebody else's");
  put("a.tmp", "somebody else's");
  write_file(at("a"), "whole");
  EXPECT_EQ(names(),
            (std::set<std::string>{"a", "a.0123456789abcdeX.tmp", "a.tmp", "b.0123456789abcdef.tmp"}));
}

TEST_F(AtomicFileTest, LeavesWhatALivingProcessWrites) {
  put("a.0123456789abcdef.tmp", "half");
  const int descriptor = ::open(at("a.0123456789abcdef.tmp").c_str(), O_WRONLY);
  ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
  write_file(at("a"), "whole");
  EXPECT_EQ(content("a.0123456789abcdef.tmp"), "half");
  ::close(descriptor);
}

// In a folder that others may write to, a link may lie wherever a name can be foreseen.
TEST_F(AtomicFileTest, FollowsNoLink) {
  put("victim", "untouched");
  fs::create_symlink(at("victim"), at("a.tmp" + std::to_string(::getpid())));
  fs::create_symlink(at("victim"), at("a.0123456789abcdef.tmp"));
  fs::create_symlink(at("victim"), at("a"));
  write_file(at("a"), "new");
  EXPECT_EQ(content("victim"), "untouched");
  EXPECT_EQ(content("a"), "new");
  EXPECT_FALSE(fs::is_symlink(at("a")));
}

TEST_F(AtomicFileTest, WhatCannotBeWrittenIsToldAndLeavesNothing) {
  fs::create_directory(at("folder"));
  put("folder/inside", "x");
  const auto error = [](const auto& call) {
    try {
      call();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error([&] { write_file(at("folder"), "x"); }),
            at("folder").string() + ": cannot replace: Is a directory");
  EXPECT_EQ(error([&] { write_file(at("nowhere/a"), "x"); }),
            at("nowhere/a").string() + ": cannot write: No such file or directory");
  EXPECT_EQ(error([&] { write_file(at(std::string(250, 'n')), "x"); }),
            at(std::string(250, 'n')).string() + ": cannot write: File name too long");
  EXPECT_EQ(names(), std::set<std::string>{"folder"});
}

}  // namespace
}  // namespace bragg::tests
