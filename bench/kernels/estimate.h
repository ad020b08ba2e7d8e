// What an op should take on an H100, from how its product is cut, the instructions that its compiled kernels have for an
// element (tests/kernels/cuda_instructions.tsv) and the bytes that it moves: something to hold a measurement against.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace bragg::bench {

/// Instructions of a thread from the last wait for products to the exit, by kernel; "..., a stage": of one that makes an operand.
class InstructionCounts {
 public:
  /// Throws Error where the file cannot be read or says nothing.
  explicit InstructionCounts(const std::string& path);
  /// Of the kernel whose name contains all three. Throws Error where there is none.
  double of(std::string_view kernel, std::string_view tile, std::string_view store) const;

 private:
  std::string path_;
  std::map<std::string, double> by_kernel_;
};

/// An op to estimate.
struct Estimated {
  double bytes = 0;                    ///< least that it reads and writes
  std::string how{};                   ///< Backend::how(), empty where it is no product
  std::string store{};                 ///< how the compiled name of its kernel's store begins
  std::string source = "AsItArrives";  ///< and what becomes of its operand A on the way
  double results = 0;                  ///< numbers that a kernel without a plan stores
  std::string_view kernel = "";        ///< that kernel, where its instructions count
  /// A product whose kernel makes its B: that kernel, and what a step of a tile takes from the L2 cache, in rows of 128 bytes.
  std::string_view maker = "";
  double rows_from_cache = 0;
  /// Of the kernels of the op behind its first, which are bound by memory: what they read and write, and how many they are.
  double bytes_behind = 0, kernels_behind = 0;
  /// Of which each block of the product leaves two numbers of fp32, which the next kernel reads.
  double channels_with_sums = 0;
};

struct Estimate {
  double products = 0, storing = 0, memory = 0, launches = 0;  ///< seconds
  double behind = 0;                                           ///< memory's, of the kernels behind the first
  double together = 0;  ///< of products and storing what passes at a time
  /// Of the launches those of small kernels that a recorded step has joined, one for all that are of a kind; and what these take for
  /// what they read and write, which a launch of its own hides.
  double ordering = 0, adding_up = 0, joined = 0;

  /// Operands of the next tile come in while one is stored, but a tile's products and its storing come one after the other,
  /// and where warpgroups take turns those of a block's first or last tile alone; what is read and written passes beside both.
  double seconds() const { return seconds_if_slower(1); }
  /// The same where products and storing take so many times as long.
  double seconds_if_slower(double times) const {
    const double multiplier = times * work();
    return (multiplier > memory ? multiplier : memory) + behind + launches;
  }
  double work() const { return products + storing - together; }
};
/// Throws Error for a plan that it does not know.
Estimate estimate(const InstructionCounts&, const Estimated&);

/// The ops of a recorded step, one after the other.
class StepEstimate {
 public:
  void add(const Estimate& op) {
    seconds_ += op.seconds();
    join(op);
  }
  void add(std::span<const Estimate> ops) {
    for (const Estimate& op : ops)
      add(op);
  }
  /// A branch and what runs beside it, each on its multiprocessors (kernels/cuda/side_branch.h); one after the other where that is as
  /// well. What either multiplies and stores takes longer then; what both read and write passes at the memory's rate together.
  void add_beside(std::span<const Estimate> branch, std::span<const Estimate> others);
  double seconds() const { return seconds_ + ordering_ + adding_up_; }
  /// Of the last branch; 0: none.
  int branch_multiprocessors() const { return branch_multiprocessors_; }

 private:
  /// Takes launches that a recording joins out again.
  void join(const Estimate& op) {
    seconds_ += op.joined - op.ordering - op.adding_up;
    ordering_ = op.ordering > 0 ? op.ordering : ordering_;
    adding_up_ = op.adding_up > 0 ? op.adding_up : adding_up_;
  }

  double seconds_ = 0, ordering_ = 0, adding_up_ = 0;  ///< the last two: of one launch
  int branch_multiprocessors_ = 0;
};

}  // namespace bragg::bench
