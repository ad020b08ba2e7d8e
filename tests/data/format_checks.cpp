#include "tests/data/format_checks.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

namespace bragg::data::tests {

std::vector<Scan> read_as(const Format& format, const std::string& bytes) {
  return format.read({bytes, "test"});
}

std::string refusal_of(const Format& format, const std::string& bytes) {
  try {
    read_as(format, bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

bool is_refused_by_name(const Format& format, const std::string& bytes) {
  try {
    read_as(format, bytes);
  } catch (const FormatRefused&) {
    return true;
  } catch (const Error&) {
    return false;
  }
  return false;
}

void expect_no_silent_prefix(const Format& format, const std::string& bytes, std::size_t step,
                             std::size_t whole) {
  std::size_t read = 0;
  for (std::size_t size = 0; size < std::min(bytes.size(), whole); size += step) {
    const std::string prefix = bytes.substr(0, size);
    if (!format.looks_like(prefix)) continue;
    try {
      std::size_t warnings = 0;
      for (const Scan& scan : read_as(format, prefix))
        warnings += scan.warnings.size() + scan.radiation.warnings.size();
      EXPECT_GT(warnings, 0) << format.name << ": a silent part, " << size << " of " << bytes.size()
                             << " bytes";
    } catch (const Error& error) {
      EXPECT_STRNE(error.what(), "");
    }
    ++read;
  }
  EXPECT_GT(read, 0) << "no prefix looks like " << format.name;
}

void expect_answer_for_mutants(const Format& format, const std::string& bytes, int mutants) {
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto draw = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % std::max<std::size_t>(below, 1);
  };
  for (int m = 0; m < mutants; ++m) {
    std::string mutant = bytes;
    for (std::size_t change = 0; change <= draw(4); ++change) {
      const std::size_t at = draw(draw(2) ? mutant.size() : std::min<std::size_t>(mutant.size(), 1200));
      switch (draw(4)) {
        case 0:
          mutant[at] = static_cast<char>(draw(256));
          break;
        case 1:
          mutant.erase(at, 1 + draw(9));
          break;
        case 2:
          mutant.insert(at, mutant.substr(draw(mutant.size()), draw(40)));
          break;
        default:
          mutant.replace(at, 1, "9");
          break;
      }
      if (mutant.empty()) mutant = "0";
    }
    try {
      for (const Scan& scan : read_as(format, mutant)) {
        ASSERT_EQ(scan.x.size(), scan.intensity.size());
        ASSERT_GE(scan.x.size(), 2);
        for (const double y : scan.intensity)
          ASSERT_TRUE(std::isfinite(y));
      }
    } catch (const Error& error) {
      ASSERT_STRNE(error.what(), "");
    }
  }
}

}  // namespace bragg::data::tests
