// What the other tests lean on: the runner notices an op that writes where it may not or reads what it may not,
// and says which call it was.
#include "tests/kernels/op_runner.h"

#include <functional>
#include <stdexcept>

#include <gtest/gtest.h>

#include "kernels/crystal/reflection_problem.h"
#include "kernels/host_backend.h"

namespace bragg::tests {
namespace {

/// Adds without care; has no other op.
class Careless final : public HostBackend<Careless> {
 public:
  std::string name() const override { return "careless"; }
  std::string description() const override { return "careless device"; }
  std::string arithmetic() const override { return "careless"; }
  DType element_type() const override { return DType::f32; }

  std::function<void(const AddForward&)> then = [](const AddForward&) {};

  void run_op(const AddForward& op) {
    for (std::int64_t n = 0; n < op.problem.N; ++n)
      for (std::int64_t i = 0; i < op.problem.L * op.problem.C; ++i)
        op.dst.item<float>(n)[i] = op.a.item<float>(n)[i] + op.b.item<float>(n)[i];
    then(op);
  }
  template <IsOp O>
  void run_op(const O&) {
    throw std::logic_error(O::name);
  }

 private:
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override { return {}; }
};

class OpRunnerTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  static constexpr AddProblem problem{.N = 2, .L = 3, .C = 2};
  const AddForward op_{.problem = problem};
  const Operands inputs_{{"a", integers(12, 1)}, {"b", integers(12, 2)}};
  const std::string begin_ = std::string("add_forward N 2 L 3 C 2 on careless device, ") +
                             (GetParam() == 1 ? "at odd addresses" : "aligned to 8") + ", step 9: ";
  Careless backend_;
  OpRunner run_{backend_, GetParam()};

  std::string error_of(const Operands& inputs) {
    try {
      run_.run(op_, inputs, {.step = 9});
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "no error";
  }
  void expect_error_after(const std::function<void(const AddForward&)>& fault, const std::string& what) {
    backend_.then = fault;
    const std::string error = error_of(inputs_);
    EXPECT_TRUE(error.starts_with(begin_ + what)) << error;
  }
};

INSTANTIATE_TEST_SUITE_P(Alignments, OpRunnerTest, ::testing::Values(1, 8));

TEST_P(OpRunnerTest, GivesResultsByName) {
  const Operands got = run_.run(op_, inputs_, {.step = 9});
  ASSERT_EQ(got.size(), 1u);
  Numbers expected(12);
  for (std::size_t i = 0; i < 12; ++i)
    expected[i] = inputs_.at("a")[i] + inputs_.at("b")[i];
  EXPECT_EQ(got.at("dst"), expected);
}

TEST_P(OpRunnerTest, LaysItsOperandsOutAsItSays) {
  backend_.then = [](const AddForward& op) {
    const auto address = reinterpret_cast<std::uintptr_t>(op.a.data);
    EXPECT_EQ(address % (8 * sizeof(float)) == 0, GetParam() == 8);
    EXPECT_EQ(op.a.item_stride % 8 == 0, GetParam() == 8);
    EXPECT_NE(op.a.item_stride, op.b.item_stride);
  };
  run_.run(op_, inputs_);
}

TEST_P(OpRunnerTest, NoticesWhatIsOverwritten) {
  expect_error_after(
      [](const AddForward& op) { op.dst.item<float>(1)[6] = 1; },
      "dst: element " + std::string(GetParam() == 1 ? "17" : "54") + " was overwritten: 1 was 1.9");
  expect_error_after([](const AddForward& op) { op.dst.item<float>(0)[6] = 1; },
                     "dst: element 6 was overwritten: 1 was ");  // between items
  expect_error_after([](const AddForward& op) { op.dst.item<float>(0)[-1] = 1; },
                     "dst: element -1 was overwritten: 1 was ");
  expect_error_after([](const AddForward& op) { const_cast<float*>(op.a.item<float>(0))[0] = 99; },
                     "a: element 0 was overwritten: 99 was ");
}

TEST_P(OpRunnerTest, SpoilsWhatReadsBetweenItems) {
  backend_.then = [](const AddForward& op) { op.dst.item<float>(0)[0] = op.a.item<float>(0)[6] * 0x1p-90f; };
  EXPECT_GT(run_.run(op_, inputs_).at("dst")[0], 100);
}

TEST_P(OpRunnerTest, SaysWhatItWasGivenInVain) {
  const auto expect_end = [&](const Operands& inputs, const std::string& end) {
    const std::string error = error_of(inputs);
    EXPECT_TRUE(error.starts_with("add_forward N 2 L 3 C 2")) << error;
    EXPECT_TRUE(error.ends_with(end)) << error;
  };
  expect_end({{"a", integers(12, 1)}, {"b", integers(11, 2)}}, "step 9: b: 11 numbers, 12 expected");
  expect_end({{"b", integers(12, 2)}}, "step 9: a: no numbers, 12 expected");
  expect_end({{"a", integers(12, 1)}, {"src", integers(12, 2)}}, "step 9: src: no operand of it");
}

}  // namespace
}  // namespace bragg::tests
