// A call against the contract is refused before anything runs, naming the op and both values.
#include <string>

#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/ops/adam.h"
#include "kernels/ops/conv1d.h"
#include "kernels/ops/conv1d_pool.h"
#include "kernels/ops/dense.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/softmax_cross_entropy.h"
#include "kernels/ops/step_state.h"

namespace bragg::tests {
namespace {

class Contract : public ::testing::TestWithParam<std::string> {
 protected:
  const std::unique_ptr<Backend> backend_ =
      make_backend({.device = GetParam(), .threads = 1, .instruction_set = ""});
  const DType element_ = backend_->element_type();
  const Buffer memory_ = backend_->allocate(1 << 16);
  const Conv1dProblem conv_{.N = 2, .L_in = 9, .C_in = 2, .C_out = 3, .kernel = 4, .stride = 2};

  Tensor tensor() const { return {memory_.data(), element_}; }
  Activations activations(std::int64_t N, std::int64_t L, std::int64_t C, std::int64_t gap = 0) const {
    return {memory_.data(), element_, N, L, C, L * C + gap};
  }

  template <typename Call>
  void refused(const std::string& message, Call call) const {
    try {
      call();
      ADD_FAILURE() << "not refused: " << message;
    } catch (const ProblemError& e) {
      EXPECT_EQ(e.what(), message);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, Contract, ::testing::Values("reference", "cpu"),
                         [](const auto& param_info) { return param_info.param; });

TEST_P(Contract, Problems) {
  refused("[conv1d] kernel 100 > L_in 50", [] { Conv1dProblem{1, 50, 1, 80, 100, 5}.validate(); });
  refused("[conv1d] stride 0 < 1", [] { Conv1dProblem{1, 50, 1, 80, 10, 0}.validate(); });
  refused("[conv1d] N -1 < 0", [] { Conv1dProblem{-1, 50, 1, 80, 10, 1}.validate(); });
  refused("[avg_pool1d] kernel 3 > L_in 2", [] { AvgPool1dProblem{1, 2, 1, 3, 1}.validate(); });
  refused("[dense] in 0 < 1", [] { DenseProblem{1, 0, 1}.validate(); });
  refused("[softmax_cross_entropy] classes 0 < 1", [] { SoftmaxCrossEntropyProblem{1, 0}.validate(); });
  refused("[adam] beta2 1 outside [0, 1)", [] { AdamProblem{1, 1e-4, 0.9, 1.0, 1e-8}.validate(); });
  refused("[sample_rows] candidates 0 < 1", [] { SampleRowsProblem{.N = 1, .candidates = 0}.validate(); });
  refused("[gather_rows] row_length 0 < 1", [] { GatherRowsProblem{1, 1, 0, 1}.validate(); });
}

TEST_P(Contract, Shapes) {
  const Activations src = activations(2, 9, 2), dst = activations(2, 3, 3);
  refused("[conv1d_forward] src C 5 != problem's 2", [&] {
    backend_->run(Conv1dForward{conv_, activations(2, 9, 5), tensor(), dst, {}});
  });
  refused("[conv1d_forward] dst L 4 != problem's 3", [&] {
    backend_->run(Conv1dForward{conv_, src, tensor(), activations(2, 4, 3), {}});
  });
  refused("[conv1d_forward] dst item_stride 8 < 9", [&] {
    backend_->run(Conv1dForward{conv_, src, tensor(), activations(2, 3, 3, -1), {}});
  });
  // 3 outputs, 1 row of halo before, 2 after: (3 + 2) * 3.
  refused("[conv1d_backward_data] diff_dst (with its halo) item_stride 14 < 15", [&] {
    backend_->run(Conv1dBackwardData{conv_, activations(2, 3, 3, 5), tensor(), src, {}});
  });
  refused("[dense_forward] src N 3 != problem's 2", [&] {
    backend_->run(DenseForward{{2, 4, 5}, activations(3, 1, 4), tensor(), activations(2, 1, 5), {}});
  });
  refused("[dense_backward_data] ReLU gradient's src C 3 != problem's 4", [&] {
    backend_->run(DenseBackwardData{
        {2, 4, 5}, activations(2, 1, 5), tensor(), activations(2, 1, 4), {activations(2, 1, 3), 0.5f}});
  });
  refused("[gather_rows] dst L * C 4 != row_length 5", [&] {
    backend_->run(GatherRows{
        {2, 3, 5, 1}, {memory_.data(), DType::f32}, {memory_.data(), DType::i32}, activations(2, 4, 1)});
  });
}

TEST_P(Contract, ElementTypesAndMemory) {
  const Activations src = activations(2, 9, 2), dst = activations(2, 3, 3);
  const std::string name = name_of(element_);
  refused("[conv1d_forward] weights is BF16, not " + name, [&] {
    backend_->run(Conv1dForward{conv_, src, {memory_.data(), DType::bf16}, dst, {}});
  });
  refused("[conv1d_forward] weights has no memory", [&] {
    backend_->run(Conv1dForward{conv_, src, {}, dst, {}});
  });
  Activations none = src;
  none.data = nullptr;
  refused("[conv1d_forward] src has no memory", [&] {
    backend_->run(Conv1dForward{conv_, none, tensor(), dst, {}});
  });
  refused("[softmax_cross_entropy] labels is " + name + ", not I32", [&] {
    backend_->run(SoftmaxCrossEntropy{{2, 3}, tensor(), tensor(), {}, {}, tensor()});
  });
  refused("[adam] state has no memory", [&] {
    backend_->run(Adam{{.count = 3}, {tensor(), tensor(), tensor(), {}}, tensor(), {}});
  });
  refused("[adam] working is BF16, there is none beside " + name + " weights", [&] {
    backend_->run(Adam{
        {.count = 3}, {tensor(), tensor(), tensor(), {memory_.data(), DType::bf16}}, tensor(), tensor()});
  });
  refused("[gather_rows] table is U8, not F32, U16 or I32", [&] {
    backend_->run(GatherRows{
        {2, 3, 4, 1}, {memory_.data(), DType::u8}, {memory_.data(), DType::i32}, activations(2, 4, 1)});
  });
}

TEST_P(Contract, Dropout) {
  const Activations src = activations(2, 9, 2), dst = activations(2, 3, 3);
  refused("[conv1d_forward] dropout 1 outside [0, 1)", [&] {
    backend_->run(Conv1dForward{conv_, src, tensor(), dst, {{}, true, {1.0f, 1, 1, tensor()}}});
  });
  refused("[conv1d_forward] dropout's state has no memory", [&] {
    backend_->run(Conv1dForward{conv_, src, tensor(), dst, {{}, true, {0.5f, 1, 1, {}}}});
  });
}

// What only some backends have; these have neither.
TEST_P(Contract, ConvolutionAndPool) {
  const Conv1dProblem conv{.N = 2, .L_in = 9, .C_in = 2, .C_out = 3, .kernel = 2, .stride = 2};
  const AvgPool1dProblem pool{2, 4, 3, 3, 1};
  EXPECT_FALSE(backend_->has(Conv1dPoolForward{conv, pool, {}, {}, {}, {}, {}}));
  const Activations src = activations(2, 9, 2, 2), between = activations(2, 4, 3), dst = activations(2, 2, 3);
  refused("[conv1d_pool_forward] " + backend_->name() +
              " has none: conv1d_pool_forward N 2 L_in 9 C_in 2 C_out 3 kernel 2 stride 2, then avg_pool1d "
              "kernel 3 stride 1",
          [&] {
            backend_->run(Conv1dPoolForward{conv, pool, src, tensor(), dst, {}, {}});
          });
  refused("[conv1d_pool_forward] pool's C 4 != C_out 3", [&] {
    backend_->run(Conv1dPoolForward{conv, {2, 4, 4, 3, 1}, src, tensor(), dst, {}, {}});
  });
  refused("[conv1d_pool_forward] kept is " + name_of(element_) + ", not U32", [&] {
    backend_->run(Conv1dPoolForward{conv, pool, src, tensor(), dst, tensor(), {}});
  });
  refused("[avg_pool1d_backward_kept] kept has no memory", [&] {
    backend_->run(AvgPool1dBackwardKept{pool, dst, between, {}});
  });
  refused("[avg_pool1d_backward_kept] " + backend_->name() +
              " has none: avg_pool1d_backward_kept N 2 L_in 4 C 3 kernel 3 stride 1, relu and dropout of its "
              "input by "
              "their bits",
          [&] {
            backend_->run(AvgPool1dBackwardKept{pool, dst, between, {{memory_.data(), DType::u32}, 0.5f}});
          });
}

TEST_P(Contract, CopyIsOfBytesAndCanBeRecorded) {
  const std::vector<std::int32_t> before{1, 2, 3, 4}, after{5, 6, 7, 8};
  const Buffer src = backend_->allocate(16), dst = backend_->allocate(16);
  const auto copied = [&] {
    std::vector<std::int32_t> host(4);
    backend_->download(dst.data(), host.data(), 16);
    return host;
  };
  backend_->upload(before.data(), src.data(), 16);
  const auto recording = backend_->record([&] { backend_->copy(src.data() + 4, dst.data() + 8, 8); });
  backend_->copy(src.data(), dst.data(), 0);
  EXPECT_EQ(copied(), (std::vector<std::int32_t>{0, 0, 0, 0}));
  recording->run();
  EXPECT_EQ(copied(), (std::vector<std::int32_t>{0, 0, 2, 3}));
  backend_->upload(after.data(), src.data(), 16);
  recording->run();
  EXPECT_EQ(copied(), (std::vector<std::int32_t>{0, 0, 6, 7}));
}

TEST_P(Contract, Rows) {
  const StepState place{4, 10};
  const Buffer state = backend_->allocate(sizeof place);
  backend_->upload(&place, state.data(), sizeof place);
  backend_->run(Advance{5, {state.data(), DType::u64}});
  StepState now{};
  backend_->download(state.data(), &now, sizeof now);
  EXPECT_EQ(now.step, 5u);
  EXPECT_EQ(now.first_index, 15u);

  const std::vector<std::int32_t> candidates{7, 1, 0};
  const Buffer candidate_memory = backend_->allocate(3 * 4), rows = backend_->allocate(4 * 4);
  backend_->upload(candidates.data(), candidate_memory.data(), 3 * 4);
  SampleRowsProblem draw{.N = 4, .candidates = 3, .order = SampleRowsProblem::Order::sequential, .seed = 3};
  const auto drawn = [&] {
    backend_->run(SampleRows{
        draw, {candidate_memory.data(), DType::i32}, {state.data(), DType::u64}, {rows.data(), DType::i32}});
    std::vector<std::int32_t> result(4);
    backend_->download(rows.data(), result.data(), 4 * 4);
    return result;
  };
  EXPECT_EQ(drawn(), (std::vector<std::int32_t>{7, 1, 0, 7}));  // indices 15, 16, 17, 18
  draw.order = SampleRowsProblem::Order::uniform;
  std::vector<std::int32_t> expected;
  for (std::uint64_t index = 15; index < 19; ++index) {
    expected.push_back(candidates[uniform_below(random_call(3, RandomStream::data, 0, 0, index)[0], 3)]);
  }
  EXPECT_EQ(drawn(), expected);

  const std::vector<std::uint16_t> table{1, 2, 3, 40000, 5, 6};
  const Buffer table_memory = backend_->allocate(12), dst = backend_->allocate(4 * 8 * 8);
  backend_->upload(table.data(), table_memory.data(), 12);
  const std::vector<std::int32_t> chosen{2, 0, 1, 1};
  backend_->upload(chosen.data(), rows.data(), 16);
  const Activations gathered{dst.data(), element_, 4, 2, 1, 2};
  backend_->run(
      GatherRows{{4, 3, 2, 0.5}, {table_memory.data(), DType::u16}, {rows.data(), DType::i32}, gathered});
  std::vector<float> got(8);
  backend_->download(Tensor{dst.data(), element_}, got);
  EXPECT_EQ(got, (std::vector<float>{2.5f, 3, 0.5f, 1, 1.5f, 20000, 1.5f, 20000}));
  refused("[gather_rows] row 2 outside a table of 2 rows", [&] {
    backend_->run(
        GatherRows{{4, 2, 2, 0.5}, {table_memory.data(), DType::u16}, {rows.data(), DType::i32}, gathered});
  });
}

TEST_P(Contract, Workspace) {
  if (GetParam() == "reference") {
    EXPECT_EQ(backend_->workspace_bytes(Conv1dForward{.problem = conv_}), 0u);
    return;
  }
  try {
    backend_->run(Conv1dForward{conv_, activations(2, 9, 2), tensor(), activations(2, 3, 3), {}});
    ADD_FAILURE() << "not refused";
  } catch (const ProblemError& e) {
    EXPECT_NE(std::string(e.what()).find("bytes of workspace, 0 reserved"), std::string::npos) << e.what();
  }
}

TEST(Device, UnknownNamesAreRefused) {
  EXPECT_THROW(make_backend({.device = "gpu", .threads = 0, .instruction_set = ""}), UsageError);
  EXPECT_THROW(make_backend({.device = "cpu", .threads = -1, .instruction_set = ""}), UsageError);
  EXPECT_THROW(make_backend({.device = "cpu", .threads = 0, .instruction_set = "x86-64-v5"}), UsageError);
  EXPECT_EQ(make_backend()->name(), "cpu");
}

}  // namespace
}  // namespace bragg::tests
