// The CUDA backend around its kernels: devices, memory, errors.
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "kernels/cuda/launch.h"
#include "kernels/error.h"
#include "tests/kernels/crystals.h"

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
    backend->advance(state, 3);
    backend->advance(state, 4);
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

TEST(CudaBackend, TimesWhatItRuns) {
  const auto backend = gpu();
  const Buffer memory = backend->allocate(sizeof(StepState));
  const auto seconds = [&](int times) {
    return backend->seconds_of([&] {
      for (int i = 0; i < times; ++i)
        backend->advance({memory.data(), DType::u64}, 1);
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
  backend->gather_rows({3, 2, 2, 1}, {table_memory.data(), DType::f32}, {row_memory.data(), DType::i32},
                       {dst.data(), DType::f32, 3, 2, 1, 2});
  std::vector<float> got(6);
  backend->download(Tensor{dst.data(), DType::f32}, got);
  EXPECT_EQ(got[0], 3);
  EXPECT_EQ(got[1], 4);
  for (int i = 2; i < 6; ++i)
    EXPECT_TRUE(std::isnan(got[i])) << i;
}

}  // namespace
}  // namespace bragg::tests
