// The contract between networks, simulator and hardware. An op is a struct of kernels/ops, its only
// declaration; a backend runs every one of them, or does not compile.
//
// Three implementations: `reference` (double precision, plain loops, the spec and the oracle), `cpu` (SIMD
// and threads) and `cuda`. run() checks a call once, by its declaration, and hands it to the implementation.
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

#include "kernels/base/memory.h"
#include "kernels/base/tensor.h"
#include "kernels/ops/call.h"
#include "kernels/ops/op_list.h"

namespace bragg {

struct Conv1dProblem;
struct CrystalBatch;
struct ReflectionProblem;
struct ReflectionSet;

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
  /// Of activations, their gradients and the weights that products read: f64 (reference), f32 or bf16 (cpu,
  /// cuda).
  virtual DType element_type() const = 0;
  /// Of what small numbers are added to: parameters, their gradients and moments, biases, logits, |F|^2. It
  /// is the element type, or f32 where that is bf16.
  virtual DType precise_type() const { return element_type(); }
  NumberTypes number_types() const { return {element_type(), precise_type()}; }
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

  /// Steps from one item to the next with which a convolution without padding is fastest: src_item_stride and
  /// diff_dst_item_stride are at least so many. A step is `stride` rows of src, and one row of diff_dst, whose halo
  /// they hold.
  virtual std::int64_t conv1d_steps(const Conv1dProblem&) const;
  std::int64_t src_item_stride(const Conv1dProblem&) const;
  std::int64_t diff_dst_item_stride(const Conv1dProblem&) const;

  // ---- memory ----
  /// Zero-filled, aligned to ArenaPlan::alignment. Throws Error naming the bytes asked for.
  virtual Buffer allocate(std::size_t bytes) = 0;
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
  /// graph). `enqueue` may neither allocate, wait nor copy to or from the host; it is kept, and may be
  /// called several times: it asks for the same each time.
  virtual std::unique_ptr<Recording> record(std::function<void()> enqueue);
  /// Canonical fp32 on the host <-> the element type or the precise type on the device.
  virtual void upload(std::span<const float> host, Tensor dst) = 0;
  virtual void download(ConstTensor src, std::span<float> host) = 0;

  // ---- ops ----
  // Element types: of the element type but biases, logits and the gradients of parameters. Weights are
  // (C_out, kernel, C_in) or (out, in), a row per output, weight_row_stride apart, and so are their
  // gradients.

  /// Throws ProblemError where the call is not as the op's declaration says, before anything runs.
  template <IsOp O>
  void run(const O& op) {
    check_call(op, number_types(), row_alignment());
    if (op.is_empty())
      zero_results(op);
    else
      hand_over(op, [this](OpPointer handed) { do_run(handed); });
  }
  /// Bytes of scratch that the op needs: of its problem, with or without memory.
  template <IsOp O>
  std::size_t workspace_bytes(const O& op) const {
    return hand_over(op, [this](OpPointer handed) { return do_workspace_bytes(handed); });
  }
  /// Whether run() takes an op of this problem: always, but for fusions.
  template <IsOp O>
  bool has(const O& op) const {
    return do_has(&op);
  }
  /// Main loops and tiles by which the op would be run, without running it: "wgmma bf16, tile 256x160, ...";
  /// empty where a backend runs all alike.
  template <IsOp O>
  std::string how(const O& op) {
    check_call(op, number_types(), row_alignment());
    return op.is_empty() ? "" : hand_over(op, [this](OpPointer handed) { return do_how(handed); });
  }

  /// Set-up op (allocates, waits): the reflections of all crystals of the batch.
  ReflectionSet structure_factors(const ReflectionProblem&, const CrystalBatch&);

 protected:
  /// The scratch memory of the op that runs now. Throws ProblemError if less than `bytes` was reserved.
  void* workspace(const char* op, std::size_t bytes);
  const void* workspace_begin() const { return workspace_.data(); }
  /// Throws ProblemError if the tensor is of neither the element type nor the precise type.
  void check_number_type(const char* op, ConstTensor) const;

 private:
  // Implemented by BackendOf for all ops at once.
  virtual void do_run(OpPointer) = 0;
  virtual std::size_t do_workspace_bytes(OpPointer) const = 0;
  virtual bool do_has(OpPointer) const = 0;
  virtual std::string do_how(OpPointer) = 0;
  virtual ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) = 0;

  /// The op as implementations see it: what pads its src lies in memory, so that it is without padding.
  template <IsOp O, typename To>
  static auto hand_over(const O& op, const To& to) {
    if constexpr (requires { op.unpadded(); }) {
      if (op.problem.is_padded()) {
        const O unpadded = op.unpadded();
        return to(&unpadded);
      }
    }
    return to(&op);
  }

  /// What an op of an empty batch makes of its results that are not empty: gradients of parameters.
  template <IsOp O>
  void zero_results(const O& op) {
    O::operands(
        op, ZeroRows{[this](Tensor rows, const RowsExtent& extent) { fill_rows_with_zero(rows, extent); }});
  }
  void fill_rows_with_zero(Tensor rows, const RowsExtent&);

  Buffer workspace_;
};

struct DeviceOptions {
  std::string device = "auto";  ///< "reference", "cpu", "cuda", "cuda:1" ... or "auto": a GPU if there is one
  int threads = 0;              ///< 0: all that the process may use
  /// "" takes the best that the device has; else at most "x86-64-v2", "x86-64-v3", "x86-64-v4",
  /// "x86-64-v4-bf16", or of a GPU "sm_80", "sm_90a_single" (no
  /// clusters of blocks), "sm_90a_in_order" (no ops of a recording side by side), "sm_90a_stored" (what is normalised is stored), "sm_90a".
  std::string instruction_set;
  /// "fp32"; "bf16" (the element type) on a GPU, and on a CPU with AVX512-BF16 (or AMX); on a GPU also "tf32" (fp32 in
  /// memory, products in tf32).
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

/// Why the device lacks that precision; empty where it has it. Throws UsageError as make_backend does for another
/// device or instruction set.
std::string precision_lacks(const DeviceOptions&);

/// Throws UsageError for a device that is unknown or not there, an instruction set that the machine lacks, or
/// a precision that the device lacks.
std::unique_ptr<Backend> make_backend(const DeviceOptions& = {});

}  // namespace bragg
