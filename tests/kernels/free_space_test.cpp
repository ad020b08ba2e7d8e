#include "kernels/base/free_space.h"

#include <functional>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(FreeSpace, SizesAreReadable) {
  EXPECT_EQ(readable_bytes(12), "12 bytes");
  EXPECT_EQ(readable_bytes(999), "999 bytes");
  EXPECT_EQ(readable_bytes(1000), "1 kB");
  EXPECT_EQ(readable_bytes(999'900), "1 MB");
  EXPECT_EQ(readable_bytes(12.34e12), "12.3 TB");
}

TEST(FreeSpace, WhatDoesNotFitIsRefusedWithBothSizes) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { require_disk(folder / "set", 1000, "a set"); }), "");
  EXPECT_EQ(error_of([&] { require_disk("set", 1000, "a set"); }), "");
  const std::string disk = error_of([&] { require_disk(folder / "set", 4e20, "a set"); });
  EXPECT_NE(disk.find("set: a set would take 400 EB, "), std::string::npos) << disk;
  EXPECT_TRUE(disk.ends_with(" are free")) << disk;
  EXPECT_EQ(error_of([&] { require_disk(folder / "absent/set", 4e20, "a set"); }), "")
      << "that the folder is absent is the writer's to say";
  EXPECT_EQ(error_of([] { require_memory(1000, "a set"); }), "");
  const std::string memory = error_of([] { require_memory(4e20, "a set"); });
  EXPECT_TRUE(memory.starts_with("a set would take 400 EB of memory, ")) << memory;
}

}  // namespace
}  // namespace bragg::tests
