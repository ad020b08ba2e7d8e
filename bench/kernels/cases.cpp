#include "bench/kernels/cases.h"

#include <algorithm>

#include "kernels/ops/adam.h"
#include "kernels/ops/avg_pool1d.h"
#include "kernels/ops/conv1d.h"
#include "kernels/ops/conv1d_pool.h"
#include "kernels/ops/dense.h"
#include "kernels/ops/softmax_cross_entropy.h"
#include "kernels/ops/step_state.h"

namespace bragg::bench {
namespace {

constexpr std::uint32_t src_seed = 1, weights_seed = 2, dst_seed = 3, bias_seed = 4;

/// Device memory.
class Memory {
 public:
  Memory(Backend& backend, DType type, std::int64_t count)
      : buffer_(backend.allocate(static_cast<std::size_t>(count) * size_of(type))),
        tensor_{buffer_.data(), type} {}
  /// With `values`.
  Memory(Backend& backend, DType type, const std::vector<float>& values)
      : Memory(backend, type, static_cast<std::int64_t>(values.size())) {
    backend.upload(values, tensor_);
  }
  Tensor tensor() const { return tensor_; }

 private:
  Buffer buffer_;
  Tensor tensor_;
};

/// Numbers in (-1, 1), others for another seed: zeros would be kinder to the machine than data is.
class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed * 2654435761u) {}
  float next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) * 0x1p-23f - 1;
  }

 private:
  std::uint32_t state_;
};

std::vector<float> numbers(std::int64_t count, std::uint32_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  Random random(seed);
  for (float& value : values)
    value = random.next();
  return values;
}

/// Activations as a network plans them, with zeros before and between the items.
class Items {
 public:
  Items(Backend& b, std::uint32_t seed, std::int64_t N, std::int64_t L, std::int64_t C,
        std::int64_t distance = 0, std::int64_t front = 0)
      : stride_(b.aligned(std::max(distance, L * C))),
        front_(b.aligned(front)),
        memory_(b, b.element_type(), values(seed, N, L * C)),
        view_{static_cast<std::byte*>(memory_.tensor().data) +
                  static_cast<std::size_t>(front_) * size_of(b.element_type()),
              b.element_type(),
              N,
              L,
              C,
              stride_} {}
  const Activations& view() const { return view_; }

 private:
  std::vector<float> values(std::uint32_t seed, std::int64_t N, std::int64_t length) const {
    std::vector<float> all(static_cast<std::size_t>(front_ + N * stride_));
    Random random(seed);
    for (std::ptrdiff_t n = 0; n < N; ++n)
      std::generate_n(all.begin() + front_ + n * stride_, length, [&] { return random.next(); });
    return all;
  }

  std::int64_t stride_, front_;
  Memory memory_;
  Activations view_;
};

Memory weights(Backend& b, DType type, std::int64_t rows, std::int64_t length) {
  return Memory(b, type, numbers(rows * b.weight_row_stride(length), weights_seed));
}
Rows weight_rows(Backend& b, const Memory& weights, std::int64_t rows, std::int64_t length) {
  return {weights.tensor().data, weights.tensor().dtype, rows, length, b.weight_row_stride(length)};
}

/// Every part lives as long as the run.
template <typename... Parts>
auto keep(Parts&&... parts) {
  return std::make_shared<std::tuple<std::decay_t<Parts>...>>(std::forward<Parts>(parts)...);
}

Items windows(Backend& b, const Conv1dProblem& p) {
  return Items(b, src_seed, p.N, p.L_in, p.C_in, b.src_item_stride(p));
}
Items outputs(Backend& b, const Conv1dProblem& p) {
  return Items(b, dst_seed, p.N, p.L_out(), p.C_out);
}
Items gradient(Backend& b, const Conv1dProblem& p) {
  return Items(b, dst_seed, p.N, p.L_out(), p.C_out, b.diff_dst_item_stride(p), p.halo_before() * p.C_out);
}

/// Bytes of the operands of a pass, each once, of these many elements. backward_data also reads the src that
/// its ReLU gradient is of.
double product_bytes(const Backend& b, Pass pass, double src, double weights, double dst) {
  const auto element = static_cast<double>(size_of(b.element_type())),
             precise = static_cast<double>(size_of(b.precise_type()));
  switch (pass) {
    case Pass::forward:
      return element * (src + weights + dst);
    case Pass::backward_data:
      return element * (dst + weights + 2 * src);
    case Pass::backward_weights:
      break;
  }
  return element * (src + dst) + precise * weights;
}

std::vector<Case> conv1d(const Backend& backend, const std::string& name, const Conv1dProblem& p) {
  const std::int64_t K = p.kernel * p.C_in;
  const auto bytes = [&](Pass pass) {
    return product_bytes(backend, pass, static_cast<double>(p.N * p.L_in * p.C_in),
                         static_cast<double>(p.C_out * K), static_cast<double>(p.N * p.L_out() * p.C_out));
  };
  return {
      {name + "/forward", p.flops(), bytes(Pass::forward),
       [p, K](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(Conv1dForward{.problem = p}));
         const auto at = keep(windows(b, p), weights(b, b.element_type(), p.C_out, K),
                              Memory(b, b.precise_type(), numbers(p.C_out, bias_seed)), outputs(b, p),
                              b.allocate(sizeof(StepState)));
         const auto run = [p, at, &b](bool bias_and_relu, float dropout) {
           const auto& [x, w, bias, y, state] = *at;
           b.run(Conv1dForward{p,
                               x.view(),
                               w.tensor(),
                               y.view(),
                               {bias_and_relu ? bias.tensor() : Tensor{},
                                bias_and_relu,
                                {dropout, 1, 1, {state.data(), DType::u64}}}});
         };
         const auto& [x, w, bias, y, state] = *at;
         return {
             [run] { run(true, 0.3f); },
             Product{p, Pass::forward, rows_of(x.view()), weight_rows(b, w, p.C_out, K), rows_of(y.view()),
                     bias.tensor(), [run](bool bias_and_relu) { run(bias_and_relu, 0); }}};
       },
       p},
      {name + "/backward_data", p.flops(), bytes(Pass::backward_data),
       [p, K](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(Conv1dBackwardData{.problem = p}));
         const auto at =
             keep(gradient(b, p), weights(b, b.element_type(), p.C_out, K), windows(b, p), windows(b, p));
         const auto run = [p, at, &b](const ReluGradient& relu) {
           const auto& [dy, w, x, dx] = *at;
           b.run(Conv1dBackwardData{p, dy.view(), w.tensor(), dx.view(), relu});
         };
         const auto& [dy, w, x, dx] = *at;
         return {[run, at] {
                   run({std::get<2>(*at).view(), 0.3f});
                 },
                 Product{p,
                         Pass::backward_data,
                         rows_of(dx.view()),
                         weight_rows(b, w, p.C_out, K),
                         rows_of(dy.view()),
                         {},
                         [run](bool) { run({}); }}};
       },
       p},
      {name + "/backward_weights", p.flops(), bytes(Pass::backward_weights),
       [p, K](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(Conv1dBackwardWeights{.problem = p}));
         const auto at = keep(windows(b, p), gradient(b, p), weights(b, b.precise_type(), p.C_out, K),
                              Memory(b, b.precise_type(), p.C_out));
         const auto run = [p, at, &b] {
           const auto& [x, dy, dw, db] = *at;
           b.run(Conv1dBackwardWeights{p, x.view(), dy.view(), dw.tensor(), db.tensor()});
         };
         const auto& [x, dy, dw, db] = *at;
         return {run, Product{p,
                              Pass::backward_weights,
                              rows_of(x.view()),
                              weight_rows(b, dw, p.C_out, K),
                              rows_of(dy.view()),
                              {},
                              [run](bool) { run(); }}};
       },
       p},
  };
}

std::vector<Case> dense(const Backend& backend, const std::string& name, const DenseProblem& p) {
  const auto src = static_cast<double>(p.N * p.in), parameters = static_cast<double>(p.out * p.in),
             dst = static_cast<double>(p.N * p.out);
  const auto bytes = [&](Pass pass) { return product_bytes(backend, pass, src, parameters, dst); };
  std::vector<Case> cases{
      {name + "/forward", p.flops(), bytes(Pass::forward),
       [p](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(DenseForward{.problem = p}));
         const auto at = keep(Items(b, src_seed, p.N, 1, p.in), weights(b, b.element_type(), p.out, p.in),
                              Memory(b, b.precise_type(), numbers(p.out, bias_seed)),
                              Items(b, dst_seed, p.N, 1, p.out), b.allocate(sizeof(StepState)));
         const auto run = [p, at, &b](bool bias_and_relu, float dropout) {
           const auto& [x, w, bias, y, state] = *at;
           b.run(DenseForward{p,
                              x.view(),
                              w.tensor(),
                              y.view(),
                              {bias_and_relu ? bias.tensor() : Tensor{},
                               bias_and_relu,
                               {dropout, 1, 1, {state.data(), DType::u64}}}});
         };
         const auto& [x, w, bias, y, state] = *at;
         return {
             [run] { run(true, 0.5f); },
             Product{p, Pass::forward, rows_of(x.view()), weight_rows(b, w, p.out, p.in), rows_of(y.view()),
                     bias.tensor(), [run](bool bias_and_relu) { run(bias_and_relu, 0); }}};
       },
       p},
      {name + "/backward_data", p.flops(), bytes(Pass::backward_data),
       [p](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(DenseBackwardData{.problem = p}));
         const auto at = keep(Items(b, dst_seed, p.N, 1, p.out), weights(b, b.element_type(), p.out, p.in),
                              Items(b, src_seed, p.N, 1, p.in), Items(b, src_seed, p.N, 1, p.in));
         const auto run = [p, at, &b](const ReluGradient& relu) {
           const auto& [dy, w, x, dx] = *at;
           b.run(DenseBackwardData{p, dy.view(), w.tensor(), dx.view(), relu});
         };
         const auto& [dy, w, x, dx] = *at;
         return {[run, at] {
                   run({std::get<2>(*at).view(), 0.5f});
                 },
                 Product{p,
                         Pass::backward_data,
                         rows_of(dx.view()),
                         weight_rows(b, w, p.out, p.in),
                         rows_of(dy.view()),
                         {},
                         [run](bool) { run({}); }}};
       },
       p},
      {name + "/backward_weights", p.flops(), bytes(Pass::backward_weights),
       [p](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(DenseBackwardWeights{.problem = p}));
         const auto at = keep(Items(b, src_seed, p.N, 1, p.in), Items(b, dst_seed, p.N, 1, p.out),
                              weights(b, b.precise_type(), p.out, p.in), Memory(b, b.precise_type(), p.out));
         const auto run = [p, at, &b] {
           const auto& [x, dy, dw, db] = *at;
           b.run(DenseBackwardWeights{p, x.view(), dy.view(), dw.tensor(), db.tensor()});
         };
         const auto& [x, dy, dw, db] = *at;
         return {run, Product{p,
                              Pass::backward_weights,
                              rows_of(x.view()),
                              weight_rows(b, dw, p.out, p.in),
                              rows_of(dy.view()),
                              {},
                              [run](bool) { run(); }}};
       },
       p},
  };
  if (backend.has(DenseBackwardWeightsAdam{})) {
    const AdamProblem adam{.count = p.out * backend.weight_row_stride(p.in)};
    cases.push_back(
        {name + "/backward_weights_adam", p.flops(),
         26.0 * parameters + static_cast<double>(size_of(backend.element_type())) * (src + dst),
         [p, adam](Backend& b) -> Prepared {
           const DType type = b.precise_type();
           const auto at =
               keep(Items(b, src_seed, p.N, 1, p.in), Items(b, dst_seed, p.N, 1, p.out),
                    Memory(b, type, numbers(adam.count, weights_seed)), Memory(b, type, adam.count),
                    Memory(b, type, adam.count), Memory(b, b.element_type(), adam.count),
                    Memory(b, type, p.out), b.allocate(sizeof(StepState)));
           const auto run = [p, adam, at, &b] {
             const auto& [x, dy, w, m, v, working, db, state] = *at;
             b.run(DenseBackwardWeightsAdam{p,
                                            x.view(),
                                            dy.view(),
                                            adam,
                                            {w.tensor(), m.tensor(), v.tensor(), working.tensor()},
                                            db.tensor(),
                                            {state.data(), DType::u64}});
           };
           return {run, std::nullopt};
         }});
  }
  return cases;
}

std::vector<Case> avg_pool1d(const Backend& backend, const std::string& name, const AvgPool1dProblem& p) {
  const auto element = static_cast<double>(size_of(backend.element_type()));
  const double in = element * static_cast<double>(p.N * p.L_in * p.C),
               out = element * static_cast<double>(p.N * p.L_out() * p.C);
  return {
      {name + "/forward", 0, in + out,
       [p](Backend& b) -> Prepared {
         const auto at = keep(Items(b, src_seed, p.N, p.L_in, p.C), Items(b, dst_seed, p.N, p.L_out(), p.C));
         const auto run = [p, at, &b] {
           const auto& [x, y] = *at;
           b.run(AvgPool1dForward{p, x.view(), y.view()});
         };
         return {run, std::nullopt};
       }},
      {name + "/backward", 0, 2 * in + out,
       [p](Backend& b) -> Prepared {
         const auto at = keep(Items(b, src_seed, p.N, p.L_in, p.C), Items(b, src_seed, p.N, p.L_in, p.C),
                              Items(b, dst_seed, p.N, p.L_out(), p.C));
         const auto run = [p, at, &b] {
           const auto& [x, dx, dy] = *at;
           b.run(AvgPool1dBackward{p, dy.view(), dx.view(), {x.view(), 0.3f}});
         };
         return {run, std::nullopt};
       }},
  };
}

}  // namespace

std::vector<Case> cases_of(const Backend& backend, const Layer& layer) {
  if (const auto* conv = std::get_if<Conv1dProblem>(&layer.problem))
    return conv1d(backend, layer.name, *conv);
  if (const auto* pool = std::get_if<AvgPool1dProblem>(&layer.problem))
    return avg_pool1d(backend, layer.name, *pool);
  return dense(backend, layer.name, std::get<DenseProblem>(layer.problem));
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const Conv1dProblem& p,
                           const AvgPool1dProblem& pool) {
  if (!backend.has(Conv1dPoolForward{p, pool, {}, {}, {}, {}, {}})) return {};
  const auto element = static_cast<double>(size_of(backend.element_type()));
  const std::int64_t words = p.N * p.L_out() * kept_words(p.C_out);
  const double src = element * static_cast<double>(p.N * p.L_in * p.C_in),
               between = element * static_cast<double>(p.N * p.L_out() * p.C_out),
               dst = element * static_cast<double>(p.N * pool.L_out() * p.C_out),
               bit_bytes = 4.0 * static_cast<double>(words);
  const auto bits = [words](Backend& b) {
    Buffer buffer = b.allocate(static_cast<std::size_t>(words) * sizeof(std::uint32_t));
    const std::vector<std::uint32_t> halves(static_cast<std::size_t>(words), 0xA5A5A5A5u);
    b.upload(halves.data(), buffer.data(), buffer.bytes());
    return buffer;
  };
  return {
      {name + "/forward", p.flops(), src + dst + bit_bytes,
       [p, pool, bits](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(Conv1dPoolForward{.problem = p, .pool = pool}));
         const auto at =
             keep(windows(b, p), weights(b, b.element_type(), p.C_out, p.kernel * p.C_in),
                  Memory(b, b.precise_type(), numbers(p.C_out, bias_seed)),
                  Items(b, dst_seed, p.N, pool.L_out(), p.C_out), bits(b), b.allocate(sizeof(StepState)));
         const auto run = [p, pool, at, &b] {
           const auto& [x, w, bias, y, kept, state] = *at;
           b.run(Conv1dPoolForward{p,
                                   pool,
                                   x.view(),
                                   w.tensor(),
                                   y.view(),
                                   {kept.data(), DType::u32},
                                   {bias.tensor(), true, {0.3f, 1, 1, {state.data(), DType::u64}}}});
         };
         return {run, std::nullopt};
       }},
      {name + "/backward", 0, between + dst + bit_bytes,
       [p, pool, bits](Backend& b) -> Prepared {
         const auto at = keep(outputs(b, p), Items(b, src_seed, p.N, pool.L_out(), p.C_out), bits(b));
         const auto run = [pool, at, &b] {
           const auto& [dx, dy, kept] = *at;
           b.run(AvgPool1dBackwardKept{pool, dy.view(), dx.view(), {{kept.data(), DType::u32}, 0.3f}});
         };
         return {run, std::nullopt};
       }},
  };
}

std::vector<Case> cases_of(const Backend&, const std::string& name, const SoftmaxCrossEntropyProblem& p) {
  return {
      {name, 0, 0, [p](Backend& b) -> Prepared {
         b.reserve_workspace(b.workspace_bytes(SoftmaxCrossEntropy{.problem = p}));
         const auto at = keep(Memory(b, b.precise_type(), numbers(p.N * p.classes, src_seed)),
                              Items(b, dst_seed, p.N, 1, p.classes),
                              b.allocate(static_cast<std::size_t>(p.N) * sizeof(std::int32_t)),
                              b.allocate(sizeof(LossTotals)));
         const auto run = [p, at, &b] {
           const auto& [logits, gradient, labels, totals] = *at;
           b.run(SoftmaxCrossEntropy{
               p, logits.tensor(), {labels.data(), DType::i32}, gradient.view(), {totals.data(), DType::u8}});
         };
         return {run, std::nullopt};
       }}};
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const AdamProblem& p) {
  const bool working = backend.element_type() != backend.precise_type();
  const double bytes = (working ? 30.0 : 28.0) * static_cast<double>(p.count);
  return {{name, 0, bytes, [p, working](Backend& b) -> Prepared {
             const DType type = b.precise_type();
             const auto at = keep(
                 Memory(b, type, numbers(p.count, weights_seed)), Memory(b, type, numbers(p.count, dst_seed)),
                 Memory(b, type, p.count), Memory(b, type, p.count),
                 Memory(b, b.element_type(), working ? p.count : 0), b.allocate(sizeof(StepState)));
             const auto run = [p, working, at, &b] {
               const auto& [w, g, m, v, rounded, state] = *at;
               b.run(Adam{p,
                          {w.tensor(), m.tensor(), v.tensor(), working ? rounded.tensor() : Tensor{}},
                          g.tensor(),
                          {state.data(), DType::u64}});
             };
             return {run, std::nullopt};
           }}};
}

}  // namespace bragg::bench
