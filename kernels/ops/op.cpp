#include "kernels/ops/op.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {
std::optional<DType> type_of(NumberType type, const NumberTypes& types, DType given) {
  switch (type) {
    case NumberType::element:
    case NumberType::rounded:
      return types.element;
    case NumberType::precise:
      return types.precise;
    case NumberType::element_or_precise:
      return given == types.precise ? types.precise : types.element;
    case NumberType::i32:
      return DType::i32;
    case NumberType::u32:
      return DType::u32;
    case NumberType::u8:
      return DType::u8;
    case NumberType::f64:
      return DType::f64;
    case NumberType::state:
    case NumberType::totals:
    case NumberType::any:
      break;
  }
  return std::nullopt;
}

void Check::fail(const std::string& what) const {
  throw ProblemError(fmt::format("[{}] {}", op_, what));
}

void Check::equal(const char* name, std::int64_t got, const char* other, std::int64_t expected) const {
  if (got != expected) fail(fmt::format("{} {} != {} {}", name, got, other, expected));
}

void Check::is(const char* name, DType got, DType expected) const {
  if (got != expected) fail(fmt::format("{} is {}, not {}", name, name_of(got), name_of(expected)));
}

void Check::present(const char* name, const void* data) const {
  if (data == nullptr) fail(fmt::format("{} has no memory", name));
}

void Check::operator()(const OperandInfo& info, const ConstTensor& t, const RowsExtent& extent) const {
  if ((info.is_optional && t.data == nullptr) || extent.rows * extent.length == 0) return;
  if (info.type == NumberType::rounded && types_.are_same()) {
    if (t.data == nullptr) return;
    fail(fmt::format("{} is {}, there is none beside {} weights", info.name, name_of(t.dtype),
                     name_of(types_.precise)));
  }
  present(info.name, t.data);
  if (const auto type = type_of(info.type, types_, t.dtype)) is(info.name, t.dtype, *type);
}

void Check::operator()(const OperandInfo& info, const ConstActivations& a,
                       const ActivationsExtent& extent) const {
  if (info.is_optional && a.data == nullptr) return;
  const auto dimension = [&](const char* which, std::int64_t got, std::int64_t expected) {
    if (got != expected) fail(fmt::format("{} {} {} != problem's {}", info.name, which, got, expected));
  };
  dimension("N", a.N, extent.N);
  dimension("L", a.L, extent.L);
  dimension("C", a.C, extent.C);
  if (const auto type = type_of(info.type, types_, a.dtype)) is(info.name, a.dtype, *type);
  const auto far_enough = [&](const char* why, std::int64_t least) {
    if (a.item_stride < least)
      fail(fmt::format("{}{} item_stride {} < {}", info.name, why, a.item_stride, least));
  };
  far_enough("", extent.L * extent.C);
  far_enough(" (with its halo)", extent.least_item_stride);
  if (extent.N > 0) present(info.name, a.data);
}

void Check::aligned(const char* name, const ConstActivations& a, std::int64_t unit) const {
  const auto address = reinterpret_cast<std::uintptr_t>(a.data);
  const auto bytes = static_cast<std::uintptr_t>(row_alignment_) * size_of(a.dtype);
  if (address % bytes != 0)
    fail(fmt::format("{} begins {} bytes beyond a multiple of {}", name, address % bytes, bytes));
  if (a.N > 1 && a.item_stride % unit != 0)
    fail(fmt::format("{} item_stride {} is no multiple of {}", name, a.item_stride, unit));
}

void Check::probability(const char* name, float p) const {
  if (!(p >= 0 && p < 1)) fail(fmt::format("{} {} outside [0, 1)", name, p));
}

void require_at_least(const char* op, const char* name, std::int64_t value, std::int64_t least) {
  if (value < least) throw ProblemError(fmt::format("[{}] {} {} < {}", op, name, value, least));
}

void require_within(const char* op, const char* name, double value, double low, double high) {
  if (!(value >= low && value < high))
    throw ProblemError(fmt::format("[{}] {} {} outside [{}, {})", op, name, value, low, high));
}

void require_window(const char* op, std::int64_t kernel, std::int64_t stride, std::int64_t L_in) {
  require_at_least(op, "L_in", L_in, 1);
  require_at_least(op, "kernel", kernel, 1);
  require_at_least(op, "stride", stride, 1);
  if (kernel > L_in) throw ProblemError(fmt::format("[{}] kernel {} > L_in {}", op, kernel, L_in));
}

void require_padded_window(const char* op, std::int64_t kernel, std::int64_t stride, std::int64_t L_in,
                           std::int64_t pad_before, std::int64_t pad_after) {
  require_at_least(op, "L_in", L_in, 1);
  require_window(op, kernel, stride, pad_before + L_in + pad_after);
  require_within(op, "pad_before", static_cast<double>(pad_before), 0, static_cast<double>(kernel));
  require_within(op, "pad_after", static_cast<double>(pad_after), 0, static_cast<double>(kernel));
}

std::string padding_text(std::int64_t before, std::int64_t after) {
  return before > 0 || after > 0 ? fmt::format(" padding {} {}", before, after) : "";
}

}  // namespace bragg
