#include "tests/kernels/op_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/ops/step_state.h"

namespace bragg::tests {

constexpr std::int64_t odd_guard = 67;  // elements; odd, so that nothing is aligned by luck
constexpr double spoiler = 0x1.8p100;

/// How a tensor lies in a backend's memory.
struct Layout {
  std::int64_t N, L, C, item_stride;
  std::int64_t guard;       ///< elements before and after
  std::int64_t before = 0;  ///< zeros before item 0
  /// What lies between items: the spoiler, or zeros where it is a halo.
  double between = spoiler;
};

/// Guard, `before` zeros, items, guard; of the backend's element type or another.
class Guarded {
 public:
  Guarded(Backend& backend, const char* name, DType type, const Layout& layout, const Numbers& values)
      : backend_(backend),
        name_(name),
        type_(type),
        N_(layout.N),
        L_(layout.L),
        C_(layout.C),
        item_stride_(layout.item_stride),
        first_(layout.guard + layout.before) {
    const std::int64_t N = N_, L = L_, C = C_, item_stride = item_stride_;
    image_.assign(static_cast<std::size_t>(first_ + N * item_stride + layout.guard), spoiler);
    std::fill(image_.begin() + layout.guard, image_.end() - layout.guard, layout.between);
    if (!values.empty()) {
      if (static_cast<std::int64_t>(values.size()) != N * L * C)
        throw std::runtime_error("wrong number of values");
      for (std::int64_t n = 0; n < N; ++n)
        std::copy_n(&values[n * L * C], L * C, &image_[first_ + n * item_stride]);
    }
    const std::vector<float> floats(image_.begin(), image_.end());
    memory_ = backend.allocate(image_.size() * size_of(type_));
    backend.upload(floats, Tensor{memory_.data(), type_});
    image_ = content();
  }

  Tensor tensor() const { return {memory_.data() + first_ * size_of(type_), type_}; }
  Activations activations() const { return {tensor().data, type_, N_, L_, C_, item_stride_}; }

  /// Nothing may have changed.
  void expect_unchanged() const { (void)check(false); }
  /// Only the elements may have changed; returns them.
  Numbers result() const { return check(true); }

 private:
  Numbers content() const {
    Numbers now(image_.size());
    if (type_ == DType::f64) {
      backend_.download(memory_.data(), now.data(), now.size() * sizeof(double));
    } else {
      std::vector<float> floats(image_.size());
      backend_.download({memory_.data(), type_}, std::span(floats));
      std::copy(floats.begin(), floats.end(), now.begin());
    }
    return now;
  }

  Numbers check(bool written) const {
    const Numbers now = content();
    Numbers values;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(now.size()); ++i) {
      const std::int64_t in = i - first_;
      const bool element = in >= 0 && in < N_ * item_stride_ && in % item_stride_ < L_ * C_;
      if (element) values.push_back(now[i]);
      if ((!element || !written) && std::memcmp(&now[i], &image_[i], sizeof(double)) != 0) {
        throw std::runtime_error(
            fmt::format("{}: element {} was overwritten: {} was {}", name_, in, now[i], image_[i]));
      }
    }
    return values;
  }

  Backend& backend_;
  std::string name_;
  DType type_;
  std::int64_t N_, L_, C_, item_stride_, first_;
  Numbers image_;  ///< as it was uploaded, rounded to the type
  Buffer memory_;
};

/// Of the precise type, without gaps.
static Guarded flat(Backend& backend, const char* name, std::int64_t count, const Numbers& values) {
  return Guarded(backend, name, backend.precise_type(), {1, 1, count, count, odd_guard}, values);
}

namespace {

/// A StepState in device memory.
class State {
 public:
  State(Backend& backend, std::uint64_t step) : memory_(backend.allocate(sizeof(StepState))) {
    const StepState state{step, 0};
    backend.upload(&state, memory_.data(), sizeof state);
  }
  ConstTensor tensor() const { return {memory_.data(), DType::u64}; }

 private:
  Buffer memory_;
};

/// An epilogue in device memory.
class DeviceEpilogue {
 public:
  DeviceEpilogue(Backend& backend, const EpilogueNumbers& e)
      : state_(backend, e.step),
        bias_(flat(backend, "bias", static_cast<std::int64_t>(e.bias.size()), e.bias)) {
    if (!e.bias.empty()) epilogue_.bias = bias_.tensor();
    epilogue_.relu = e.relu;
    epilogue_.dropout = {e.p, e.seed, e.layer, state_.tensor()};
  }
  const Epilogue& get() const { return epilogue_; }
  void expect_unchanged() const { bias_.expect_unchanged(); }

 private:
  State state_;
  Guarded bias_;
  Epilogue epilogue_;
};

std::uint32_t word(std::uint32_t seed, std::int64_t i) {
  return random_call(seed, RandomStream::test, static_cast<std::uint32_t>(i / 4), 0, 0)[i % 4];
}

}  // namespace

Numbers integers(std::int64_t count, std::uint32_t seed) {
  Numbers values(count);
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = static_cast<double>(uniform_below(word(seed, i), 9)) - 4;
  return values;
}

Numbers uniforms(std::int64_t count, std::uint32_t seed) {
  Numbers values(count);
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = 2 * uniform01(word(seed, i)) - 1;
  return values;
}

Numbers absolute(Numbers values) {
  for (double& x : values)
    x = std::fabs(x);
  return values;
}

Guarded OpRunner::windows(const Conv1dProblem& p, const Numbers& src) const {
  std::int64_t distance = alignment_ > 1 ? backend_.src_item_stride(p) : item_stride(p.L_in * p.C_in);
  if (!p.is_padded())
    return Guarded(backend_, "src", backend_.element_type(), {p.N, p.L_in, p.C_in, distance, guard()}, src);
  if (alignment_ == 1) distance = p.haloed_src_item_stride();
  return Guarded(backend_, "src", backend_.element_type(),
                 {p.N, p.L_in, p.C_in, distance, guard(), p.src_halo_before() * p.C_in, 0.0}, src);
}

Guarded OpRunner::gradient(const Conv1dProblem& p, const Numbers& diff_dst) const {
  return Guarded(
      backend_, "diff_dst", backend_.element_type(),
      {p.N, p.L_out(), p.C_out, alignment_ > 1 ? backend_.diff_dst_item_stride(p) : p.haloed_item_stride(),
       guard(), aligned(p.halo_before() * p.C_out), 0.0},
      diff_dst);
}

Guarded OpRunner::items(const char* name, std::int64_t N, std::int64_t L, std::int64_t C,
                        const Numbers& values, std::int64_t more_gap) const {
  return Guarded(backend_, name, backend_.element_type(),
                 {N, L, C, item_stride(L * C) + more_gap * alignment_, guard()}, values);
}

Guarded OpRunner::rows(const char* name, DType type, std::int64_t count, std::int64_t length,
                       const Numbers& values) const {
  return Guarded(backend_, name, type, {count, 1, length, backend_.weight_row_stride(length), guard()},
                 values);
}

Numbers OpRunner::conv1d_forward(const Conv1dProblem& p, const Numbers& src, const Numbers& weights,
                                 const EpilogueNumbers& e) const {
  const Guarded x = windows(p, src);
  const Guarded w = rows("weights", backend_.element_type(), p.C_out, p.kernel * p.C_in, weights);
  const Guarded y = items("dst", p.N, p.L_out(), p.C_out, {});
  const DeviceEpilogue epilogue(backend_, e);
  run(Conv1dForward{p, x.activations(), w.tensor(), y.activations(), epilogue.get()});
  x.expect_unchanged();
  w.expect_unchanged();
  epilogue.expect_unchanged();
  return y.result();
}

Numbers OpRunner::conv1d_backward_data(const Conv1dProblem& p, const Numbers& diff_dst,
                                       const Numbers& weights, const ReluNumbers& relu) const {
  const Guarded dy = gradient(p, diff_dst);
  const Guarded w = rows("weights", backend_.element_type(), p.C_out, p.kernel * p.C_in, weights);
  const Guarded src = items("src", p.N, p.L_in, p.C_in, relu.src, 1);
  const Guarded dx = items("diff_src", p.N, p.L_in, p.C_in, {});
  ReluGradient gradient;
  if (!relu.src.empty()) gradient = {src.activations(), relu.p};
  run(Conv1dBackwardData{p, dy.activations(), w.tensor(), dx.activations(), gradient});
  dy.expect_unchanged();
  w.expect_unchanged();
  src.expect_unchanged();
  return dx.result();
}

WeightGradients OpRunner::conv1d_backward_weights(const Conv1dProblem& p, const Numbers& src,
                                                  const Numbers& diff_dst) const {
  const Guarded x = windows(p, src);
  const Guarded dy = gradient(p, diff_dst);
  const Guarded dw = rows("diff_weights", backend_.precise_type(), p.C_out, p.kernel * p.C_in, {});
  const Guarded db = flat(backend_, "diff_bias", p.C_out, {});
  run(Conv1dBackwardWeights{p, x.activations(), dy.activations(), dw.tensor(), db.tensor()});
  x.expect_unchanged();
  dy.expect_unchanged();
  return {dw.result(), db.result()};
}

Numbers OpRunner::add_forward(const AddProblem& p, const Numbers& a, const Numbers& b,
                              const EpilogueNumbers& e) const {
  const Guarded of_a = items("a", p.N, p.L, p.C, a), of_b = items("b", p.N, p.L, p.C, b, 1);
  const Guarded y = items("dst", p.N, p.L, p.C, {});
  const DeviceEpilogue epilogue(backend_, e);
  run(AddForward{p, of_a.activations(), b.empty() ? ConstActivations{} : of_b.activations(), y.activations(),
                 epilogue.get()});
  of_a.expect_unchanged();
  of_b.expect_unchanged();
  epilogue.expect_unchanged();
  return y.result();
}

Numbers OpRunner::add_backward(const AddProblem& p, const Numbers& a, const Numbers& b,
                               const ReluNumbers& relu) const {
  const Guarded of_a = items("diff_a", p.N, p.L, p.C, a), of_b = items("diff_b", p.N, p.L, p.C, b, 1);
  const Guarded src = items("src", p.N, p.L, p.C, relu.src, 2);
  const Guarded dx = items("diff_src", p.N, p.L, p.C, {});
  ReluGradient gradient;
  if (!relu.src.empty()) gradient = {src.activations(), relu.p};
  run(AddBackward{p, of_a.activations(), b.empty() ? ConstActivations{} : of_b.activations(),
                  dx.activations(), gradient});
  of_a.expect_unchanged();
  of_b.expect_unchanged();
  src.expect_unchanged();
  return dx.result();
}

Numbers OpRunner::avg_pool1d_forward(const AvgPool1dProblem& p, const Numbers& src) const {
  const Guarded x = items("src", p.N, p.L_in, p.C, src);
  const Guarded y = items("dst", p.N, p.L_out(), p.C, {});
  run(AvgPool1dForward{p, x.activations(), y.activations()});
  x.expect_unchanged();
  return y.result();
}

Numbers OpRunner::avg_pool1d_backward(const AvgPool1dProblem& p, const Numbers& diff_dst,
                                      const ReluNumbers& relu) const {
  const Guarded dy = items("diff_dst", p.N, p.L_out(), p.C, diff_dst);
  const Guarded src = items("src", p.N, p.L_in, p.C, relu.src, 1);
  const Guarded dx = items("diff_src", p.N, p.L_in, p.C, {});
  ReluGradient gradient;
  if (!relu.src.empty()) gradient = {src.activations(), relu.p};
  run(AvgPool1dBackward{p, dy.activations(), dx.activations(), gradient});
  dy.expect_unchanged();
  src.expect_unchanged();
  return dx.result();
}

/// Words in device memory between guards of the same.
class GuardedWords {
 public:
  GuardedWords(Backend& backend, const std::vector<std::uint32_t>& words)
      : backend_(backend), image_(static_cast<std::size_t>(2 * odd_guard) + words.size(), 0xA5A5A5A5u) {
    std::copy(words.begin(), words.end(), image_.begin() + odd_guard);
    memory_ = backend.allocate(image_.size() * sizeof(std::uint32_t));
    backend.upload(image_.data(), memory_.data(), image_.size() * sizeof(std::uint32_t));
  }
  Tensor tensor() const { return {memory_.data() + odd_guard * sizeof(std::uint32_t), DType::u32}; }
  /// The words; the guards may not have changed.
  std::vector<std::uint32_t> result() const {
    std::vector<std::uint32_t> now(image_.size());
    backend_.download(memory_.data(), now.data(), now.size() * sizeof(std::uint32_t));
    if (!std::equal(now.begin(), now.begin() + odd_guard, image_.begin()) ||
        !std::equal(now.end() - odd_guard, now.end(), image_.end() - odd_guard))
      throw std::runtime_error("kept: a guard was overwritten");
    return {now.begin() + odd_guard, now.end() - odd_guard};
  }

 private:
  Backend& backend_;
  std::vector<std::uint32_t> image_;
  Buffer memory_;
};

PooledNumbers OpRunner::conv1d_pool_forward(const Conv1dProblem& p, const AvgPool1dProblem& pool,
                                            const Numbers& src, const Numbers& weights,
                                            const EpilogueNumbers& e, bool keep) const {
  const Guarded x = windows(p, src);
  const Guarded w = rows("weights", backend_.element_type(), p.C_out, p.kernel * p.C_in, weights);
  const Guarded y = items("dst", p.N, pool.L_out(), p.C_out, {});
  const GuardedWords kept(
      backend_, std::vector<std::uint32_t>(static_cast<std::size_t>(p.N * p.L_out() * kept_words(p.C_out)),
                                           0xA5A5A5A5u));
  const DeviceEpilogue epilogue(backend_, e);
  run(Conv1dPoolForward{p, pool, x.activations(), w.tensor(), y.activations(),
                        keep ? kept.tensor() : Tensor{}, epilogue.get()});
  x.expect_unchanged();
  w.expect_unchanged();
  epilogue.expect_unchanged();
  return {y.result(), kept.result()};
}

Numbers OpRunner::avg_pool1d_backward_kept(const AvgPool1dProblem& p, const Numbers& diff_dst,
                                           const std::vector<std::uint32_t>& kept, float dropout) const {
  const Guarded dy = items("diff_dst", p.N, p.L_out(), p.C, diff_dst);
  const Guarded dx = items("diff_src", p.N, p.L_in, p.C, {});
  const GuardedWords words(backend_, kept);
  run(AvgPool1dBackwardKept{p, dy.activations(), dx.activations(), {words.tensor(), dropout}});
  dy.expect_unchanged();
  return dx.result();
}

Numbers OpRunner::dense_forward(const DenseProblem& p, const Numbers& src, const Numbers& weights,
                                const EpilogueNumbers& e) const {
  const Guarded x = items("src", p.N, 1, p.in, src);
  const Guarded w = rows("weights", backend_.element_type(), p.out, p.in, weights);
  const Guarded y = items("dst", p.N, 1, p.out, {});
  const DeviceEpilogue epilogue(backend_, e);
  run(DenseForward{p, x.activations(), w.tensor(), y.activations(), epilogue.get()});
  x.expect_unchanged();
  w.expect_unchanged();
  epilogue.expect_unchanged();
  return y.result();
}

Numbers OpRunner::dense_logits(const DenseProblem& p, const Numbers& src, const Numbers& weights) const {
  const Guarded x = items("src", p.N, 1, p.in, src);
  const Guarded w = rows("weights", backend_.element_type(), p.out, p.in, weights);
  const Guarded y(backend_, "dst", backend_.precise_type(), {p.N, 1, p.out, p.out, guard()}, {});
  run(DenseForward{p, x.activations(), w.tensor(), y.activations(), {}});
  return y.result();
}

Numbers OpRunner::dense_backward_data(const DenseProblem& p, const Numbers& diff_dst, const Numbers& weights,
                                      const ReluNumbers& relu) const {
  const Guarded dy = items("diff_dst", p.N, 1, p.out, diff_dst);
  const Guarded w = rows("weights", backend_.element_type(), p.out, p.in, weights);
  const Guarded src = items("src", p.N, 1, p.in, relu.src, 1);
  const Guarded dx = items("diff_src", p.N, 1, p.in, {});
  ReluGradient gradient;
  if (!relu.src.empty()) gradient = {src.activations(), relu.p};
  run(DenseBackwardData{p, dy.activations(), w.tensor(), dx.activations(), gradient});
  dy.expect_unchanged();
  w.expect_unchanged();
  src.expect_unchanged();
  return dx.result();
}

WeightGradients OpRunner::dense_backward_weights(const DenseProblem& p, const Numbers& src,
                                                 const Numbers& diff_dst) const {
  const Guarded x = items("src", p.N, 1, p.in, src);
  const Guarded dy = items("diff_dst", p.N, 1, p.out, diff_dst);
  const Guarded dw = rows("diff_weights", backend_.precise_type(), p.out, p.in, {});
  const Guarded db = flat(backend_, "diff_bias", p.out, {});
  run(DenseBackwardWeights{p, x.activations(), dy.activations(), dw.tensor(), db.tensor()});
  x.expect_unchanged();
  dy.expect_unchanged();
  return {dw.result(), db.result()};
}

LossNumbers OpRunner::softmax_cross_entropy(const SoftmaxCrossEntropyProblem& p, const Numbers& logits,
                                            const std::vector<std::int32_t>& labels,
                                            const std::vector<std::int32_t>& class_of) const {
  const Guarded x = flat(backend_, "logits", p.N * p.classes, logits);
  const Guarded dx = items("diff_logits", p.N, 1, p.classes, {});
  const auto memory_of = [&](const std::vector<std::int32_t>& numbers) {
    Buffer memory = backend_.allocate(numbers.size() * sizeof(std::int32_t));
    backend_.upload(numbers.data(), memory.data(), numbers.size() * sizeof(std::int32_t));
    return memory;
  };
  const Buffer label_memory = memory_of(labels), table = memory_of(class_of);
  const Buffer totals = backend_.allocate(sizeof(LossTotals));
  run(SoftmaxCrossEntropy{p, x.tensor(), ConstTensor{label_memory.data(), DType::i32},
                          class_of.empty() ? ConstTensor{} : ConstTensor{table.data(), DType::i32},
                          dx.activations(), Tensor{totals.data(), DType::u8}});
  x.expect_unchanged();
  LossNumbers result;
  result.diff_logits = dx.result();
  backend_.download(totals.data(), &result.totals, sizeof(LossTotals));
  return result;
}

AdamNumbers OpRunner::adam(const AdamProblem& p, const AdamNumbers& before, const Numbers& gradients,
                           std::uint64_t step) const {
  const auto arena = [&](const char* name, DType type, const Numbers& values) {
    return Guarded(backend_, name, type, {1, 1, p.count, p.count, guard()}, values);
  };
  const DType type = backend_.precise_type();
  const Guarded w = arena("weights", type, before.weights), m = arena("m", type, before.m),
                v = arena("v", type, before.v), g = arena("gradients", type, gradients);
  const bool has_working = backend_.element_type() != type;
  const Guarded working = arena("working", backend_.element_type(), {});
  const State state(backend_, step);
  run(Adam{p,
           {w.tensor(), m.tensor(), v.tensor(), has_working ? working.tensor() : Tensor{}},
           g.tensor(),
           state.tensor()});
  g.expect_unchanged();
  return {w.result(), m.result(), v.result(), has_working ? working.result() : Numbers{}};
}

FusedUpdate OpRunner::dense_backward_weights_adam(const DenseProblem& p, const Numbers& src,
                                                  const Numbers& diff_dst, const AdamNumbers& before,
                                                  std::uint64_t step) const {
  const Guarded x = items("src", p.N, 1, p.in, src);
  const Guarded dy = items("diff_dst", p.N, 1, p.out, diff_dst);
  const DType type = backend_.precise_type();
  const Guarded w = rows("weights", type, p.out, p.in, before.weights),
                m = rows("m", type, p.out, p.in, before.m), v = rows("v", type, p.out, p.in, before.v),
                working = rows("working", backend_.element_type(), p.out, p.in, {});
  const Guarded db = flat(backend_, "diff_bias", p.out, {});
  const State state(backend_, step);
  run(DenseBackwardWeightsAdam{p,
                               x.activations(),
                               dy.activations(),
                               {.count = p.out * backend_.weight_row_stride(p.in)},
                               {w.tensor(), m.tensor(), v.tensor(), working.tensor()},
                               db.tensor(),
                               state.tensor()});
  x.expect_unchanged();
  dy.expect_unchanged();
  return {{w.result(), m.result(), v.result(), working.result()}, db.result()};
}

}  // namespace bragg::tests
