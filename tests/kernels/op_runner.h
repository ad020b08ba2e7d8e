// Runs any op of a network on any backend, on host numbers: its declaration says what its operands are. Every
// one lies between guard bands, slack between items is filled with numbers that spoil a result that reads them,
// guards and inputs are checked afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/ops/network_op.h"

namespace bragg::tests {

/// Of whatever type on the device: labels and words of bits are integers.
using Numbers = std::vector<double>;
/// By the names of an op's operands.
using Operands = std::map<std::string, Numbers>;

/// `count` integers in [-4, 4] (zeros are rare), the same for the same seed.
Numbers integers(std::int64_t count, std::uint32_t seed);
/// `count` floats, uniform in (-1, 1).
Numbers uniforms(std::int64_t count, std::uint32_t seed);
Numbers absolute(Numbers);

struct OperandShape {
  OperandInfo info;
  std::int64_t count;  ///< numbers, without gaps
};
/// All operands of an op without memory.
std::vector<OperandShape> operands_of(const NetworkOp&);

struct RunOptions {
  std::uint64_t step = 0;  ///< of the StepState that the op reads
  bool precise = false;    ///< operands of the element type or the precise type are of the precise type
};

class OpRunner {
 public:
  /// Everything begins at multiples of `alignment` elements, laid out as a network lays it, but for biases and
  /// logits; where it is 1, all lies at odd addresses.
  explicit OpRunner(Backend& backend, std::int64_t alignment = 1)
      : backend_(backend), alignment_(alignment) {}

  /// `op` is without memory. Every operand that is not optional takes part, and of the others those that are
  /// given; results need no numbers, nor do the state and totals (zeros) and doubles (1). Returns the results, without gaps.
  /// Throws std::runtime_error that begins with ran() where a guard was overwritten or an input changed, or
  /// numbers are missing or too many.
  Operands run(const NetworkOp& op, const Operands& given, const RunOptions& = {});

  Backend& backend() const { return backend_; }
  /// Backend::how of the op that ran last.
  const std::string& how() const { return how_; }
  /// What ran last, enough to run it again: "conv1d_forward N 2 ... + bias, relu on cpu x86-64-v3, at odd
  /// addresses, step 9".
  const std::string& ran() const { return ran_; }

 private:
  Backend& backend_;
  std::int64_t alignment_;
  std::string how_, ran_;
};

}  // namespace bragg::tests
