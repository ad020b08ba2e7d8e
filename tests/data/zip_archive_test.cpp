#include "data/formats/zip_archive.h"

#include <random>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/data/format_samples.h"

namespace bragg::data {
namespace {

std::string fault(const std::string& bytes) {
  try {
    const ZipArchive archive(bytes, "a.zip");
    for (const ZipMember& member : archive.members())
      archive.read(member);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string sample() {
  return zip_of(
      {{"a.txt", "Aluminium Boron Carbon\n", true}, {"folder/b.txt", std::string(500, 'b'), false}});
}

std::string with(std::string bytes, std::size_t at, std::initializer_list<int> changed) {
  for (const int byte : changed)
    bytes.at(at++) = static_cast<char>(byte);
  return bytes;
}

TEST(ZipArchive, ReadsWhatIsStoredAndDeflated) {
  const std::string bytes = sample();
  const ZipArchive archive(bytes, "a.zip");
  ASSERT_EQ(archive.members().size(), 2u);
  ASSERT_NE(archive.find("folder/b.txt"), nullptr);
  EXPECT_EQ(archive.find("b.txt"), nullptr);
  EXPECT_EQ(archive.read(*archive.find("a.txt")), "Aluminium Boron Carbon\n");
  EXPECT_EQ(archive.read(archive.members()[1]), std::string(500, 'b'));
  EXPECT_EQ(zip_member_names(bytes), (std::vector<std::string>{"a.txt", "folder/b.txt"}));
  EXPECT_EQ(zip_member_names(bytes.substr(0, 100)), std::vector<std::string>{"a.txt"});
  EXPECT_TRUE(zip_member_names("no archive").empty());
}

TEST(ZipArchive, EveryPrefixIsAnError) {
  const std::string bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(fault(bytes.substr(0, size)), "") << size;
  EXPECT_NE(fault(bytes + "more"), "");
  EXPECT_NE(fault("before" + bytes), "");
}

TEST(ZipArchive, RefusesByName) {
  const std::string bytes = sample();
  const std::size_t end = bytes.size() - 22, directory = bytes.find("PK\x01\x02");
  EXPECT_NE(fault(with(with(bytes, 6, {1, 0}), directory + 8, {1, 0})).find("'a.txt' is encrypted"),
            std::string::npos);
  EXPECT_NE(fault(with(with(bytes, 8, {12, 0}), directory + 10, {12, 0})).find("method 12 (bzip2)"),
            std::string::npos);
  EXPECT_NE(fault(with(bytes, end + 16, {255, 255, 255, 255})).find("zip64"), std::string::npos);
  EXPECT_NE(fault(with(bytes, end + 4, {1, 0})).find("several disks"), std::string::npos);
  EXPECT_NE(fault(with(bytes, directory + 16, {1, 2, 3, 4})).find("says otherwise"), std::string::npos);
  EXPECT_NE(fault(with(bytes, 36, {0xff})).find("damaged"), std::string::npos);
  EXPECT_NE(fault(zip_of({{"a", "1"}, {"a", "2"}})).find("two members are named 'a'"), std::string::npos);
}

TEST(ZipArchive, RefusesMembersThatOverlap) {
  const std::string bytes = zip_of({{"a", "1111", false}, {"b", "1111", false}});
  const std::size_t second = bytes.find("PK\x01\x02", bytes.find("PK\x01\x02") + 1);
  // The second entry of the directory points to the first member, under the same name.
  std::string same = with(bytes, second + 42, {0, 0, 0, 0});
  same[second + 46] = 'a';
  EXPECT_NE(fault(same), "");
  // A first member that reaches over the second.
  const std::size_t first = bytes.find("PK\x01\x02");
  std::string longer = with(with(bytes, 18, {20, 0, 0, 0}), first + 20, {20, 0, 0, 0});
  longer = with(with(longer, 22, {20, 0, 0, 0}), first + 24, {20, 0, 0, 0});
  EXPECT_NE(fault(longer).find("overlaps"), std::string::npos) << fault(longer);
}

TEST(ZipArchive, BoundsWhatItUnpacks) {
  // Zeros pack 1000 to 1.
  EXPECT_NE(fault(zip_of({{"bomb", std::string(10'000'000, '\0')}})).find("at most 250 times"),
            std::string::npos);
  const std::string bytes = zip_of({{"a", std::string(1000, 'a'), true}});
  const std::size_t directory = bytes.find("PK\x01\x02");
  // The sizes that are said: more and fewer bytes than there are.
  for (const int size : {0, 1, 2}) {
    const std::string changed = with(with(bytes, 22, {size, 0}), directory + 24, {size, 0});
    EXPECT_NE(fault(changed).find("unpacks to more"), std::string::npos) << fault(changed);
  }
  EXPECT_NE(fault(with(with(bytes, 23, {5}), directory + 25, {5})).find("the directory says"),
            std::string::npos);
  EXPECT_NE(fault(with(with(bytes, 22, {0, 0, 0, 64}), directory + 24, {0, 0, 0, 64})).find("at most"),
            std::string::npos);
}

TEST(ZipArchive, MutantsAreReadAsTheyWereOrRefused) {
  const std::string bytes = sample();
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string mutant = bytes;
    mutant[random() % mutant.size()] = static_cast<char>(random() % 256);
    try {
      const ZipArchive archive(mutant, "a.zip");
      for (const ZipMember& member : archive.members())
        EXPECT_TRUE(member.name.size() < 100 && archive.read(member).size() == member.size);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace bragg::data
