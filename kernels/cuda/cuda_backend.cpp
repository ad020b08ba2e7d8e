// Devices, memory and recordings of the backend. Its ops are in one file each.
#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/parse_whole.h"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/make_cuda_backend.h"

namespace bragg::cuda {
namespace {

int device_index(const std::string& device) {
  // Beside an older card the first that can be used; without any, device 0, whose refusal says why.
  if (device == "cuda") return std::max(first_usable_device(), 0);
  const auto index = parse_whole<int>(device.rfind("cuda:", 0) == 0 ? device.substr(5) : "");
  if (!index || *index < 0)
    throw UsageError(fmt::format("unknown device '{}': cuda or cuda:0, cuda:1 ...", device));
  return *index;
}

GpuInstructions instructions_called(const std::string& name) {
  if (name.empty() || name == "sm_90a") return GpuInstructions::sm_90a;
  if (name == "sm_90a_single") return GpuInstructions::sm_90a_single;
  if (name == "sm_90a_in_order") return GpuInstructions::sm_90a_in_order;
  if (name == "sm_90a_stored") return GpuInstructions::sm_90a_stored;
  if (name == "sm_80") return GpuInstructions::sm_80;
  throw UsageError(fmt::format(
      "unknown instruction set '{}' of a GPU: sm_80, sm_90a_single (no clusters), "
      "sm_90a_in_order (no ops side by side), sm_90a_stored (normalised numbers are stored) or sm_90a",
      name));
}

int used(int index) {
  use_device(index);
  return index;
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const DeviceOptions& options) {
  return std::make_unique<CudaBackend>(device_index(options.device), parse_precision(options.precision),
                                       instructions_called(options.instruction_set));
}

bool is_available() {
  return first_usable_device() >= 0;
}

std::string unavailable_because() {
  return why_no_device();
}

// wgmma is of compute capability 9 alone: neither before nor after it.
CudaBackend::CudaBackend(int device, Precision precision, GpuInstructions instructions)
    : device_(used(device)),
      precision_(precision),
      wgmma_(precision == Precision::bf16 && instructions != GpuInstructions::sm_80 &&
             compute_capability(device_) == 9),
      pairs_(instructions >= GpuInstructions::sm_90a_in_order),
      overlaps_(instructions != GpuInstructions::sm_80 && compute_capability(device_) >= 9),
      has_branches_(wgmma_ && instructions >= GpuInstructions::sm_90a_stored),
      normalises_as_it_reads_(instructions == GpuInstructions::sm_90a),
      overlapping_map_refused_because_(wgmma_ ? overlapping_map_refused_because() : ""),
      conv1d_wgmma_(wgmma_ && overlapping_map_refused_because_.empty()),
      multiprocessors_(multiprocessors(device_)),
      shared_memory_(shared_memory_of_block(device_)),
      ticket_(allocate_device_memory(sizeof(unsigned))) {
  if (!wgmma_) return;
  const auto blocks = static_cast<std::size_t>(multiprocessors_);
  shared_sums_ = allocate_device_memory(blocks * sums_per_block * sizeof(float));
}

GemmTarget CudaBackend::gemm_target(bool wgmma) const {
  return {.launches = launches(),
          .precision = precision_,
          .wgmma = wgmma,
          .multiprocessors = side_ ? side_->other_multiprocessors() : multiprocessors_,
          .sums = reinterpret_cast<float*>(shared_sums_.data()),
          .choices = choices_,
          .pairs = pairs_,
          .clocks = side_ ? side_->clocks_beside() : nullptr};
}

void* CudaBackend::workspace(const char* op, std::size_t bytes) {
  return choices_ ? ticket_.data() : Backend::workspace(op, bytes);
}

std::string CudaBackend::Rehearsal::choices() const {
  return fmt::format("{}", fmt::join(choices_, "; "));
}

std::string CudaBackend::description() const {
  std::string text = fmt::format("{}, {}", describe_device(device_), name_of(precision_));
  if (wgmma_) text += " by wgmma";
  if (wgmma_ && !conv1d_wgmma_)
    text += fmt::format(", convolutions by mma.sync ({})", overlapping_map_refused_because_);
  return text;
}

Buffer CudaBackend::allocate(std::size_t bytes) {
  return allocate_device_memory(bytes);
}

void CudaBackend::note(const WeightOrder& order) {
  if (!choices_) return;
  const std::int64_t numbers = order.dst_count() + std::int64_t{order.C_out} * order.row_length;
  choices_->push_back(fmt::format("weights put in order first ({} KB)",
                                  numbers * static_cast<std::int64_t>(size_of(element_type())) / 1000));
}

void CudaBackend::note(const MovedGradients& moved) {
  if (!choices_) return;
  const std::int64_t numbers = std::int64_t{moved.C_out} * (moved.outputs * moved.K + moved.row_length);
  choices_->push_back(fmt::format("gradients of weights added up behind ({} KB)",
                                  numbers * static_cast<std::int64_t>(sizeof(float)) / 1000));
}

void CudaBackend::before(const MemoryRange& range, bool writes) {
  if (range.bytes == 0) return;
  if (side_) waits_for_all_ |= side_->before(range, writes);
  if (joined_) joined_->before(range, writes, launches());
}

void CudaBackend::fill_zero(void* dst, std::size_t bytes) {
  before({dst, bytes}, true);
  if (bytes > 0) check(cudaMemsetAsync(dst, 0, bytes, stream_.get()), "fill_zero");
}

void CudaBackend::upload(const void* host, void* dst, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(dst, host, bytes, cudaMemcpyHostToDevice, stream_.get()), "upload");
  stream_.synchronize();  // the caller may reuse `host` at once
}

void CudaBackend::download(const void* src, void* host, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, stream_.get()), "download");
  stream_.synchronize();
}

void CudaBackend::copy(const void* src, void* dst, std::size_t bytes) {
  before({src, bytes}, false);
  before({dst, bytes}, true);
  if (bytes > 0) check(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, stream_.get()), "copy");
}

void CudaBackend::synchronize() {
  stream_.synchronize();
}

double CudaBackend::seconds_of(const std::function<void()>& ops) {
  const Event begin, end;
  begin.record(stream_);
  ops();
  end.record(stream_);
  stream_.synchronize();
  return end.seconds_since(begin);
}

/// Recorded when it is run first, as all memory is planned then.
class CudaBackend::Graph final : public Recording {
 public:
  Graph(CudaBackend& backend, std::function<void()> enqueue)
      : backend_(backend), enqueue_(std::move(enqueue)) {}

  void run() override {
    if (!graph_ || workspace_ != backend_.workspace_begin()) {
      graph_.reset();
      record();
      workspace_ = backend_.workspace_begin();
    }
    graph_->launch(backend_.stream_);
  }

 private:
  /// Once, or where small kernels can be joined or ops run side by side, a second time with memory for these.
  void record() {
    JoinedKernels joined;
    SideBranch side(backend_.stream_, backend_.side_stream_, backend_.multiprocessors_);
    capture(joined, side, [] {});
    if (joined.bytes() > 0 || side.is_any()) {
      ExecutableGraph::abandon_capture(backend_.stream_);
      joined_memory_ = backend_.allocate(joined.bytes());
      capture(joined, side, [&] { joined.begin(joined_memory_.data(), backend_.launches()); });
    }
    graph_.emplace(backend_.stream_);
  }

  template <typename Begin>
  void capture(JoinedKernels& joined, SideBranch& side, const Begin& begin) {
    ExecutableGraph::begin_capture(backend_.stream_);
    backend_.joined_ = &joined;
    if (backend_.has_branches_) backend_.side_ = &side;
    const auto forget = [&] {
      backend_.joined_ = nullptr;
      backend_.side_ = nullptr;
      backend_.waits_for_all_ = false;
    };
    try {
      begin();
      enqueue_();
      backend_.waits_for_all_ = side.end();
      joined.add_up_pending(backend_.launches());
    } catch (...) {
      forget();
      ExecutableGraph::abandon_capture(backend_.stream_);
      throw;
    }
    forget();
  }

  CudaBackend& backend_;
  std::function<void()> enqueue_;
  Buffer joined_memory_;  ///< that the graph's small kernels write
  std::optional<ExecutableGraph> graph_;
  const void* workspace_ = nullptr;
};

std::unique_ptr<Recording> CudaBackend::record(std::function<void()> enqueue) {
  return std::make_unique<Graph>(*this, std::move(enqueue));
}

void CudaBackend::upload(std::span<const float> host, Tensor dst) {
  check_number_type("upload", dst);
  if (dst.dtype == DType::f32) return upload(host.data(), dst.data, host.size_bytes());
  std::vector<BFloat16> rounded(host.size());
  std::transform(host.begin(), host.end(), rounded.begin(), to_bfloat16);
  upload(rounded.data(), dst.data, rounded.size() * sizeof(BFloat16));
}

void CudaBackend::download(ConstTensor src, std::span<float> host) {
  check_number_type("download", src);
  if (src.dtype == DType::f32) return download(src.data, host.data(), host.size_bytes());
  std::vector<BFloat16> rounded(host.size());
  download(src.data, rounded.data(), rounded.size() * sizeof(BFloat16));
  std::transform(rounded.begin(), rounded.end(), host.begin(), to_float);
}

}  // namespace bragg::cuda
