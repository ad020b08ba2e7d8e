// How a peer's way is chosen and held against bragg's result, with ways of known time and result.
#include "bench/kernels/peer_choice.h"

#include <limits>

#include <gtest/gtest.h>

#include "bench/kernels/dynamic_library.h"
#include "kernels/base/error.h"

namespace bragg::tests {
namespace {

using bench::Candidate;
using bench::Rows;

/// A backend on which an op takes as long as it says.
class PeerChoice : public ::testing::Test {
 protected:
  Candidate way(const std::string& what, int work) {
    return {what,
            [this, work] {
              for (int i = 0; i < work; ++i)
                backend->fill_zero(scratch.data(), scratch.bytes());
            },
            {}};
  }
  Rows rows(const std::vector<float>& numbers) {
    memory.push_back(backend->allocate(numbers.size() * sizeof(float)));
    backend->upload(numbers, Tensor{memory.back().data(), DType::f32});
    const auto length = static_cast<std::int64_t>(numbers.size());
    return {memory.back().data(), DType::f32, 1, length, length};
  }

  const std::unique_ptr<Backend> backend = make_backend({"cpu", 1, ""});
  Buffer scratch = backend->allocate(std::size_t{1} << 20);
  std::vector<Buffer> memory;
};

TEST_F(PeerChoice, fastest_is_the_one_with_least_work_of_those_that_run) {
  const Candidate refuses{"refuses", [] { throw Error("not here"); }, {}};
  EXPECT_EQ(
      bench::fastest(*backend, {way("slow", 1000), refuses, way("fast", 1), way("slow", 1000)}, [] {}).what,
      "fast");
}

TEST_F(PeerChoice, refusal_of_all_is_told) {
  const Candidate refuses{"refuses", [] { throw Error("not here"); }, {}};
  try {
    bench::fastest(*backend, {refuses}, [] {});
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "not here");
  }
  EXPECT_THROW(bench::fastest(*backend, {}, [] {}), Error);
}

TEST_F(PeerChoice, results_that_differ_are_refused) {
  bench::Product product{DenseProblem{1, 1, 3}, bench::Pass::forward, {}, {}, rows({0, 0, 0}), {}, {}};
  std::vector<bool> asked;
  product.plain = [&](bool bias_and_relu) {
    asked.push_back(bias_and_relu);
    backend->upload(std::vector<float>{1, 2, 3}, Tensor{product.dst.data, DType::f32});
  };
  const auto of = [&](const std::vector<float>& numbers, bool bias_and_relu) {
    return Candidate{"theirs", [] {}, rows(numbers), bias_and_relu};
  };
  EXPECT_NO_THROW(bench::require_agreement(*backend, product, of({1, 2, 3.001f}, false), 0.01));
  EXPECT_THROW(bench::require_agreement(*backend, product, of({1, 2, 3.2f}, true), 0.01), Error);
  EXPECT_EQ(asked, (std::vector<bool>{false, true}));
}

TEST(Disagreement, is_of_the_number_and_the_root_mean_square) {
  const std::vector<float> expected{3, -4, 0, 5};  // root mean square 50^0.5 / 2
  EXPECT_EQ(bench::disagreement(expected, expected), 0);
  EXPECT_NEAR(bench::disagreement(std::vector<float>{3, -4, 1, 5}, expected), 1 / 3.5355339, 1e-6);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(bench::disagreement(std::vector<float>{3, -4, 0}, expected), infinity);
  EXPECT_EQ(
      bench::disagreement(std::vector<float>{3, -4, std::numeric_limits<float>::quiet_NaN(), 5}, expected),
      infinity);
}

TEST(Rows, go_up_and_down_without_what_lies_between_them) {
  const auto backend = make_backend({"cpu", 1, ""});
  const Buffer memory = backend->allocate(7 * sizeof(float));
  backend->upload(std::vector<float>(7, 9), Tensor{memory.data(), DType::f32});
  const Rows rows{memory.data(), DType::f32, 2, 3, 4};
  bench::upload(*backend, {1, 2, 3, 4, 5, 6}, rows);
  EXPECT_EQ(bench::download(*backend, rows), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  std::vector<float> all(7);
  backend->download(ConstTensor{memory.data(), DType::f32}, all);
  EXPECT_EQ(all, (std::vector<float>{1, 2, 3, 9, 4, 5, 6}));
}

TEST(DynamicLibrary, finds_a_function_or_says_what_is_missing) {
  const bench::DynamicLibrary library({"no_such_library.so", "libm.so.6"}, {"/no/such/folder"});
  double (*root)(double) = nullptr;
  library.find("sqrt", root);
  EXPECT_EQ(root(4.0), 2.0);
  EXPECT_NE(library.path().find("libm.so.6"), std::string::npos);
  EXPECT_THROW(library.find("no_such_function", root), Error);
  try {
    const bench::DynamicLibrary missing({"no_such_library.so"}, {});
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("no_such_library.so"), std::string::npos);
  }
}

TEST(DirectoriesOf, leaves_out_empty_parts) {
  EXPECT_EQ(bench::directories_of(":/a::/b:"), (std::vector<std::string>{"/a", "/b"}));
}

}  // namespace
}  // namespace bragg::tests
