// The NVIDIA GPU backend: fp32, fp32 with products in tf32, or bf16 with parameters in fp32; kernels written
// by hand, one stream, and a second beside it inside a recording. Ops return before they have run; download() and synchronize() wait.
#pragma once

#include <utility>

#include "kernels/backend_of.h"
#include "kernels/base/bfloat16.h"
#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/cuda/gemm/gemm_target.h"
#include "kernels/cuda/joined_kernels.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/side_branch.h"

namespace bragg::cuda {

/// The most that is used: mma.sync and cp.async; wgmma and TMA too; these in clusters of blocks; ops of a recording side by side; and,
/// in all precisions, convolutions that normalise what they read.
enum class GpuInstructions { sm_80, sm_90a_single, sm_90a_in_order, sm_90a_stored, sm_90a };

struct WeightGradient;

class CudaBackend final : public BackendOf<CudaBackend> {
 public:
  /// Throws UsageError where there is no such device.
  CudaBackend(int device, Precision, GpuInstructions);

  std::string name() const override { return "cuda"; }
  std::string description() const override;
  std::string arithmetic() const override { return description(); }
  DType element_type() const override { return precision_ == Precision::bf16 ? DType::bf16 : DType::f32; }
  DType precise_type() const override { return DType::f32; }
  /// In bf16 16 bytes, which cp.async and TMA need.
  std::int64_t row_alignment() const override { return precision_ == Precision::bf16 ? 8 : 1; }
  std::int64_t conv1d_steps(const Conv1dProblem&) const override;

  Buffer allocate(std::size_t bytes) override;
  void fill_zero(void* dst, std::size_t bytes) override;
  void upload(const void* host, void* dst, std::size_t bytes) override;
  void download(const void* src, void* host, std::size_t bytes) override;
  void copy(const void* src, void* dst, std::size_t bytes) override;
  void synchronize() override;
  double seconds_of(const std::function<void()>& ops) override;
  void* stream() const override { return stream_.get(); }
  std::unique_ptr<Recording> record(std::function<void()> enqueue) override;
  void upload(std::span<const float> host, Tensor dst) override;
  void download(ConstTensor src, std::span<float> host) override;

  // ---- for BackendOf ----
  void run_op(const Conv1dForward&);
  void run_op(const Conv1dBackwardData&);
  void run_op(const Conv1dBackwardWeights&);
  void run_op(const AddForward&);
  void run_op(const AddBackward&);
  void run_op(const AvgPool1dForward&);
  void run_op(const AvgPool1dBackward&);
  void run_op(const BatchNormForward&);
  void run_op(const BatchNormBackward&);
  void run_op(const BatchNormInference&);
  void run_op(const BatchNormFold&);
  void run_op(const DenseForward&);
  void run_op(const DenseBackwardData&);
  void run_op(const DenseBackwardWeights&);
  void run_op(const SoftmaxCrossEntropy&);
  void run_op(const HuberLoss&);
  void run_op(const Norm&);
  void run_op(const Adam&);
  void run_op(const Ema&);
  void run_op(const Advance&);
  void run_op(const SampleRows&);
  void run_op(const GatherRows&);
  void run_op(const SamplePatterns&);
  void run_op(const RenderPatterns&);
  void run_op(const DrawViews&);
  void run_op(const MatchViews&);
  void run_op(const Refine&);
  void run_op(const Conv1dPoolForward&);
  void run_op(const Conv1dPoolBackwardWeights&);
  void run_op(const Conv1dBatchNormForward&);
  void run_op(const Conv1dBatchNormBackward&);
  void run_op(const Conv1dNormalisedBackwardWeights&);
  void run_op(const AvgPool1dBackwardKept&);
  void run_op(const DenseBackwardWeightsAdam&);
  bool has_op(const Conv1dPoolForward&) const;
  bool has_op(const Conv1dPoolBackwardWeights&) const;
  bool has_op(const Conv1dBatchNormForward&) const;
  bool has_op(const Conv1dBatchNormBackward&) const;
  bool has_op(const Conv1dNormalisedBackwardWeights&) const;
  bool has_op(const AvgPool1dBackwardKept&) const { return conv1d_wgmma_; }
  bool has_op(const DenseBackwardWeightsAdam&) const { return updates_in_the_gradient(); }
  std::size_t workspace_of(const Conv1dPoolForward&) const;
  std::size_t workspace_of(const Conv1dBatchNormForward&) const;
  std::size_t workspace_of(const Conv1dBatchNormBackward&) const;
  std::size_t workspace_of(const Conv1dProblem&) const;
  std::size_t workspace_of(const DenseProblem&) const;
  std::size_t workspace_of(const BatchNormProblem&) const;
  std::size_t workspace_of(const SoftmaxCrossEntropyProblem&) const;
  std::size_t workspace_of(const HuberLossProblem&) const;
  std::size_t workspace_of(const NormProblem&) const;
  std::size_t workspace_of(const PatternSampling&) const;
  std::size_t workspace_of(const PatternProblem&) const;
  std::size_t workspace_of(const MatchViewsProblem&) const;
  std::size_t workspace_of(const RefineProblem&) const;
  /// Before each op that is asked for, but not for what it hands on to others.
  template <typename O>
  void before(const O& op) {
    if (side_) waits_for_all_ = side_->before(op);
    if (joined_) joined_->before(op, launches());
  }
  /// Goes through run_op without a launch.
  template <typename O>
  std::string how_of(const O& op) {
    const Rehearsal rehearsal(*this);
    run_op(op);
    return rehearsal.choices();
  }

 private:
  class Graph;
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;
  /// Calls product(arguments, store) for the convolution's matrices, several outputs to a row where that is faster and the
  /// operands lie so.
  template <typename T, typename Product>
  void multiply_windows(const Conv1dForward&, const Product& product);
  /// Calls product(arguments, scratch, WeightGradient) for the matrices of a gradient of weights, in the same way.
  template <typename T, typename Op, typename Product>
  void multiply_for_weights(const Op&, const Product& product);
  /// Batch normalisation whose sums are there already: of src and its squares, or of diff_dst and its products with src. `factor`,
  /// `offset`: what others normalise by as they read, or none.
  void normalise_by(const ChannelSums& sums, const BatchNormForward&, Tensor factor, Tensor offset,
                    const NormalisedSource& of_addend);
  void normalise_by(const ChannelSums& sums, const BatchNormBackward&);
  /// Where wgmma takes the kernels of conv1d_backward_data by rows of n: orders them so in the workspace and calls
  /// product(arguments, store). Returns whether it did.
  template <typename Product>
  bool multiply_by_rows_of_n(const Conv1dBackwardData&, const Product& product);
  /// The same by rows of k, of which any main loop takes some.
  template <typename T, typename Product>
  void multiply_by_rows_of_k(const Conv1dBackwardData&, const Product& product);

  /// Calls product(WeightGradient) for the gradients of moved kernels (Wide of conv1d.cu), in `scratch` unless a recording keeps
  /// them for later, and adds them up.
  template <typename Columns, typename Product>
  void add_up_columns(const Conv1dProblem&, const Columns&, const WeightGradient& diff, float* scratch,
                      const Product& product);
  /// The weights in that order: of the recording, or put there now, at `scratch`.
  template <typename T>
  const T* in_order(WeightOrder order, void* scratch) {
    const T* const ready = joined_ ? joined_->ordered<T>(order) : nullptr;
    if (ready) return ready;
    order.dst = scratch;
    put_in_order<T>(launches(), {&order, 1});
    return static_cast<const T*>(scratch);
  }
  /// For a rehearsal: that an op has this small kernel before its product, or behind, which reads and writes so much.
  void note(const WeightOrder&);
  void note(const MovedGradients&);
  /// Before what is no op goes through memory.
  void before(const MemoryRange&, bool writes);

  /// Calls op.operator()<T>() with the element type.
  template <typename Op>
  void with_element_type(const Op& op) const {
    if (precision_ == Precision::bf16) {
      op.template operator()<BFloat16>();
    } else {
      op.template operator()<float>();
    }
  }

  /// In bf16 Adam on a dense layer's weights runs where their gradient is made.
  bool updates_in_the_gradient() const { return precision_ == Precision::bf16; }
  LaunchTarget launches() const { return {stream_.get(), choices_ != nullptr, overlaps_ && !waits_for_all_}; }
  GemmTarget gemm_target(bool wgmma) const;
  /// Backend's; in a rehearsal some memory that nobody will touch.
  void* workspace(const char* op, std::size_t bytes);

  /// While it lives ops choose how they are run, and are not.
  class Rehearsal {
   public:
    explicit Rehearsal(CudaBackend& backend)
        : backend_(backend),
          joined_(std::exchange(backend.joined_, nullptr)),
          side_(std::exchange(backend.side_, nullptr)) {
      backend.choices_ = &choices_;
    }
    ~Rehearsal() {
      backend_.choices_ = nullptr;
      backend_.joined_ = joined_;
      backend_.side_ = side_;
    }
    Rehearsal(const Rehearsal&) = delete;
    Rehearsal& operator=(const Rehearsal&) = delete;
    /// One for each matrix product, between semicolons.
    std::string choices() const;

   private:
    CudaBackend& backend_;
    JoinedKernels* joined_;  ///< of a recording that goes on: a rehearsal adds nothing to it
    SideBranch* side_;
    std::vector<std::string> choices_;
  };

  const int device_;
  const Precision precision_;
  const bool wgmma_, pairs_, overlaps_, has_branches_, normalises_as_it_reads_;
  /// A convolution's rows overlap, and the driver may refuse TMA maps of such rows: tried once, here.
  const std::string overlapping_map_refused_because_;
  const bool conv1d_wgmma_;
  const int multiprocessors_;
  const std::size_t shared_memory_;  ///< that a block can have, bytes
  Stream stream_, side_stream_;
  Buffer ticket_;  ///< zero between ops: a counter by which the blocks of one launch find out who is last
  Buffer shared_sums_;                           ///< of blocks that share a tile: GemmTarget
  std::vector<std::string>* choices_ = nullptr;  ///< of the rehearsal that goes on
  JoinedKernels* joined_ = nullptr;              ///< of the recording that goes on
  SideBranch* side_ = nullptr;                   ///< of the same
  bool waits_for_all_ = false;  ///< no kernel of this op comes in before all others have ended
};

}  // namespace bragg::cuda
