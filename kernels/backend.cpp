// The checks of every call, once for all backends; make_backend is in device.cpp.
#include "kernels/backend.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"

namespace bragg {
namespace {

/// The call being checked: the op's name and the types of the backend.
struct Call {
  const char* op;
  DType element, precise;

  Call(const char* op_, const Backend& backend)
      : op(op_), element(backend.element_type()), precise(backend.precise_type()) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw ProblemError(fmt::format("[{}] {}", op, what));
  }

  void equal(const char* name, std::int64_t got, const char* other, std::int64_t expected) const {
    if (got != expected) fail(fmt::format("{} {} != {} {}", name, got, other, expected));
  }

  void is(const char* name, DType got, DType expected) const {
    if (got != expected) fail(fmt::format("{} is {}, not {}", name, name_of(got), name_of(expected)));
  }

  void present(const char* name, const void* data) const {
    if (data == nullptr) fail(fmt::format("{} has no memory", name));
  }

  void tensor(const char* name, const ConstTensor& t, DType expected) const {
    present(name, t.data);
    is(name, t.dtype, expected);
  }
  void tensor(const char* name, const ConstTensor& t) const { tensor(name, t, element); }

  void activations(const char* name, const ConstActivations& a, std::int64_t N, std::int64_t L,
                   std::int64_t C) const {
    activations(name, a, N, L, C, element);
  }
  void activations(const char* name, const ConstActivations& a, std::int64_t N, std::int64_t L,
                   std::int64_t C, DType type) const {
    equal(fmt::format("{} N", name).c_str(), a.N, "problem's", N);
    equal(fmt::format("{} L", name).c_str(), a.L, "problem's", L);
    equal(fmt::format("{} C", name).c_str(), a.C, "problem's", C);
    is(name, a.dtype, type);
    item_stride(name, a, L * C);
    if (N > 0) present(name, a.data);
  }

  void item_stride(const char* name, const ConstActivations& a, std::int64_t least) const {
    if (a.item_stride < least) fail(fmt::format("{} item_stride {} < {}", name, a.item_stride, least));
  }

  /// Of rows that are read and written in whole: `unit` elements, from one item to the next as well.
  void aligned(const char* name, const ConstActivations& a, std::int64_t alignment, std::int64_t unit) const {
    const auto address = reinterpret_cast<std::uintptr_t>(a.data);
    const auto bytes = static_cast<std::uintptr_t>(alignment) * size_of(a.dtype);
    if (address % bytes != 0)
      fail(fmt::format("{} begins {} bytes beyond a multiple of {}", name, address % bytes, bytes));
    if (a.N > 1 && a.item_stride % unit != 0)
      fail(fmt::format("{} item_stride {} is no multiple of {}", name, a.item_stride, unit));
  }

  void probability(const char* name, float p) const {
    if (!(p >= 0 && p < 1)) fail(fmt::format("{} {} outside [0, 1)", name, p));
  }

  /// `rows` of `C` features are what the epilogue's op stores.
  void epilogue(const Epilogue& e, std::int64_t rows, std::int64_t C) const {
    if (e.bias) is("bias", e.bias.dtype, precise);
    probability("dropout", e.dropout.p);
    if (e.dropout.p == 0) return;
    present("dropout's state", e.dropout.state.data);
    constexpr std::int64_t most = std::int64_t{1} << 32;
    const std::int64_t calls = rows * dropout_calls_per_row(C);
    if (calls > most) fail(fmt::format("dropout needs {} random calls > {}", calls, most));
  }

  void adam_tensors(const AdamTensors& t) const {
    tensor("weights", t.weights, precise);
    tensor("m", t.m, precise);
    tensor("v", t.v, precise);
    if (element != precise) {
      tensor("working", t.working);
    } else if (t.working) {
      fail(fmt::format("working is {}, there is none beside {} weights", name_of(t.working.dtype),
                       name_of(precise)));
    }
  }

  void relu_gradient(const ReluGradient& g, const ConstActivations& diff_src) const {
    probability("dropout", g.p);
    if (g.src.data == nullptr) return;
    activations("ReLU gradient's src", g.src, diff_src.N, diff_src.L, diff_src.C);
  }
};

/// Where ops run when they are called.
class Repetition final : public Recording {
 public:
  explicit Repetition(std::function<void()> ops) : ops_(std::move(ops)) {}
  void run() override { ops_(); }

 private:
  std::function<void()> ops_;
};

}  // namespace

double Backend::seconds_of(const std::function<void()>& ops) {
  synchronize();
  const auto start = std::chrono::steady_clock::now();
  ops();
  synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string> Backend::choices_of(const std::function<void()>& /*ops*/) {
  return {};
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

void Backend::fill_rows_with_zero(Tensor rows, std::int64_t count, std::int64_t length) {
  const std::size_t element = size_of(rows.dtype);
  const auto stride = static_cast<std::size_t>(weight_row_stride(length)) * element;
  for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row)
    fill_zero(rows.as<std::byte>() + row * stride, static_cast<std::size_t>(length) * element);
}

void Backend::check_number_type(const char* op, ConstTensor tensor) const {
  if (tensor.dtype != precise_type()) Call(op, *this).is("tensor", tensor.dtype, element_type());
}

void Backend::conv1d_forward(const Conv1dProblem& p, const ConstActivations& src, ConstTensor weights,
                             const Activations& dst, const Epilogue& epilogue) {
  p.validate();
  const Call call("conv1d_forward", *this);
  call.activations("src", src, p.N, p.L_in, p.C_in);
  call.activations("dst", dst, p.N, p.L_out(), p.C_out);
  call.tensor("weights", weights);
  call.epilogue(epilogue, p.N * p.L_out(), p.C_out);
  if (p.N > 0) do_conv1d_forward(p, src, weights, dst, epilogue);
}

void Backend::conv1d_backward_data(const Conv1dProblem& p, const ConstActivations& diff_dst,
                                   ConstTensor weights, const Activations& diff_src,
                                   const ReluGradient& relu) {
  p.validate();
  const Call call("conv1d_backward_data", *this);
  call.activations("diff_dst", diff_dst, p.N, p.L_out(), p.C_out);
  call.item_stride("diff_dst (with its halo)", diff_dst, p.haloed_item_stride());
  call.activations("diff_src", diff_src, p.N, p.L_in, p.C_in);
  call.tensor("weights", weights);
  call.relu_gradient(relu, diff_src);
  if (p.N > 0) do_conv1d_backward_data(p, diff_dst, weights, diff_src, relu);
}

void Backend::conv1d_backward_weights(const Conv1dProblem& p, const ConstActivations& src,
                                      const ConstActivations& diff_dst, Tensor diff_weights,
                                      Tensor diff_bias) {
  p.validate();
  const Call call("conv1d_backward_weights", *this);
  call.activations("src", src, p.N, p.L_in, p.C_in);
  call.activations("diff_dst", diff_dst, p.N, p.L_out(), p.C_out);
  call.tensor("diff_weights", diff_weights, precise_type());
  call.tensor("diff_bias", diff_bias, precise_type());
  if (p.N > 0) {
    do_conv1d_backward_weights(p, src, diff_dst, diff_weights, diff_bias);
  } else {
    fill_rows_with_zero(diff_weights, p.C_out, p.kernel * p.C_in);
    fill_rows_with_zero(diff_bias, 1, p.C_out);
  }
}

void Backend::avg_pool1d_forward(const AvgPool1dProblem& p, const ConstActivations& src,
                                 const Activations& dst) {
  p.validate();
  const Call call("avg_pool1d_forward", *this);
  call.activations("src", src, p.N, p.L_in, p.C);
  call.activations("dst", dst, p.N, p.L_out(), p.C);
  if (p.N > 0) do_avg_pool1d_forward(p, src, dst);
}

void Backend::avg_pool1d_backward(const AvgPool1dProblem& p, const ConstActivations& diff_dst,
                                  const Activations& diff_src, const ReluGradient& relu) {
  p.validate();
  const Call call("avg_pool1d_backward", *this);
  call.activations("diff_dst", diff_dst, p.N, p.L_out(), p.C);
  call.activations("diff_src", diff_src, p.N, p.L_in, p.C);
  call.relu_gradient(relu, diff_src);
  if (p.N > 0) do_avg_pool1d_backward(p, diff_dst, diff_src, relu);
}

void Backend::conv1d_pool_forward(const Conv1dProblem& p, const AvgPool1dProblem& pool,
                                  const ConstActivations& src, ConstTensor weights, const Activations& dst,
                                  Tensor kept, const Epilogue& epilogue) {
  p.validate();
  pool.validate();
  const Call call("conv1d_pool_forward", *this);
  call.equal("pool's N", pool.N, "N", p.N);
  call.equal("pool's L_in", pool.L_in, "L_out", p.L_out());
  call.equal("pool's C", pool.C, "C_out", p.C_out);
  call.activations("src", src, p.N, p.L_in, p.C_in);
  call.activations("dst", dst, p.N, pool.L_out(), p.C_out);
  call.tensor("weights", weights);
  if (kept) call.is("kept", kept.dtype, DType::u32);
  call.epilogue(epilogue, p.N * p.L_out(), p.C_out);
  call.aligned("src", src, row_alignment(), row_alignment() * p.stride * p.C_in);
  call.aligned("dst", dst, row_alignment(), row_alignment());
  if (p.N > 0) do_conv1d_pool_forward(p, pool, src, weights, dst, kept, epilogue);
}

void Backend::do_conv1d_pool_forward(const Conv1dProblem& p, const AvgPool1dProblem& pool,
                                     const ConstActivations&, ConstTensor, const Activations&, Tensor,
                                     const Epilogue&) {
  refuse_pool(p, pool);
}

void Backend::refuse_pool(const Conv1dProblem& p, const AvgPool1dProblem& pool) const {
  throw ProblemError(
      fmt::format("[conv1d_pool_forward] {} has none for C_in {} C_out {} kernel {} stride {}, pool's kernel "
                  "{} stride {}",
                  name(), p.C_in, p.C_out, p.kernel, p.stride, pool.kernel, pool.stride));
}

void Backend::avg_pool1d_backward_kept(const AvgPool1dProblem& p, const ConstActivations& diff_dst,
                                       const Activations& diff_src, const KeptBits& kept) {
  p.validate();
  const Call call("avg_pool1d_backward_kept", *this);
  call.activations("diff_dst", diff_dst, p.N, p.L_out(), p.C);
  call.activations("diff_src", diff_src, p.N, p.L_in, p.C);
  call.tensor("kept", kept.words, DType::u32);
  call.probability("dropout", kept.p);
  if (p.N > 0) do_avg_pool1d_backward_kept(p, diff_dst, diff_src, kept);
}

void Backend::do_avg_pool1d_backward_kept(const AvgPool1dProblem&, const ConstActivations&,
                                          const Activations&, const KeptBits&) {
  throw ProblemError(fmt::format("[avg_pool1d_backward_kept] {} has none", name()));
}

void Backend::dense_forward(const DenseProblem& p, const ConstActivations& src, ConstTensor weights,
                            const Activations& dst, const Epilogue& epilogue) {
  p.validate();
  const Call call("dense_forward", *this);
  call.activations("src", src, p.N, 1, p.in);
  call.activations("dst", dst, p.N, 1, p.out, dst.dtype == precise_type() ? precise_type() : element_type());
  call.tensor("weights", weights);
  call.epilogue(epilogue, p.N, p.out);
  if (p.N > 0) do_dense_forward(p, src, weights, dst, epilogue);
}

void Backend::dense_backward_data(const DenseProblem& p, const ConstActivations& diff_dst,
                                  ConstTensor weights, const Activations& diff_src,
                                  const ReluGradient& relu) {
  p.validate();
  const Call call("dense_backward_data", *this);
  call.activations("diff_dst", diff_dst, p.N, 1, p.out);
  call.activations("diff_src", diff_src, p.N, 1, p.in);
  call.tensor("weights", weights);
  call.relu_gradient(relu, diff_src);
  if (p.N > 0) do_dense_backward_data(p, diff_dst, weights, diff_src, relu);
}

void Backend::dense_backward_weights(const DenseProblem& p, const ConstActivations& src,
                                     const ConstActivations& diff_dst, Tensor diff_weights,
                                     Tensor diff_bias) {
  p.validate();
  const Call call("dense_backward_weights", *this);
  call.activations("src", src, p.N, 1, p.in);
  call.activations("diff_dst", diff_dst, p.N, 1, p.out);
  call.tensor("diff_weights", diff_weights, precise_type());
  call.tensor("diff_bias", diff_bias, precise_type());
  if (p.N > 0) {
    do_dense_backward_weights(p, src, diff_dst, diff_weights, diff_bias);
  } else {
    fill_rows_with_zero(diff_weights, p.out, p.in);
    fill_rows_with_zero(diff_bias, 1, p.out);
  }
}

void Backend::softmax_cross_entropy(const SoftmaxCrossEntropyProblem& p, ConstTensor logits,
                                    ConstTensor labels, const Activations& diff_logits, Tensor totals) {
  p.validate();
  const Call call("softmax_cross_entropy", *this);
  call.present("totals", totals.data);
  if (p.N == 0) return;
  call.tensor("logits", logits, precise_type());
  call.tensor("labels", labels, DType::i32);
  if (diff_logits.data) call.activations("diff_logits", diff_logits, p.N, 1, p.classes);
  do_softmax_cross_entropy(p, logits, labels, diff_logits, totals);
}

void Backend::adam(const AdamProblem& p, const AdamTensors& t, ConstTensor gradients, ConstTensor state) {
  p.validate();
  const Call call("adam", *this);
  call.present("state", state.data);
  if (p.count == 0) return;
  call.adam_tensors(t);
  call.tensor("gradients", gradients, precise_type());
  do_adam(p, t, gradients, state);
}

void Backend::dense_backward_weights_adam(const DenseProblem& p, const ConstActivations& src,
                                          const ConstActivations& diff_dst, const AdamProblem& adam,
                                          const AdamTensors& t, Tensor diff_bias, ConstTensor state) {
  p.validate();
  adam.validate();
  const Call call("dense_backward_weights_adam", *this);
  call.activations("src", src, p.N, 1, p.in);
  call.activations("diff_dst", diff_dst, p.N, 1, p.out);
  call.equal("count", adam.count, "out * row stride", p.out * weight_row_stride(p.in));
  call.adam_tensors(t);
  call.tensor("diff_bias", diff_bias, precise_type());
  call.present("state", state.data);
  if (p.N == 0) call.fail("N 0 < 1");
  do_dense_backward_weights_adam(p, src, diff_dst, adam, t, diff_bias, state);
}

void Backend::do_dense_backward_weights_adam(const DenseProblem&, const ConstActivations&,
                                             const ConstActivations&, const AdamProblem&, const AdamTensors&,
                                             Tensor, ConstTensor) {
  throw ProblemError(fmt::format("[dense_backward_weights_adam] {} has none", name()));
}

void Backend::advance(Tensor state, std::int64_t batch) {
  const Call call("advance", *this);
  call.present("state", state.data);
  if (batch < 0) call.fail(fmt::format("batch {} < 0", batch));
  do_advance(state, batch);
}

void Backend::draw_rows(const DrawRowsProblem& p, ConstTensor candidates, ConstTensor state, Tensor dst) {
  p.validate();
  const Call call("draw_rows", *this);
  call.present("state", state.data);
  if (p.N == 0) return;
  call.tensor("candidates", candidates, DType::i32);
  call.tensor("dst", dst, DType::i32);
  do_draw_rows(p, candidates, state, dst);
}

void Backend::gather_rows(const GatherRowsProblem& p, ConstTensor table, ConstTensor rows,
                          const Activations& dst) {
  p.validate();
  const Call call("gather_rows", *this);
  call.present("table", table.data);
  if (table.dtype != DType::f32 && table.dtype != DType::u16 && table.dtype != DType::i32) {
    call.fail(fmt::format("table is {}, not F32, U16 or I32", name_of(table.dtype)));
  }
  const bool integers = dst.dtype == DType::i32;
  if (integers) {
    call.is("table (dst is I32)", table.dtype, DType::i32);
    if (p.scale != 1) call.fail(fmt::format("scale {} != 1 for I32", p.scale));
  } else {
    call.is("dst", dst.dtype, element_type());
  }
  call.equal("dst N", dst.N, "problem's", p.N);
  call.equal("dst L * C", dst.L * dst.C, "row_length", p.row_length);
  call.item_stride("dst", dst, p.row_length);
  if (p.N == 0) return;
  call.present("dst", dst.data);
  call.tensor("rows", rows, DType::i32);
  do_gather_rows(p, table, rows, dst);
}

ReflectionSet Backend::structure_factors(const ReflectionProblem& p, const CrystalBatch& crystals) {
  p.validate();
  crystals.validate();
  return do_structure_factors(p, crystals);
}

void Backend::sample_patterns(const PatternSampling& p, ConstTensor state, Tensor dst) {
  p.validate();
  const Call call("sample_patterns", *this);
  call.present("state", state.data);
  if (p.N == 0) return;
  call.tensor("dst", dst, DType::u8);
  do_sample_patterns(p, state, dst);
}

void Backend::render_patterns(const PatternProblem& p, const ReflectionSet& set, ConstTensor crystals,
                              ConstTensor impurities, ConstTensor parameters, const Activations& dst) {
  p.validate();
  const Call call("render_patterns", *this);
  call.activations("dst", dst, p.N, p.grid.points, 1);
  if (p.N == 0) return;
  call.tensor("crystals", crystals, DType::i32);
  if (p.impurities) call.tensor("impurities", impurities, DType::i32);
  call.tensor("parameters", parameters, DType::u8);
  do_render_patterns(p, set, crystals, impurities, parameters, dst);
}

}  // namespace bragg
