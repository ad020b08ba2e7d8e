#include "kernels/backend.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/reflection_problem.h"
#include "kernels/ops/conv1d.h"

namespace bragg {
namespace {

/// Where ops run when they are called.
class Repetition final : public Recording {
 public:
  explicit Repetition(std::function<void()> ops) : ops_(std::move(ops)) {}
  void run() override { ops_(); }

 private:
  std::function<void()> ops_;
};

}  // namespace

std::int64_t Backend::conv1d_steps(const Conv1dProblem& p) const {
  return (p.L_in + p.stride - 1) / p.stride;
}

std::int64_t Backend::src_item_stride(const Conv1dProblem& p) const {
  return aligned(conv1d_steps(p.over_padding()) * p.stride * p.C_in);
}

std::int64_t Backend::diff_dst_item_stride(const Conv1dProblem& p) const {
  return aligned(std::max(conv1d_steps(p.over_padding()) * p.C_out, p.haloed_item_stride()));
}

double Backend::seconds_of(const std::function<void()>& ops) {
  synchronize();
  const auto start = std::chrono::steady_clock::now();
  ops();
  synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::unique_ptr<Recording> Backend::record(std::function<void()> enqueue) {
  return std::make_unique<Repetition>(std::move(enqueue));
}

void Backend::reserve_workspace(std::size_t bytes) {
  if (bytes > workspace_.bytes()) workspace_ = allocate(bytes);
}

void* Backend::workspace(const char* op, std::size_t bytes) {
  if (bytes > workspace_.bytes()) {
    throw ProblemError(
        fmt::format("[{}] needs {} bytes of workspace, {} reserved", op, bytes, workspace_.bytes()));
  }
  return workspace_.data();
}

void Backend::fill_rows_with_zero(Tensor rows, const RowsExtent& extent) {
  const std::size_t element = size_of(rows.dtype);
  const auto stride = static_cast<std::size_t>(weight_row_stride(extent.length)) * element;
  for (std::size_t row = 0; row < static_cast<std::size_t>(extent.rows); ++row)
    fill_zero(rows.as<std::byte>() + row * stride, static_cast<std::size_t>(extent.length) * element);
}

void Backend::check_number_type(const char* op, ConstTensor tensor) const {
  if (tensor.dtype != precise_type())
    Check(op, number_types(), row_alignment()).is("tensor", tensor.dtype, element_type());
}

ReflectionSet Backend::structure_factors(const ReflectionProblem& p, const CrystalBatch& crystals) {
  p.validate();
  crystals.validate();
  return do_structure_factors(p, crystals);
}

}  // namespace bragg
