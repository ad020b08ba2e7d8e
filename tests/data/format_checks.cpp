#include "tests/data/format_checks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "data/formats/scan_pattern.h"

namespace bragg::data::tests {

std::vector<Scan> read_as(const Format& format, const std::string& bytes) {
  ReadScans read = format.read({bytes, "test"});
  for (Scan& scan : read.scans)
    scan.warnings.insert(scan.warnings.end(), read.warnings.begin(), read.warnings.end());
  return std::move(read.scans);
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

namespace {

/// One that no scan of the whole file has: what is always said tells nothing.
bool has_new_warning(const Scan& scan, const std::vector<ChosenScan>& whole) {
  const auto is_old = [&](const std::string& warning) {
    return std::any_of(whole.begin(), whole.end(), [&](const ChosenScan& one) {
      const auto& old = one.scan.warnings;
      return std::find(old.begin(), old.end(), warning) != old.end();
    });
  };
  return !std::all_of(scan.warnings.begin(), scan.warnings.end(), is_old);
}

}  // namespace

void expect_no_silent_prefix(const Format& format, const std::string& bytes, std::size_t step,
                             std::size_t whole) {
  const std::vector<ChosenScan> all = choose_scans(format.read({bytes, "test"}), std::nullopt);
  std::size_t read = 0;
  for (std::size_t size = 0; size < std::min(bytes.size(), whole); size += step) {
    const std::string prefix = bytes.substr(0, size);
    if (!format.looks_like(prefix)) continue;
    try {
      for (const ChosenScan& chosen : choose_scans(format.read({prefix, "test"}), std::nullopt))
        EXPECT_TRUE(has_new_warning(chosen.scan, all))
            << format.name << ": a silent part, " << size << " of " << bytes.size() << " bytes";
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
