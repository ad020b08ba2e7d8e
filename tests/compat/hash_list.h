// The hashes of hashes.tsv: bits that must stay as they are.
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace bragg::tests {

/// Whether this program was compiled as the list's were (its head says how): other compilers and sanitizers
/// contract and order floating-point operations in their own way.
bool is_compiled_as_the_list();

/// The hash listed for what was computed with an arithmetic (Backend::arithmetic()).
std::optional<std::string> listed_hash(const std::string& what, const std::string& arithmetic);

/// Fails where the list has another hash or none; prints the row that it would have.
::testing::AssertionResult is_listed(const std::string& what, const std::string& arithmetic,
                                     const std::string& hash);

/// 16 hexadecimal digits, as the list has them.
std::string hash_text(std::uint64_t hash);

}  // namespace bragg::tests

/// Skips the test in a program that was compiled otherwise than the list's.
#define BRAGG_COMPILED_AS_THE_LIST_OR_SKIP()      \
  if (!::bragg::tests::is_compiled_as_the_list()) \
  GTEST_SKIP() << "hashes.tsv is of another compiler or build type"
