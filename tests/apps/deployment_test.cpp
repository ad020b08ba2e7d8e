// What the program needs where it runs: as little as possible.
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

struct Output {
  int status;
  std::string text;
};

Output output_of(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::string text;
  std::array<char, 4096> part{};
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe))
    text.append(part.data(), n);
  return {pclose(pipe), text};
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Deployment, NeedsNothingButWhatEverySystemHas) {
  const std::set<std::string> allowed{"linux-vdso", "ld-linux-x86-64", "libc", "libm",
                                      "libstdc++",  "libgcc_s",        "libz"};
  const Output ldd = output_of("ldd '" BRAGG_BINARY "'");
  ASSERT_EQ(ldd.status, 0) << ldd.text;
  std::istringstream lines(ldd.text);
  int libraries = 0;
  for (std::string line; std::getline(lines, line); ++libraries) {
    std::string path = line.substr(line.find_first_not_of(" \t"));
    path = path.substr(0, path.find(' '));
    const std::string file = std::filesystem::path(path).filename().string();
    EXPECT_TRUE(allowed.contains(file.substr(0, file.find(".so")))) << line;
  }
  EXPECT_GT(libraries, 3);
}

// What the linker was asked for, by what readelf says of the program.
TEST(Deployment, IsHardenedAgainstFaultsOfMemory) {
  const auto readelf = [](const std::string& flags) {
    const Output out = output_of("readelf -W " + flags + " '" BRAGG_BINARY "'");
    EXPECT_EQ(out.status, 0) << out.text;
    return out.text;
  };
  const auto line_with = [](const std::string& text, const std::string& word) {
    const auto at = text.find(word);
    return at == std::string::npos ? std::string() : text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_NE(line_with(readelf("--file-header"), "Type:").find("DYN"), std::string::npos) << "not PIE";
  const std::string dynamic = line_with(readelf("--dynamic"), "(FLAGS_1)");
  EXPECT_NE(dynamic.find("NOW"), std::string::npos) << dynamic;
  EXPECT_NE(dynamic.find("PIE"), std::string::npos) << dynamic;
  const std::string segments = readelf("--program-headers");
  EXPECT_NE(segments.find("GNU_RELRO"), std::string::npos) << segments;
  const std::string stack = line_with(segments, "GNU_STACK");
  EXPECT_NE(stack.find(" RW "), std::string::npos) << "an executable stack: " << stack;
  const std::string symbols = readelf("--dyn-syms");
  EXPECT_NE(symbols.find("__stack_chk_fail"), std::string::npos) << "no stack protector";
#ifdef __OPTIMIZE__
  EXPECT_TRUE(symbols.find("__memcpy_chk") != std::string::npos ||
              symbols.find("__snprintf_chk") != std::string::npos ||
              symbols.find("__vsnprintf_chk") != std::string::npos)
      << "no _FORTIFY_SOURCE";
#endif
}

TEST(Deployment, IsUnder18MegabytesWithoutItsLibraryAndModelAnd45WithBoth) {
  std::uintmax_t most = 18'000'000;
#ifdef BRAGG_HAS_LIBRARY
  most += 14'000'000;
#endif
#ifdef BRAGG_HAS_MODEL
  most += 13'000'000;
#endif
  EXPECT_LE(std::filesystem::file_size(BRAGG_BINARY), most);
}
#endif

TEST(Deployment, RunsFromWhereItIsInstalled) {
  const TemporaryFolder folder;
  const Output install = output_of("'" BRAGG_CMAKE "' --install '" BRAGG_BUILD_DIR "' --prefix '" +
                                   folder.path().string() + "'");
  ASSERT_EQ(install.status, 0) << install.text;
  const std::filesystem::path program = folder.path() / "bin" / "bragg";
  const Output info = output_of("cd / && '" + program.string() + "' info");
  EXPECT_EQ(info.status, 0) << info.text;
  EXPECT_NE(info.text.find("backends"), std::string::npos) << info.text;
}

}  // namespace
}  // namespace bragg::tests
