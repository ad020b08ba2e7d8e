// The CUDA backend around its kernels: devices, memory, errors.
#include <cmath>
#include <utility>

#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/cuda/launch.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/step_state.h"
#include "tests/kernels/crystals.h"
#include "tests/kernels/op_cases.h"
#include "tests/simt/machine.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

const std::unique_ptr<Backend> gpu() {
  return make_backend({"cuda", 1, ""});
}

TEST(CudaBackend, IsChosenByName) {
  EXPECT_EQ(gpu()->name(), "cuda");
  EXPECT_EQ(make_backend({"auto", 1, ""})->name(), "cuda");
  EXPECT_NE(gpu()->description().find("sm_90, 132 multiprocessors"), std::string::npos)
      << gpu()->description();
  EXPECT_EQ(error_of([] { make_backend({"cuda:1", 1, ""}); }), "cuda:1: there are 1 CUDA devices");
  EXPECT_EQ(error_of([] {
              make_backend({"cuda:x", 1, ""});
            }),
            "unknown device 'cuda:x': cuda or cuda:0, cuda:1 ...");
  EXPECT_THROW(make_backend({"cuda:", 1, ""}), UsageError);
  EXPECT_THROW(make_backend({"cuda:-1", 1, ""}), UsageError);
}

/// Another machine for as long as it lives.
class OnMachine {
 public:
  explicit OnMachine(simt::Machine machine) { std::swap(simt::machine(), before_ = std::move(machine)); }
  ~OnMachine() { simt::machine() = before_; }
  OnMachine(const OnMachine&) = delete;
  OnMachine& operator=(const OnMachine&) = delete;

 private:
  simt::Machine before_;
};

TEST(CudaBackend, ACardThatIsTooOldIsRefusedByName) {
  const OnMachine old({.gpus = {{"Tesla V100-SXM2-16GB", 7, 0}, {"Tesla T4", 7, 5}}});
  const std::string v100 = "cuda:0 is Tesla V100-SXM2-16GB of compute capability 7.0; 8.0 or later is needed",
                    t4 = "cuda:1 is Tesla T4 of compute capability 7.5; 8.0 or later is needed";
  EXPECT_EQ(error_of([] { make_backend({"cuda", 1, ""}); }), v100);
  EXPECT_EQ(error_of([] { make_backend({"cuda:1", 1, ""}); }), t4);
  EXPECT_THROW(make_backend({"cuda:0", 1, ""}), UsageError);
  EXPECT_EQ(make_backend({"auto", 1, ""})->name(), "cpu");
  EXPECT_EQ(choose_device("auto").no_gpu_because, v100 + "; " + t4);
}

TEST(CudaBackend, WithoutADriverItSaysSo) {
  const OnMachine none({.driver_version = 0});
  EXPECT_EQ(choose_device("auto").no_gpu_because, "no NVIDIA driver found");
  EXPECT_NE(error_of([] {
              make_backend({"cuda", 1, ""});
            }).find("no NVIDIA driver found"),
            std::string::npos)
      << error_of([] {
           make_backend({"cuda", 1, ""});
         });
  simt::machine().driver_version = 11040;
  EXPECT_NE(choose_device("auto").no_gpu_because.find("driver version is insufficient"), std::string::npos);
}

TEST(CudaBackend, BesideAnOldCardANewOneIsChosen) {
  const OnMachine mixed({.gpus = {{"Quadro P400", 6, 1}, {"NVIDIA A100-SXM4-40GB", 8, 0}}});
  EXPECT_EQ(choose_device("auto").device, "cuda");
  for (const char* device : {"auto", "cuda", "cuda:1"})
    EXPECT_TRUE(make_backend({device, 1, ""})->description().starts_with("NVIDIA A100-SXM4-40GB, sm_80"))
        << device;
  EXPECT_THROW(make_backend({"cuda:0", 1, ""}), UsageError);
}

TEST(CudaBackend, WgmmaIsOfCapability9Alone) {
  for (const int major : {8, 9, 10, 12}) {
    const OnMachine machine({.gpus = {{"a GPU", major, 0}}});
    EXPECT_EQ(make_backend({"cuda", 1, "", "bf16"})->description().find("wgmma") != std::string::npos,
              major == 9)
        << major;
  }
}

// The driver's documentation describes no map of rows that overlap; should it refuse them, convolutions are
// multiplied by mma.sync, dense layers as before.
TEST(CudaBackend, WhereTheDriverRefusesOverlappingMapsConvolutionsTakeMmaSync) {
  const auto reference = make_backend({"reference", 1, ""});
  for (const bool refuses : {false, true}) {
    const OnMachine machine({.refuses_overlapping_maps = refuses});
    const auto backend = make_backend({"cuda", 1, "", "bf16"});
    EXPECT_EQ(backend->description().ends_with(
                  "bf16 by wgmma, convolutions by mma.sync (cuTensorMapEncodeTiled: error 1 for 100 rows of "
                  "4000 elements, 400 apart, boxes of 64)"),
              refuses)
        << backend->description();
    OpRunner got(*backend, 8), expected(*reference);
    const auto expect_by = [&](const std::string& main_loop, const NetworkOp& op) {
      const OpCase one{op, {}, {.precise = true}};
      const Operands inputs = filled(one, Fill::integers, backend->number_types());
      const Operands results = got.run(op, inputs, one.options),
                     right = expected.run(op, inputs, one.options);
      EXPECT_EQ(got.how().substr(0, got.how().find(',')), main_loop) << got.ran();
      if (right.contains("diff_weights")) {
        EXPECT_TRUE(identical(results.at("diff_weights"), right.at("diff_weights"))) << got.ran();
      }
    };
    const Conv1dProblem conv{.N = 2, .L_in = 61, .C_in = 80, .C_out = 80, .kernel = 25, .stride = 2};
    for (const LayerPass& pass : passes(conv))
      expect_by(refuses ? "mma.sync bf16" : "wgmma bf16", pass.op);
    const Conv1dPoolForward pooled{.problem = {conv.N, 8500, 1, 80, 100, 5},
                                   .pool = {conv.N, 1681, 80, 3, 2}};
    EXPECT_EQ(backend->has(pooled), !refuses);
    expect_by("wgmma bf16", DenseForward{.problem = {4, 32, 16}});
  }
}

TEST(CudaBackend, MemoryStartsAsZeros) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(1000);
  std::vector<std::byte> host(1000, std::byte{1});
  backend->download(memory.data(), host.data(), host.size());
  EXPECT_EQ(host, std::vector<std::byte>(1000));
}

TEST(CudaBackend, OutOfMemorySaysWhatIsNeededAndWhatIsFree) {
  const std::string message = error_of([] { gpu()->allocate(std::size_t{1} << 41); });
  EXPECT_EQ(message, "out of GPU memory: 2199023255552 bytes needed, 1099511627776 of 1099511627776 free");
}

// Fifty cells of 32000 A: rows of reflections by the milliard.
TEST(CudaBackend, TooManyReflectionsForItsMemoryIsAnErrorThatSaysSo) {
  CrystalGroup group = varied_groups(1)[0];
  group.metric = {0x1p-30, 0x1p-30, 0x1p-30, 0, 0, 0};
  CrystalBatch crystals;
  for (int i = 0; i < 50; ++i)
    add_crystal(crystals, group, 1, 1);
  const std::string message = error_of([&] { gpu()->structure_factors({0, 0.499, false}, crystals); });
  EXPECT_TRUE(message.starts_with("out of GPU memory: 12")) << message;
  EXPECT_TRUE(message.ends_with(" bytes needed, 1099511627776 of 1099511627776 free")) << message;
}

TEST(CudaBackend, AFailedLaunchNamesTheOpAndItsShapes) {
  const auto nothing = +[] {};
  const auto launch_too_many = [&] {
    cuda::launch([] { return std::string("dense_forward N 3 in 4 out 5"); }, nullptr, {dim3(1), dim3(2048)},
                 nothing);
  };
  EXPECT_EQ(error_of(launch_too_many), "[dense_forward N 3 in 4 out 5] CUDA: invalid configuration argument");
}

TEST(CudaBackend, ARecordingRunsItsOpsAsOftenAsItIsAsked) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(sizeof(StepState));
  const Tensor state{memory.data(), DType::u64};
  int enqueued = 0;
  const auto recording = backend->record([&] {
    ++enqueued;
    backend->run(Advance{3, state});
    backend->run(Advance{4, state});
  });
  const auto now = [&] {
    StepState read{};
    backend->download(memory.data(), &read, sizeof read);
    return read;
  };
  EXPECT_EQ(now().step, 0u);
  recording->run();
  recording->run();
  EXPECT_EQ(now().step, 4u);
  EXPECT_EQ(now().first_index, 14u);
  EXPECT_EQ(enqueued, 1);
  backend->reserve_workspace(4096);  // it has moved: what was recorded may point to where it was
  recording->run();
  EXPECT_EQ(now().step, 6u);
  EXPECT_EQ(enqueued, 2);
}

/// A convolution whose small kernels a recording joins, with memory of its own.
struct RecordedConvolution {
  static constexpr Conv1dProblem problem{
      .N = 3, .L_in = 61, .C_in = 8, .C_out = 80, .kernel = 5, .stride = 1};
  std::int64_t src_stride, dst_stride, row_stride;
  std::size_t weight_bytes, gradient_bytes, dst_bytes, src_bytes;
  Buffer src, weights, dst, diff_dst, diff_weights, diff_bias;

  explicit RecordedConvolution(Backend& backend)
      : src_stride(backend.src_item_stride(problem)),
        dst_stride(backend.diff_dst_item_stride(problem)),
        row_stride(backend.weight_row_stride(problem.kernel * problem.C_in)),
        weight_bytes(static_cast<std::size_t>(problem.C_out * row_stride) * 2),
        gradient_bytes(2 * weight_bytes),
        dst_bytes(static_cast<std::size_t>(problem.N * dst_stride) * 2),
        src_bytes(static_cast<std::size_t>(problem.N * src_stride) * 2),
        src(filled(backend, src_bytes, 1)),
        weights(filled(backend, weight_bytes, 2)),
        dst(backend.allocate(dst_bytes)),
        diff_dst(filled(backend, dst_bytes, 3)),
        diff_weights(backend.allocate(gradient_bytes)),
        diff_bias(backend.allocate(sizeof(float) * problem.C_out)) {
    backend.reserve_workspace(backend.workspace_bytes(backward_weights()));
  }
  static Buffer filled(Backend& backend, std::size_t bytes, std::uint32_t seed) {
    Buffer memory = backend.allocate(bytes);
    const Numbers numbers = integers(static_cast<std::int64_t>(bytes / 2), seed);
    backend.upload(std::vector<float>(numbers.begin(), numbers.end()), {memory.data(), DType::bf16});
    return memory;
  }

  ConstTensor weights_of(const Buffer& memory) const { return {memory.data(), DType::bf16}; }
  Conv1dForward forward(const Buffer& of, const Buffer& to) const {
    return {.problem = problem,
            .src = {src.data(), DType::bf16, problem.N, problem.L_in, problem.C_in, src_stride},
            .weights = weights_of(of),
            .dst = {to.data(), DType::bf16, problem.N, problem.L_out(), problem.C_out, dst_stride}};
  }
  Conv1dBackwardWeights backward_weights() const {
    return {.problem = problem,
            .src = {src.data(), DType::bf16, problem.N, problem.L_in, problem.C_in, src_stride},
            .diff_dst = {diff_dst.data(), DType::bf16, problem.N, problem.L_out(), problem.C_out, dst_stride},
            .diff_weights = {diff_weights.data(), DType::f32},
            .diff_bias = {diff_bias.data(), DType::f32}};
  }
};

std::vector<std::byte> content(Backend& backend, const Buffer& memory) {
  std::vector<std::byte> bytes(memory.bytes());
  backend.download(memory.data(), bytes.data(), bytes.size());
  return bytes;
}

// Weights are put in order at a recording's head, each time anew; those that it changes itself where they are read. Sums of
// gradients wait until somebody reads them.
TEST(CudaBackend, ARecordingJoinsTheSmallKernelsOfItsOps) {
  const auto backend = make_backend({"cuda", 1, "", "bf16"});
  const RecordedConvolution one(*backend);
  ASSERT_NE(backend->how(one.forward(one.weights, one.dst)).find("weights put in order"), std::string::npos);
  ASSERT_NE(backend->how(one.backward_weights()).find("added up behind"), std::string::npos);
  const Buffer other = RecordedConvolution::filled(*backend, one.weight_bytes, 4),
               changed = backend->allocate(one.weight_bytes), of_other = backend->allocate(one.dst_bytes),
               of_changed = backend->allocate(one.dst_bytes), again = backend->allocate(one.dst_bytes),
               read = backend->allocate(one.gradient_bytes);
  const std::vector<const Buffer*> results{&one.dst,          &of_other,      &of_changed, &again,
                                           &one.diff_weights, &one.diff_bias, &read};
  const auto ops = [&] {
    backend->run(one.forward(one.weights, one.dst));
    backend->run(one.forward(other, of_other));
    backend->copy(one.weights.data(), changed.data(), one.weight_bytes);
    backend->run(one.forward(changed, of_changed));
    backend->run(one.forward(one.weights, again));
    backend->run(one.backward_weights());
    backend->copy(one.diff_weights.data(), read.data(), one.gradient_bytes);
    backend->run(one.backward_weights());
    backend->fill_zero(one.weights.data(), 16);  // what the next run has to see
  };
  const auto recording = backend->record(ops);
  std::vector<std::vector<std::byte>> got, expected;
  for (const bool recorded : {false, true}) {
    const Buffer weights = RecordedConvolution::filled(*backend, one.weight_bytes, 2);
    backend->copy(weights.data(), one.weights.data(), one.weight_bytes);
    for (int time = 0; time < 2; ++time) {
      for (const Buffer* result : results)
        backend->fill_zero(result->data(), result->bytes());
      recorded ? recording->run() : ops();
      for (const Buffer* result : results)
        (recorded ? got : expected).push_back(content(*backend, *result));
    }
  }
  EXPECT_EQ(got, expected);
  EXPECT_NE(got[0], got[results.size()]);  // other weights
  EXPECT_EQ(got[0], got[2]);
}

TEST(CudaBackend, SumsOfMoreChannelsThanAWarpHasRoomForAreNoPartOfTheProduct) {
  const auto backend = make_backend({"cuda", 1, "", "bf16"});
  const auto of_channels = [&](std::int64_t C) {
    const Conv1dProblem p{.N = 1, .L_in = 40, .C_in = C, .C_out = C, .kernel = 5};
    return std::pair(backend->has(Conv1dBatchNormForward{.problem = p}),
                     backend->has(Conv1dBatchNormBackward{.problem = p}));
  };
  EXPECT_EQ(of_channels(256), std::pair(true, true));
  EXPECT_EQ(of_channels(264), std::pair(false, false));
}

// What bench_training compares with, and the way out where a device does not gain by it.
TEST(CudaBackend, WhatIsNormalisedIsStoredWhereThatIsAskedFor) {
  const Conv1dProblem p{
      .N = 4, .L_in = 40, .C_in = 16, .C_out = 16, .kernel = 5, .pad_before = 2, .pad_after = 2};
  for (const std::string precision : {"bf16", "fp32"})
    for (const std::string instructions : {"sm_90a", "sm_90a_stored"}) {
      const auto backend = make_backend({"cuda", 1, instructions, precision});
      EXPECT_EQ(backend->has(Conv1dNormalisedBackwardWeights{.problem = p}), instructions == "sm_90a");
      EXPECT_TRUE(backend->has(Conv1dBatchNormForward{.problem = p}));
    }
}

TEST(CudaBackend, TimesWhatItRuns) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(sizeof(StepState));
  const auto seconds = [&](int times) {
    return backend->seconds_of([&] {
      for (int i = 0; i < times; ++i)
        backend->run(Advance{1, {memory.data(), DType::u64}});
    });
  };
  EXPECT_GT(seconds(1), 0);
  EXPECT_LT(seconds(1), seconds(2000));
}

TEST(CudaBackend, WhatCannotBeRecordedIsRefused) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(sizeof(StepState));
  StepState host{};
  const auto recording = backend->record([&] { backend->download(memory.data(), &host, sizeof host); });
  EXPECT_EQ(error_of([&] { recording->run(); }),
            "[download] CUDA: operation not permitted when stream is capturing");
  backend->download(memory.data(), &host, sizeof host);  // the stream is of use again
}

TEST(CudaBackend, ACopyFromTheWrongSideIsRefused) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(16), other = backend->allocate(16);
  EXPECT_THROW(backend->upload(other.data(), memory.data(), 16), cuda::CudaError);
}

TEST(CudaBackend, ARowOutsideTheTableIsNoData) {
  const auto backend = gpu();
  const std::vector<float> table{1, 2, 3, 4};
  const std::vector<std::int32_t> rows{1, 2, -1};
  const Buffer table_memory = backend->allocate(16), row_memory = backend->allocate(12),
               dst = backend->allocate(24);
  backend->upload(table.data(), table_memory.data(), 16);
  backend->upload(rows.data(), row_memory.data(), 12);
  backend->run(GatherRows{{3, 2, 2, 1},
                          {table_memory.data(), DType::f32},
                          {row_memory.data(), DType::i32},
                          {dst.data(), DType::f32, 3, 2, 1, 2}});
  std::vector<float> got(6);
  backend->download(Tensor{dst.data(), DType::f32}, got);
  EXPECT_EQ(got[0], 3);
  EXPECT_EQ(got[1], 4);
  for (int i = 2; i < 6; ++i)
    EXPECT_TRUE(std::isnan(got[i])) << i;
}

}  // namespace
}  // namespace bragg::tests
