// The passes of layers as BLAS products, computed by a loop over BLAS's definition and held against the
// reference: leading dimensions, strides of the batch, halos, and that nothing outside the memory is touched.
#include "bench/kernels/gemm.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "bench/kernels/layers.h"
#include "tests/kernels/op_runner.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

using bench::Gemm;
using bench::GemmOperand;
using bench::Pass;
using bench::PhaseSplit;

std::unique_ptr<Backend> reference() {
  return make_backend({"reference", 1, ""});
}

/// op(X)(i, j) of product b.
std::size_t element(const GemmOperand& x, std::int64_t b, std::int64_t i, std::int64_t j) {
  return static_cast<std::size_t>(b * x.batch_stride + (x.transposed ? i * x.ld + j : j * x.ld + i));
}

/// By the definition; throws where an operand is left. How often each element of D was written is counted.
void run(const Gemm& g, const Numbers& a, std::int64_t a_at, const Numbers& b, std::int64_t b_at, Numbers& d,
         std::int64_t d_at, std::vector<int>& writes) {
  const auto A = static_cast<std::size_t>(a_at), B = static_cast<std::size_t>(b_at),
             D = static_cast<std::size_t>(d_at);
  writes.resize(d.size());
  for (std::int64_t batch = 0; batch < g.batch; ++batch) {
    for (std::int64_t i = 0; i < g.m; ++i) {
      for (std::int64_t j = 0; j < g.n; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < g.k; ++k)
          sum += a.at(A + element(g.a, batch, i, k)) * b.at(B + element(g.b, batch, k, j));
        d.at(D + element(g.d, batch, i, j)) = sum;
        ++writes.at(D + element(g.d, batch, i, j));
      }
    }
  }
}

/// Rows of a packed matrix, `stride` apart, after `front` elements; zeros elsewhere, `size` elements at
/// least.
Numbers spread(const Numbers& packed, std::int64_t rows, std::int64_t stride, std::int64_t front = 0,
               std::int64_t size = 0) {
  const auto length = static_cast<std::ptrdiff_t>(packed.size()) / rows;
  Numbers result(static_cast<std::size_t>(std::max(size, front + rows * stride)));
  for (std::ptrdiff_t i = 0; i < rows; ++i)
    std::copy_n(packed.begin() + i * length, length, result.begin() + front + i * stride);
  return result;
}

Numbers gathered(const Numbers& from, std::int64_t rows, std::int64_t length, std::int64_t stride,
                 std::int64_t front = 0) {
  Numbers result;
  for (std::ptrdiff_t i = 0; i < rows; ++i)
    result.insert(result.end(), from.begin() + front + i * stride,
                  from.begin() + front + i * stride + length);
  return result;
}

const std::vector<Conv1dProblem>& convolutions() {
  // N, L_in, C_in, C_out, kernel, stride: no multiple anywhere; stride 1; kernel < stride; kernel = stride;
  // one output; as the models' layers, small
  static const std::vector<Conv1dProblem> all{
      {3, 29, 3, 4, 7, 3}, {2, 11, 2, 3, 4, 1},   {2, 17, 2, 3, 2, 5},  {4, 12, 1, 2, 3, 3},
      {1, 7, 2, 2, 7, 2},  {2, 157, 3, 2, 25, 2}, {2, 84, 2, 3, 50, 5}, {3, 140, 1, 2, 100, 5}};
  return all;
}

class PhaseSplitTest : public ::testing::TestWithParam<Conv1dProblem> {
 protected:
  const Conv1dProblem p = GetParam();
  const std::int64_t K = p.kernel * p.C_in;
  const PhaseSplit split{p};
  const std::unique_ptr<Backend> backend = reference();
  OpRunner runner{*backend};
  const Numbers src = integers(p.N * p.L_in * p.C_in, 1), weights = integers(p.C_out * K, 2),
                diff_dst = integers(p.N * p.L_out() * p.C_out, 3);

  Numbers own_src() const { return spread(src, p.N, split.src_item_stride(), 0, split.src_elements()); }
  Numbers own_diff_dst() const {
    return spread(diff_dst, p.N, split.dst_item_stride(), split.dst_halo_rows() * p.C_out,
                  split.dst_elements());
  }
};

TEST_P(PhaseSplitTest, rows_do_not_overlap) {
  EXPECT_GE(split.forward(K).b.ld, split.forward(K).k);
  EXPECT_GE(split.backward_weights(K).a.ld, split.backward_weights(K).m);
  EXPECT_GE(split.backward_data(split.regrouped_length()).b.ld,
            split.backward_data(split.regrouped_length()).k);
  EXPECT_GE(split.backward_data(split.regrouped_length()).d.ld,
            split.backward_data(split.regrouped_length()).m);
}

TEST_P(PhaseSplitTest, forward_is_the_convolution_and_writes_every_output_once) {
  const std::int64_t stride = K + 3;
  Numbers dst(static_cast<std::size_t>(split.dst_elements()));
  std::vector<int> writes;
  const std::int64_t front = split.dst_halo_rows() * p.C_out;
  run(split.forward(stride), spread(weights, p.C_out, stride), 0, own_src(), 0, dst, front, writes);
  EXPECT_TRUE(
      identical(gathered(dst, p.N, p.L_out() * p.C_out, split.dst_item_stride(), front),
                runner.run(Conv1dForward{.problem = p}, {{"src", src}, {"weights", weights}}).at("dst")));
  EXPECT_TRUE(std::all_of(writes.begin(), writes.begin() + front, [](int n) { return n == 0; }));
  EXPECT_TRUE(std::all_of(writes.begin() + front, writes.end(), [](int n) { return n == 1; }));
}

TEST_P(PhaseSplitTest, backward_data_is_the_convolutions_and_writes_every_number_once) {
  const std::int64_t stride = split.regrouped_length() + 2;
  const std::vector<float> plain(weights.begin(), weights.end());
  const std::vector<float> regrouped = split.regrouped(plain, K, stride);
  Numbers diff_src(static_cast<std::size_t>(split.src_elements()));
  std::vector<int> writes;
  run(split.backward_data(stride), Numbers(regrouped.begin(), regrouped.end()), 0, own_diff_dst(), 0,
      diff_src, 0, writes);
  writes.resize(static_cast<std::size_t>(split.phases * split.phase_rows * split.regrouped_length()));
  EXPECT_TRUE(
      identical(gathered(diff_src, p.N, p.L_in * p.C_in, split.src_item_stride()),
                runner.run(Conv1dBackwardData{.problem = p}, {{"diff_dst", diff_dst}, {"weights", weights}})
                    .at("diff_src")));
  EXPECT_TRUE(std::all_of(writes.begin(), writes.end(), [](int n) { return n == 1; }));
}

TEST_P(PhaseSplitTest, parts_of_backward_weights_add_up_to_the_convolutions) {
  const std::int64_t stride = K + 1, part = stride * p.C_out;
  Numbers parts(static_cast<std::size_t>(split.phases * part));
  std::vector<int> writes;
  run(split.backward_weights(stride), own_src(), 0, own_diff_dst(), split.dst_halo_rows() * p.C_out, parts, 0,
      writes);
  Numbers sum(static_cast<std::size_t>(part));
  for (std::size_t i = 0; i < parts.size(); ++i)
    sum[i % static_cast<std::size_t>(part)] += parts[i];
  EXPECT_TRUE(
      identical(gathered(sum, p.C_out, K, stride),
                runner.run(Conv1dBackwardWeights{.problem = p}, {{"src", src}, {"diff_dst", diff_dst}})
                    .at("diff_weights")));
  EXPECT_TRUE(std::all_of(writes.begin(), writes.end(), [](int n) { return n <= 1; }));
}

INSTANTIATE_TEST_SUITE_P(Convolutions, PhaseSplitTest, ::testing::ValuesIn(convolutions()),
                         [](const auto& test) { return std::to_string(test.index); });

TEST(DenseGemm, passes_are_those_of_the_layer) {
  const DenseProblem p{5, 7, 3};
  const auto backend = reference();
  OpRunner runner(*backend);
  const Numbers src = integers(p.N * p.in, 1), weights = integers(p.out * p.in, 2),
                diff_dst = integers(p.N * p.out, 3);
  const bench::RowStrides row{9, 8, 4};
  const Numbers own_src = spread(src, p.N, row.src), own_weights = spread(weights, p.out, row.weights),
                own_dst = spread(diff_dst, p.N, row.dst);
  std::vector<int> writes;

  Numbers dst(own_dst.size());
  run(dense_gemm(p, Pass::forward, row), own_weights, 0, own_src, 0, dst, 0, writes);
  EXPECT_TRUE(
      identical(gathered(dst, p.N, p.out, row.dst),
                runner.run(DenseForward{.problem = p}, {{"src", src}, {"weights", weights}}).at("dst")));
  Numbers diff_src(own_src.size());
  run(dense_gemm(p, Pass::backward_data, row), own_weights, 0, own_dst, 0, diff_src, 0, writes);
  EXPECT_TRUE(
      identical(gathered(diff_src, p.N, p.in, row.src),
                runner.run(DenseBackwardData{.problem = p}, {{"diff_dst", diff_dst}, {"weights", weights}})
                    .at("diff_src")));
  Numbers diff_weights(own_weights.size());
  run(dense_gemm(p, Pass::backward_weights, row), own_src, 0, own_dst, 0, diff_weights, 0, writes);
  EXPECT_TRUE(identical(gathered(diff_weights, p.out, p.in, row.weights),
                        runner.run(DenseBackwardWeights{.problem = p}, {{"src", src}, {"diff_dst", diff_dst}})
                            .at("diff_weights")));
}

/// The layers of the models: what makes their batch's operands legal and aligned.
TEST(PhaseSplitOfTheModels, operands_fit_their_memory) {
  for (const bench::Layer& layer : bench::layers(256)) {
    const auto* p = std::get_if<Conv1dProblem>(&layer.problem);
    if (!p) continue;
    const PhaseSplit split(*p);
    const auto last = [](const GemmOperand& x, std::int64_t batch, std::int64_t rows, std::int64_t columns) {
      return (batch - 1) * x.batch_stride + (columns - 1) * x.ld + rows;
    };
    const Gemm forward = split.forward(p->kernel * p->C_in), weights = split.backward_weights(forward.k),
               data = split.backward_data(split.regrouped_length());
    EXPECT_EQ(last(forward.b, split.phases, forward.k, forward.n), split.src_elements()) << layer.name;
    EXPECT_EQ(last(weights.a, split.phases, weights.m, weights.k), split.src_elements()) << layer.name;
    EXPECT_EQ(last(data.b, split.phases, data.k, data.n), split.dst_elements()) << layer.name;
    EXPECT_EQ(last(forward.d, split.phases, forward.m, forward.n) + split.dst_halo_rows() * p->C_out,
              split.dst_elements())
        << layer.name;
    // every item's outputs, and no item's windows beyond what there is
    EXPECT_GE(split.phases * split.phase_rows, p->N * split.item_rows) << layer.name;
    EXPECT_LE((p->L_out() - 1) * p->stride + p->kernel, split.item_rows * p->stride) << layer.name;
  }
}

}  // namespace
}  // namespace bragg::tests
