// The cache of the search: what is kept, what is thrown away, and that no fault of it is one of the search.
#include "data/search/search_cache.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/data/search_fixture.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class SearchCacheTest : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 1, ""});
  const data::SearchLibrary library_ = library_of(searched_crystals());

  data::SearchCache cache(const std::string& name = "cache") const { return {.folder = folder_ / name}; }
  data::SearchIndex index(const data::SearchCache& cache) const { return {*backend_, library_, cache, 1}; }
  std::vector<data::SearchMatch> found(const data::SearchIndex& index) const {
    const data::MeasuredPattern pattern = pattern_of(*backend_, searched_crystals()[3]);
    const data::SearchPattern one{&pattern, copper_k_alpha};
    return data::search(*backend_, index, {&one, 1}).front();
  }
  static std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder))
      files.push_back(entry.path());
    return files;
  }
};

TEST_F(SearchCacheTest, IsReadAsItWasWritten) {
  const data::SearchIndex computed = index(cache()), read = index(cache());
  EXPECT_FALSE(computed.came_from_cache());
  EXPECT_EQ(computed.not_cached_because(), "");
  EXPECT_TRUE(read.came_from_cache());
  ASSERT_EQ(files_in(folder_ / "cache").size(), 1u);
  const auto expected = found(computed), got = found(read);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].structure, expected[i].structure);
    EXPECT_EQ(got[i].similarity, expected[i].similarity);
  }
  for (std::int64_t i = 0; i < read.size(); ++i)
    EXPECT_EQ(read.elements(i), computed.elements(i));
}

TEST_F(SearchCacheTest, OtherStructuresAreAnotherFile) {
  index(cache());
  std::vector<xrd::Crystal> other = searched_crystals();
  other[4].cell.a += 1e-9;
  const data::SearchIndex moved(*backend_, library_of(other), cache());
  EXPECT_FALSE(moved.came_from_cache());
  EXPECT_EQ(files_in(folder_ / "cache").size(), 2u);
  other = searched_crystals();
  other[4].name = "called otherwise";
  EXPECT_TRUE(data::SearchIndex(*backend_, library_of(other), cache()).came_from_cache());
}

TEST_F(SearchCacheTest, ADamagedFileIsComputedAnew) {
  index(cache());
  const fs::path file = files_in(folder_ / "cache").front();
  const std::string whole = read_text(file);
  for (const std::string& damaged :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("not at all") + whole.substr(10)}) {
    write_text(file, damaged);
    EXPECT_FALSE(index(cache()).came_from_cache());
    EXPECT_EQ(read_text(file), whole);
  }
  EXPECT_TRUE(index(cache()).came_from_cache());
}

TEST_F(SearchCacheTest, AFolderThatCannotBeIsNoFailure) {
  write_text(folder_ / "file", "");
  const data::SearchIndex computed = index(cache("file"));
  EXPECT_FALSE(computed.came_from_cache());
  EXPECT_NE(computed.not_cached_because().find((folder_ / "file").string()), std::string::npos);
  EXPECT_FALSE(found(computed).empty());
}

TEST_F(SearchCacheTest, SwitchedOffItLeavesNothing) {
  data::SearchCache off = cache();
  off.enabled = false;
  EXPECT_FALSE(index(off).came_from_cache());
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
  EXPECT_TRUE(data::cached_file(off, "key").empty());
}

TEST_F(SearchCacheTest, IsBounded) {
  data::SearchCache small = cache();
  small.most_bytes = 1000;
  const data::SearchIndex computed = index(small);
  EXPECT_NE(computed.not_cached_because().find("do not fit into the cache of 1000"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "cache") && !files_in(folder_ / "cache").empty());

  small.most_bytes = 250;
  fs::create_directories(small.folder);
  const auto now = fs::file_time_type::clock::now();
  for (const auto& [name, minutes] : {std::pair{"old", 30}, {"older", 60}, {"new", 1}}) {
    const fs::path file = data::cached_file(small, name);
    write_text(file, std::string(100, 'x'));
    fs::last_write_time(file, now - std::chrono::minutes(minutes));
  }
  write_text(small.folder / "somebody-elses", std::string(500, 'x'));
  data::mark_used(data::cached_file(small, "older"));
  EXPECT_TRUE(data::make_room(small, 100));
  EXPECT_FALSE(fs::exists(data::cached_file(small, "old")));
  EXPECT_FALSE(fs::exists(data::cached_file(small, "new")));
  EXPECT_TRUE(fs::exists(data::cached_file(small, "older")));
  EXPECT_TRUE(fs::exists(small.folder / "somebody-elses"));
  EXPECT_FALSE(data::make_room(small, 251));
}

/// A variable of the environment for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value)
      : name_(name), before_(std::getenv(name) ? std::getenv(name) : "") {
    ::setenv(name, value, 1);
  }
  ~Variable() { ::setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

TEST_F(SearchCacheTest, LiesWhereTheUsersCachesAre) {
  const Variable home("HOME", "/home/somebody");
  {
    const Variable xdg("XDG_CACHE_HOME", "/var/caches");
    EXPECT_EQ(data::folder_of({}), "/var/caches/bragg");
  }
  const Variable relative("XDG_CACHE_HOME", "caches");  // which the standard says to ignore
  EXPECT_EQ(data::folder_of({}), "/home/somebody/.cache/bragg");
  const Variable nowhere("HOME", "");
  EXPECT_TRUE(data::folder_of({}).empty());
}

}  // namespace
}  // namespace bragg::tests
