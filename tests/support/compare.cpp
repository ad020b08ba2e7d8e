#include "tests/support/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace bragg::tests {
namespace {

/// Prints, after every test that compared something, how much of the bounds it used.
class UsedShare final : public ::testing::EmptyTestEventListener {
 public:
  static UsedShare& instance() {
    static auto* share = [] {
      auto* listener = new UsedShare;  // owned by GoogleTest from here
      ::testing::UnitTest::GetInstance()->listeners().Append(listener);
      return listener;
    }();
    return *share;
  }

  void add(double used) {
    most_ = std::max(most_, used);
    ++comparisons_;
  }

 private:
  void OnTestEnd(const ::testing::TestInfo&) override {
    if (comparisons_ > 0)
      fmt::print("[   BOUND  ] {} comparisons used up to {:.1f} % of their bounds\n", comparisons_,
                 100 * most_);
    most_ = 0;
    comparisons_ = 0;
  }

  double most_ = 0;
  int comparisons_ = 0;
};

::testing::AssertionResult failure(const std::string& what) {
  return ::testing::AssertionFailure() << what;
}

}  // namespace

::testing::AssertionResult within(std::span<const double> got, std::span<const double> expected,
                                  std::span<const double> bounds) {
  if (got.size() != expected.size() || bounds.size() != expected.size()) {
    return failure(
        fmt::format("{} elements, {} expected, {} bounds", got.size(), expected.size(), bounds.size()));
  }
  double used = 0;
  std::size_t worst = 0, wrong = 0, first_wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::fabs(got[i] - expected[i]);
    const bool right = std::isfinite(got[i]) && error <= bounds[i];  // false for a NaN anywhere
    if (!right && wrong++ == 0) first_wrong = i;
    const double share = error == 0 ? 0 : error / bounds[i];
    if (right && share > used) {
      used = share;
      worst = i;
    }
  }
  if (wrong > 0) {
    const std::size_t i = first_wrong;
    return failure(
        fmt::format("{} of {} elements wrong, first at {}: {:.9g}, expected {:.9g} +- {:.3g}; the right ones "
                    "use up to {:.1f} % of their bound",
                    wrong, got.size(), i, got[i], expected[i], bounds[i], 100 * used));
  }
  if (!expected.empty() && std::all_of(expected.begin(), expected.end(), [](double x) { return x == 0; })) {
    return failure(fmt::format("mistrusted: all {} expected elements are zero", expected.size()));
  }
  UsedShare::instance().add(used);
  return ::testing::AssertionSuccess() << fmt::format("{} elements, {:.1f} % of the bound used (element {})",
                                                      got.size(), 100 * used, worst);
}

::testing::AssertionResult within(std::span<const double> got, std::span<const double> expected,
                                  double bound) {
  return within(got, expected, std::vector<double>(expected.size(), bound));
}

::testing::AssertionResult identical(std::span<const double> got, std::span<const double> expected) {
  if (got.size() != expected.size()) {
    return failure(fmt::format("{} elements, {} expected", got.size(), expected.size()));
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool same = std::bit_cast<std::uint64_t>(got[i]) == std::bit_cast<std::uint64_t>(expected[i]);
    if (!same || std::isnan(got[i])) {
      return failure(
          fmt::format("element {} of {}: {:.17g}, expected {:.17g}", i, got.size(), got[i], expected[i]));
    }
  }
  return ::testing::AssertionSuccess() << fmt::format("{} identical elements", got.size());
}

}  // namespace bragg::tests
