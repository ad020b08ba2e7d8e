// The contract between networks, simulator and hardware: one pure virtual per op, shapes in its comment.
//
// Three implementations: `reference` (double precision, plain loops, the spec and the oracle), `cpu` (SIMD
// and threads) and `cuda`. Public functions check the call once (problems.cpp, backend.cpp) and hand it to
// the implementation.
//
// Ops are enqueued in order and may run later (a GPU's stream): download() and synchronize() wait. Inside a
// training step nothing is allocated and nothing is read back; memory is planned before (allocate,
// reserve_workspace). Naming: src, weights, bias, dst and their diff_* as in oneDNN. Overlap: src may not
// alias dst in any op but adam.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/base/tensor.h"
#include "kernels/problems.h"

namespace bragg {

/// Ops that are run again and again, in order.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void run() = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string name() const = 0;  ///< "cpu"
  /// For people: instruction set or device, threads.
  virtual std::string description() const = 0;
  /// What the rounding of its sums depends on: "cpu x86-64-v3", "reference", or the GPU with its precision.
  /// Equal bits are promised between equal ones only.
  virtual std::string arithmetic() const = 0;
  /// Of activations, their gradients and the weights that products read: f64 (reference), f32 (cpu), f32 or
  /// bf16 (cuda).
  virtual DType element_type() const = 0;
  /// Of what small numbers are added to: parameters, their gradients and moments, biases, logits, |F|^2. It
  /// is the element type, or f32 where that is bf16.
  virtual DType precise_type() const { return element_type(); }
  /// Elements. Rows of weights begin at multiples of it (weight_row_stride); activations may begin anywhere,
  /// those at multiples are read faster.
  virtual std::int64_t row_alignment() const { return 1; }
  /// Elements, up to a multiple of it.
  std::int64_t aligned(std::int64_t elements) const {
    return (elements + row_alignment() - 1) / row_alignment() * row_alignment();
  }
  /// From one output's weights to the next, in all arenas alike. What lies between is neither read nor
  /// written.
  std::int64_t weight_row_stride(std::int64_t row_length) const { return aligned(row_length); }

  /// Steps from one item to the next with which a convolution is fastest: src_item_stride and
  /// diff_dst_item_stride are so many. A step is `stride` rows of src, and one row of diff_dst, whose halo
  /// they hold.
  virtual std::int64_t conv1d_steps(const Conv1dProblem& p) const {
    return (p.L_in + p.stride - 1) / p.stride;
  }
  std::int64_t src_item_stride(const Conv1dProblem& p) const {
    return aligned(conv1d_steps(p) * p.stride * p.C_in);
  }
  std::int64_t diff_dst_item_stride(const Conv1dProblem& p) const {
    return aligned(conv1d_steps(p) * p.C_out);
  }

  // ---- memory ----
  /// Zero-filled, aligned to ArenaPlan::alignment. Throws Error naming the bytes asked for.
  virtual Buffer allocate(std::size_t bytes) = 0;
  /// Bytes of scratch that the op needs for any of its passes.
  virtual std::size_t workspace_bytes(const Conv1dProblem&) const { return 0; }
  virtual std::size_t workspace_bytes(const DenseProblem&) const { return 0; }
  virtual std::size_t workspace_bytes(const SoftmaxCrossEntropyProblem&) const { return 0; }
  virtual std::size_t workspace_bytes(const PatternSampling&) const { return 0; }
  virtual std::size_t workspace_bytes(const PatternProblem&) const { return 0; }
  virtual std::size_t workspace_bytes(const Conv1dProblem&, const AvgPool1dProblem&) const { return 0; }
  /// Grows the scratch memory to at least this; never inside a step.
  void reserve_workspace(std::size_t bytes);

  virtual void fill_zero(void* dst, std::size_t bytes) = 0;
  virtual void upload(const void* host, void* dst, std::size_t bytes) = 0;
  virtual void download(const void* src, void* host, std::size_t bytes) = 0;
  /// From device memory to device memory that does not overlap; enqueued as an op is.
  virtual void copy(const void* src, void* dst, std::size_t bytes) = 0;
  virtual void synchronize() {}
  /// Seconds that the device takes for what `ops` enqueues, by its own clock where it has one; waits.
  virtual double seconds_of(const std::function<void()>& ops);
  /// The cudaStream_t that ops are enqueued in, so that a foreign library can be timed as they are; nullptr
  /// where there is none.
  virtual void* stream() const { return nullptr; }
  /// The ops that `enqueue` asks for: recorded, not run. On a GPU one launch then runs them all (a CUDA
  /// graph). `enqueue` may neither allocate, wait nor copy to or from the host; it is kept, and called again
  /// where the workspace has moved since.
  virtual std::unique_ptr<Recording> record(std::function<void()> enqueue);
  /// How each matrix product in `ops` is computed, which are run to find out; a backend that computes all
  /// alike says nothing, and runs nothing.
  virtual std::vector<std::string> choices_of(const std::function<void()>& ops);
  /// Canonical fp32 on the host <-> the element type or the precise type on the device.
  virtual void upload(std::span<const float> host, Tensor dst) = 0;
  virtual void download(ConstTensor src, std::span<float> host) = 0;

  // ---- network ----
  // All of the element type but biases, logits and the gradients of parameters. Weights are (C_out, kernel,
  // C_in) or (out, in), a row per output, weight_row_stride apart, and so are their gradients.

  /// src (N, L_in, C_in), weights (C_out, kernel, C_in) -> dst (N, L_out, C_out)
  void conv1d_forward(const Conv1dProblem&, const ConstActivations& src, ConstTensor weights,
                      const Activations& dst, const Epilogue&);
  /// diff_dst (N, L_out, C_out) with halo_before/after() rows of zeros around every item -> diff_src (N,
  /// L_in, C_in). Rows of diff_src that no output reads become 0.
  void conv1d_backward_data(const Conv1dProblem&, const ConstActivations& diff_dst, ConstTensor weights,
                            const Activations& diff_src, const ReluGradient&);
  /// src, diff_dst -> diff_weights (C_out, kernel, C_in), diff_bias (C_out); overwritten, not added to.
  void conv1d_backward_weights(const Conv1dProblem&, const ConstActivations& src,
                               const ConstActivations& diff_dst, Tensor diff_weights, Tensor diff_bias);
  /// src (N, L_in, C) -> dst (N, L_out, C)
  void avg_pool1d_forward(const AvgPool1dProblem&, const ConstActivations& src, const Activations& dst);
  /// diff_dst (N, L_out, C) -> diff_src (N, L_in, C)
  void avg_pool1d_backward(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                           const Activations& diff_src, const ReluGradient&);
  /// Whether there are conv1d_pool_forward and avg_pool1d_backward_kept for these.
  virtual bool fuses_pool(const Conv1dProblem&, const AvgPool1dProblem&) const { return false; }
  /// conv1d_forward (its sums perhaps in another order) and then avg_pool1d_forward: src (N, L_in, C_in),
  /// weights (C_out, kernel, C_in) -> dst (N, pool's L_out, C_out). What lies between, rounded to the element
  /// type, never lies in memory; `kept`, if given, gets one bit of each of its elements (KeptBits). Aligned:
  /// src and dst begin at, and the items of dst are, multiples of row_alignment() apart; those of src whole
  /// multiples of row_alignment() steps, as src_item_stride is.
  void conv1d_pool_forward(const Conv1dProblem&, const AvgPool1dProblem&, const ConstActivations& src,
                           ConstTensor weights, const Activations& dst, Tensor kept, const Epilogue&);
  /// avg_pool1d_backward through the ReLU and dropout of conv1d_pool_forward.
  void avg_pool1d_backward_kept(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                                const Activations& diff_src, const KeptBits&);
  /// src (N, 1, in), weights (out, in) -> dst (N, 1, out), of the element type or (logits) the precise type
  void dense_forward(const DenseProblem&, const ConstActivations& src, ConstTensor weights,
                     const Activations& dst, const Epilogue&);
  /// diff_dst (N, 1, out), weights (out, in) -> diff_src (N, 1, in)
  void dense_backward_data(const DenseProblem&, const ConstActivations& diff_dst, ConstTensor weights,
                           const Activations& diff_src, const ReluGradient&);
  /// src (N, 1, in), diff_dst (N, 1, out) -> diff_weights (out, in), diff_bias (out); overwritten.
  void dense_backward_weights(const DenseProblem&, const ConstActivations& src,
                              const ConstActivations& diff_dst, Tensor diff_weights, Tensor diff_bias);
  /// logits (N, classes), labels i32 (N) -> diff_logits (N, 1, classes) = (softmax - one_hot) / N, if given;
  /// and totals (LossTotals on the device) += this batch. A label outside [0, classes) makes loss_sum NaN.
  void softmax_cross_entropy(const SoftmaxCrossEntropyProblem&, ConstTensor logits, ConstTensor labels,
                             const Activations& diff_logits, Tensor totals);
  /// (count) numbers updated in place from gradients (count) of the precise type; state: StepState.
  void adam(const AdamProblem&, const AdamTensors&, ConstTensor gradients, ConstTensor state);
  /// Whether there is dense_backward_weights_adam.
  virtual bool fuses_adam() const { return false; }
  /// dense_backward_weights and then adam on the weights, (out, in) with its rows, the same bits; the
  /// gradient of the weights never lies in memory.
  void dense_backward_weights_adam(const DenseProblem&, const ConstActivations& src,
                                   const ConstActivations& diff_dst, const AdamProblem&, const AdamTensors&,
                                   Tensor diff_bias, ConstTensor state);

  // ---- batches ----
  /// state: StepState; step += 1, first_index += batch.
  void advance(Tensor state, std::int64_t batch);
  /// candidates i32 (candidates), state -> dst i32 (N)
  void draw_rows(const DrawRowsProblem&, ConstTensor candidates, ConstTensor state, Tensor dst);
  /// table (table_rows, row_length) f32, u16 or i32, rows i32 (N) -> dst (N, row_length): element type, or
  /// i32 from i32.
  void gather_rows(const GatherRowsProblem&, ConstTensor table, ConstTensor rows, const Activations& dst);

  // ---- crystallography ----
  /// Set-up op (allocates, waits): the reflections of all crystals of the batch.
  ReflectionSet structure_factors(const ReflectionProblem&, const CrystalBatch&);
  /// state: StepState, pattern i has index state.first_index + i. -> dst: PatternParameters (N), u8
  void sample_patterns(const PatternSampling&, ConstTensor state, Tensor dst);
  /// crystals i32 (N): rows of the set; impurities i32 (N): the same, needed where the problem has any;
  /// parameters: PatternParameters (N), u8, sampled or such as validate() accepts. -> dst (N, points, 1).
  /// Parameters that cannot be read (fault_of) are refused by name; a GPU's kernel makes a pattern of NaN.
  void render_patterns(const PatternProblem&, const ReflectionSet&, ConstTensor crystals,
                       ConstTensor impurities, ConstTensor parameters, const Activations& dst);

 protected:
  /// The scratch memory of the op that runs now. Throws ProblemError if less than `bytes` was reserved.
  void* workspace(const char* op, std::size_t bytes);
  const void* workspace_begin() const { return workspace_.data(); }
  /// Throws ProblemError if the tensor is of neither the element type nor the precise type.
  void check_number_type(const char* op, ConstTensor) const;
  /// Throws ProblemError: there is no conv1d_pool_forward for these.
  [[noreturn]] void refuse_pool(const Conv1dProblem&, const AvgPool1dProblem&) const;

 private:
  virtual void do_conv1d_forward(const Conv1dProblem&, const ConstActivations& src, ConstTensor weights,
                                 const Activations& dst, const Epilogue&) = 0;
  virtual void do_conv1d_backward_data(const Conv1dProblem&, const ConstActivations& diff_dst,
                                       ConstTensor weights, const Activations& diff_src,
                                       const ReluGradient&) = 0;
  virtual void do_conv1d_backward_weights(const Conv1dProblem&, const ConstActivations& src,
                                          const ConstActivations& diff_dst, Tensor diff_weights,
                                          Tensor diff_bias) = 0;
  virtual void do_avg_pool1d_forward(const AvgPool1dProblem&, const ConstActivations& src,
                                     const Activations& dst) = 0;
  virtual void do_avg_pool1d_backward(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                                      const Activations& diff_src, const ReluGradient&) = 0;
  virtual void do_conv1d_pool_forward(const Conv1dProblem&, const AvgPool1dProblem&,
                                      const ConstActivations& src, ConstTensor weights,
                                      const Activations& dst, Tensor kept, const Epilogue&);
  virtual void do_avg_pool1d_backward_kept(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                                           const Activations& diff_src, const KeptBits&);
  virtual void do_dense_forward(const DenseProblem&, const ConstActivations& src, ConstTensor weights,
                                const Activations& dst, const Epilogue&) = 0;
  virtual void do_dense_backward_data(const DenseProblem&, const ConstActivations& diff_dst,
                                      ConstTensor weights, const Activations& diff_src,
                                      const ReluGradient&) = 0;
  virtual void do_dense_backward_weights(const DenseProblem&, const ConstActivations& src,
                                         const ConstActivations& diff_dst, Tensor diff_weights,
                                         Tensor diff_bias) = 0;
  virtual void do_softmax_cross_entropy(const SoftmaxCrossEntropyProblem&, ConstTensor logits,
                                        ConstTensor labels, const Activations& diff_logits,
                                        Tensor totals) = 0;
  virtual void do_adam(const AdamProblem&, const AdamTensors&, ConstTensor gradients, ConstTensor state) = 0;
  virtual void do_dense_backward_weights_adam(const DenseProblem&, const ConstActivations& src,
                                              const ConstActivations& diff_dst, const AdamProblem&,
                                              const AdamTensors&, Tensor diff_bias, ConstTensor state);
  virtual void do_advance(Tensor state, std::int64_t batch) = 0;
  virtual void do_draw_rows(const DrawRowsProblem&, ConstTensor candidates, ConstTensor state,
                            Tensor dst) = 0;
  virtual void do_gather_rows(const GatherRowsProblem&, ConstTensor table, ConstTensor rows,
                              const Activations& dst) = 0;
  virtual ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) = 0;
  virtual void do_sample_patterns(const PatternSampling&, ConstTensor state, Tensor dst) = 0;
  virtual void do_render_patterns(const PatternProblem&, const ReflectionSet&, ConstTensor crystals,
                                  ConstTensor impurities, ConstTensor parameters, const Activations& dst) = 0;

  /// Gradients of an empty batch.
  void fill_rows_with_zero(Tensor rows, std::int64_t count, std::int64_t length);

  Buffer workspace_;
};

struct DeviceOptions {
  std::string device = "auto";  ///< "reference", "cpu", "cuda", "cuda:1" ... or "auto": a GPU if there is one
  int threads = 0;              ///< 0: all that the process may use
  /// "" takes the best that the device has; else at most "x86-64-v2", "x86-64-v3", "x86-64-v4", or of a GPU
  /// "sm_80", "sm_90a".
  std::string instruction_set;
  /// "fp32"; on a GPU also "tf32" (fp32 in memory, products in tf32) or "bf16" (the element type).
  std::string precision = "fp32";
};

/// What DeviceOptions::device comes to here: "cuda:1", "cpu", "reference", and for "auto" where that is the
/// CPU of a program that could use a GPU, why. Throws UsageError for another name.
struct DeviceChoice {
  std::string device;
  bool gpu = false;
  std::string no_gpu_because;
};
DeviceChoice choose_device(const std::string& device);

/// Throws UsageError for a device that is unknown or not there, an instruction set that the machine lacks, or
/// a precision that the device lacks.
std::unique_ptr<Backend> make_backend(const DeviceOptions& = {});

}  // namespace bragg
