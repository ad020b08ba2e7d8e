// What an op's declaration is made of. An op is a struct with a name, a problem (sizes and constants), the memory that
// it reads and writes, and
//
//   template <typename Self, typename Visitor> static void operands(Self&, Visitor&&)
//                                        every operand once, with what it must be; Self is const or not
//   bool is_empty() const                nothing to do
//   void validate_more() const           where the problem's validate() does not say it all (optional)
//   void check_more(const Check&) const  where the operands do not (optional)
//   std::string details() const          what its text says behind the problem (optional)
//
// From it come the checks of a call, its text in plans and errors, the bytes that it moves at least and the memory of
// benchmarks, for all ops and backends alike. op_list.h lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/base/tensor.h"

namespace bragg {

enum class Role {
  in,
  out,    ///< written whole
  inout,  ///< read and written, or added to
};

/// Element types by what they depend on.
enum class NumberType {
  element,             ///< Backend::element_type()
  precise,             ///< Backend::precise_type()
  element_or_precise,  ///< logits are precise
  i32,
  u32,
  u8,       ///< records
  rounded,  ///< the element type, beside numbers of the precise type; no memory where the two are the same
  state,    ///< StepState, two numbers
  f64,      ///< of every backend
  totals,   ///< LossTotals, three numbers
  any,      ///< the op says itself which it takes
};

struct OperandInfo {
  Role role;
  const char* name;
  NumberType type;
  bool is_optional = false;  ///< may have no memory
};

/// Rows of numbers: `rows` rows of `length`, Backend::weight_row_stride(length) apart; one row lies without
/// gaps.
struct RowsExtent {
  std::int64_t rows, length;
};

/// (N, L, C), as Activations.
struct ActivationsExtent {
  std::int64_t N, L, C;
  /// Elements from one item to the next at least, where that is more than L * C: a halo.
  std::int64_t least_item_stride = 0;
  std::int64_t zeros_before = 0;  ///< elements of zeros ahead of item 0
  bool zeros_between = false;     ///< what lies between items are zeros, not slack
};

/// The element types of a backend.
struct NumberTypes {
  DType element, precise;

  bool are_same() const { return element == precise; }
};

/// The type that an operand must be; none: any. Where there is a choice, it is `given`.
std::optional<DType> type_of(NumberType, const NumberTypes&, DType given);

/// Finds what is wrong with a call: ProblemError "[op] what", with both values.
class Check {
 public:
  Check(const char* op, NumberTypes types, std::int64_t row_alignment)
      : op_(op), types_(types), row_alignment_(row_alignment) {}

  // Of operands: their memory, element type and shape.
  void operator()(const OperandInfo&, const ConstTensor&, const RowsExtent&) const;
  void operator()(const OperandInfo&, const ConstActivations&, const ActivationsExtent&) const;

  [[noreturn]] void fail(const std::string& what) const;
  void equal(const char* name, std::int64_t got, const char* other, std::int64_t expected) const;
  void is(const char* name, DType got, DType expected) const;
  void present(const char* name, const void* data) const;
  /// Begins at a multiple of the row alignment, as do all items, which are whole multiples of `unit` elements
  /// apart.
  void aligned(const char* name, const ConstActivations&, std::int64_t unit) const;
  void probability(const char* name, float p) const;

  const NumberTypes& types() const { return types_; }
  std::int64_t row_alignment() const { return row_alignment_; }

 private:
  const char* op_;
  NumberTypes types_;
  std::int64_t row_alignment_;
};

// For the validate() of problems; each throws ProblemError "[op] name value < least" and the like.
void require_at_least(const char* op, const char* name, std::int64_t value, std::int64_t least);
void require_within(const char* op, const char* name, double value, double low,
                    double high);  ///< [low, high)
/// A window of `kernel` elements moved by `stride` over L_in.
void require_window(const char* op, std::int64_t kernel, std::int64_t stride, std::int64_t L_in);
/// The same over L_in with zeros before and after; none lies in the padding alone, where it would be a constant.
void require_padded_window(const char* op, std::int64_t kernel, std::int64_t stride, std::int64_t L_in,
                           std::int64_t pad_before, std::int64_t pad_after);

/// " padding 1 2", or nothing where there is none.
std::string padding_text(std::int64_t before, std::int64_t after);

}  // namespace bragg
