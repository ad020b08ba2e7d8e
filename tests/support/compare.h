// The only comparison code of the tests: element by element, NaN fails, the bound derived, its used share
// printed.
#pragma once

#include <span>
#include <string>

#include <gtest/gtest.h>

namespace bragg::tests {

/// Fails on the first element with !(|got - expected| <= bound), or where `got` is not finite; names its
/// index. `bounds` has one value per element. On success records the largest used share of the bound (printed
/// on failure of any). Fails as mistrusted where all of `expected` is zero: such a comparison proves nothing.
::testing::AssertionResult within(std::span<const double> got, std::span<const double> expected,
                                  std::span<const double> bounds);
/// The same with one bound for all.
::testing::AssertionResult within(std::span<const double> got, std::span<const double> expected,
                                  double bound);
/// Bit for bit (float and double alike; NaN fails).
::testing::AssertionResult identical(std::span<const double> got, std::span<const double> expected);

}  // namespace bragg::tests
