// Every fast backend against the reference, op by op: cpu with each instruction set of this machine, cuda in
// each precision. Inputs are rounded to the type that they are kept in before either sees them. A failure names
// the op as a call (OpRunner::ran) and the result.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

struct Case : DeviceCase {
  std::string op;  ///< of names_of_sums()
};
std::string name_of(const Case& c) {
  return tests::name_of(static_cast<const DeviceCase&>(c)) + "_" + c.op;
}
void PrintTo(const Case& c, std::ostream* out) {
  *out << name_of(c);
}

/// Unaligned, which every op must take, and aligned.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const DeviceOptions& device : devices_under_test())
    for (const std::string& op : names_of_sums()) {
      all.push_back({{device, 1}, op});
      // Elsewhere products are computed as they are where nothing is aligned.
      const bool is_product = op.starts_with("conv1d") || op.starts_with("dense");
      if (!is_product || device.precision == "bf16") all.push_back({{device, 8}, op});
    }
  return all;
}

class Sums : public ::testing::TestWithParam<Case>, protected BesideReference {
 protected:
  Sums() : BesideReference(GetParam()) {}

  bool is_rounded(const OperandInfo& info, const RunOptions& options) const {
    return bf16_ && (info.type == NumberType::element ||
                     (info.type == NumberType::element_or_precise && !options.precise));
  }
  /// A result as the device keeps it.
  Numbers stored(const OperandInfo& info, const RunOptions& options, Numbers values) const {
    if (is_rounded(info, options))
      for (double& x : values)
        x = to_float(to_bfloat16(static_cast<float>(x)));
    return values;
  }
  /// |error| <= (roundings u + what rounding the operands of products costs) sum|a||b|, and that of the type the
  /// result is kept in.
  Numbers bounds(const OpCase& one, const OperandInfo& info, Numbers sums_of_magnitudes,
                 const Numbers& expected) const {
    const Rounding rounding = rounding_of(one.op, info.name);
    const double relative = rounding.roundings * unit_roundoff + (rounding.of_products ? operands_ : 0);
    const double kept = is_rounded(info, one.options) ? 0x1p-8 : 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      double& bound = sums_of_magnitudes[i];
      bound *= relative;
      bound += kept * (std::fabs(expected[i]) + bound);
    }
    return sums_of_magnitudes;
  }

  /// Calls check(case, inputs, result's OperandInfo, what was got, what the reference makes).
  template <typename Check>
  void for_every_result(float dropout, Fill fill, const Check& check) {
    std::int64_t checked = 0;
    for (const OpCase& one : cases_of_sums(GetParam().op, dropout, is_emulated())) {
      if (fill == Fill::integers && !is_exact_on_integers(one)) continue;
      const Operands inputs = filled(one, fill, backend_->number_types());
      const Operands expected = expected_.run(one.op, inputs, one.options),
                     got = got_.run(one.op, inputs, one.options);
      for (const OperandShape& result : operands_of(one.op)) {
        if (result.info.role == Role::in) continue;
        SCOPED_TRACE(std::string(result.info.name) + " of " + got_.ran());
        check(one, inputs, result.info, got.at(result.info.name), expected.at(result.info.name));
        ++checked;
      }
    }
    EXPECT_GT(checked, 0);
  }

  /// Relative, of a product whose two operands are rounded on their way.
  const double operands_ = GetParam().device.precision == "tf32" ? 2 * 0x1.01p-11 : 0;
};

INSTANTIATE_TEST_SUITE_P(Devices, Sums, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(Sums, IsExactOnIntegers) {
  for_every_result(
      0.5f, Fill::integers,
      [&](const OpCase& one, const Operands&, const OperandInfo& info, const Numbers& got,
          const Numbers& expected) { EXPECT_TRUE(identical(got, stored(info, one.options, expected))); });
}

TEST_P(Sums, IsWithinItsBound) {
  for_every_result(0.3f, Fill::uniforms,
                   [&](const OpCase& one, const Operands& inputs, const OperandInfo& info, const Numbers& got,
                       const Numbers& expected) {
                     const Numbers sums =
                         expected_.run(one.op, magnitudes(inputs), one.options).at(info.name);
                     if (expected == Numbers(expected.size()))  // all dropped: nothing to compare but that
                       EXPECT_EQ(got, expected);
                     else
                       EXPECT_TRUE(within(got, expected, bounds(one, info, sums, expected)));
                   });
}

}  // namespace
}  // namespace bragg::tests
