#include "bench/kernels/cases.h"

#include <algorithm>

namespace bragg::bench {
namespace {

/// Device memory with numbers in (-1, 1): zeros would be kinder to the machine than data is.
class Memory {
 public:
  Memory(Backend& backend, DType type, std::int64_t count, std::int64_t front = 0)
      : buffer_(backend.allocate(static_cast<std::size_t>(front + count) * size_of(type))),
        tensor_{buffer_.data() + static_cast<std::size_t>(front) * size_of(type), type} {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::uint32_t x = 1;
    for (float& value : values) {
      x = x * 1664525u + 1013904223u;
      value = static_cast<float>(x >> 8) * 0x1p-23f - 1;
    }
    backend.upload(values, tensor_);
  }
  Tensor tensor() const { return tensor_; }

 private:
  Buffer buffer_;
  Tensor tensor_;
};

/// Activations as a network plans them.
class Items {
 public:
  Items(Backend& b, std::int64_t N, std::int64_t L, std::int64_t C, std::int64_t distance = 0,
        std::int64_t front = 0)
      : stride_(b.aligned(std::max(distance, L * C))),
        memory_(b, b.element_type(), N * stride_, b.aligned(front)),
        view_{memory_.tensor().data, memory_.tensor().dtype, N, L, C, stride_} {}
  const Activations& view() const { return view_; }

 private:
  std::int64_t stride_;
  Memory memory_;
  Activations view_;
};

Memory weights(Backend& b, DType type, std::int64_t rows, std::int64_t length) {
  return Memory(b, type, rows * b.weight_row_stride(length));
}

/// Every part lives as long as the run.
template <typename... Parts>
auto keep(Parts&&... parts) {
  return std::make_shared<std::tuple<std::decay_t<Parts>...>>(std::forward<Parts>(parts)...);
}

Items windows(Backend& b, const Conv1dProblem& p) {
  return Items(b, p.N, p.L_in, p.C_in, b.src_item_stride(p));
}
Items gradient(Backend& b, const Conv1dProblem& p) {
  return Items(b, p.N, p.L_out(), p.C_out, b.diff_dst_item_stride(p), p.halo_before() * p.C_out);
}

std::vector<Case> conv1d(const std::string& name, const Conv1dProblem& p) {
  const std::int64_t K = p.kernel * p.C_in;
  return {
      {name + "/forward", p.flops(), 0,
       [p, K](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at = keep(windows(b, p), weights(b, b.element_type(), p.C_out, K),
                              Memory(b, b.precise_type(), p.C_out), Items(b, p.N, p.L_out(), p.C_out),
                              b.allocate(sizeof(StepState)));
         return [p, at, &b] {
           const auto& [x, w, bias, y, state] = *at;
           b.conv1d_forward(p, x.view(), w.tensor(), y.view(),
                            {bias.tensor(), true, {0.3f, 1, 1, {state.data(), DType::u64}}});
         };
       }},
      {name + "/backward_data", p.flops(), 0,
       [p, K](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at =
             keep(gradient(b, p), weights(b, b.element_type(), p.C_out, K), windows(b, p), windows(b, p));
         return [p, at, &b] {
           const auto& [dy, w, x, dx] = *at;
           b.conv1d_backward_data(p, dy.view(), w.tensor(), dx.view(), {x.view(), 0.3f});
         };
       }},
      {name + "/backward_weights", p.flops(), 0,
       [p, K](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at = keep(windows(b, p), gradient(b, p), weights(b, b.precise_type(), p.C_out, K),
                              Memory(b, b.precise_type(), p.C_out));
         return [p, at, &b] {
           const auto& [x, dy, dw, db] = *at;
           b.conv1d_backward_weights(p, x.view(), dy.view(), dw.tensor(), db.tensor());
         };
       }},
  };
}

std::vector<Case> dense(const Backend& backend, const std::string& name, const DenseProblem& p) {
  std::vector<Case> cases{
      {name + "/forward", p.flops(), 0,
       [p](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at =
             keep(Items(b, p.N, 1, p.in), weights(b, b.element_type(), p.out, p.in),
                  Memory(b, b.precise_type(), p.out), Items(b, p.N, 1, p.out), b.allocate(sizeof(StepState)));
         return [p, at, &b] {
           const auto& [x, w, bias, y, state] = *at;
           b.dense_forward(p, x.view(), w.tensor(), y.view(),
                           {bias.tensor(), true, {0.5f, 1, 1, {state.data(), DType::u64}}});
         };
       }},
      {name + "/backward_data", p.flops(), 0,
       [p](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at = keep(Items(b, p.N, 1, p.out), weights(b, b.element_type(), p.out, p.in),
                              Items(b, p.N, 1, p.in), Items(b, p.N, 1, p.in));
         return [p, at, &b] {
           const auto& [dy, w, x, dx] = *at;
           b.dense_backward_data(p, dy.view(), w.tensor(), dx.view(), {x.view(), 0.5f});
         };
       }},
      {name + "/backward_weights", p.flops(), 0,
       [p](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p));
         const auto at = keep(Items(b, p.N, 1, p.in), Items(b, p.N, 1, p.out),
                              weights(b, b.precise_type(), p.out, p.in), Memory(b, b.precise_type(), p.out));
         return [p, at, &b] {
           const auto& [x, dy, dw, db] = *at;
           b.dense_backward_weights(p, x.view(), dy.view(), dw.tensor(), db.tensor());
         };
       }},
  };
  if (backend.fuses_adam()) {
    const AdamProblem adam{.count = p.out * backend.weight_row_stride(p.in)};
    cases.push_back(
        {name + "/backward_weights_adam", p.flops(), 26.0 * static_cast<double>(p.out * p.in),
         [p, adam](Backend& b) -> Run {
           const DType type = b.precise_type();
           const auto at = keep(Items(b, p.N, 1, p.in), Items(b, p.N, 1, p.out), Memory(b, type, adam.count),
                                Memory(b, type, adam.count), Memory(b, type, adam.count),
                                Memory(b, b.element_type(), adam.count), Memory(b, type, p.out),
                                b.allocate(sizeof(StepState)));
           const auto& squares = std::get<4>(*at);  // v
           b.fill_zero(squares.tensor().data, static_cast<std::size_t>(adam.count) * size_of(type));
           return [p, adam, at, &b] {
             const auto& [x, dy, w, m, v, working, db, state] = *at;
             b.dense_backward_weights_adam(p, x.view(), dy.view(), adam,
                                           {w.tensor(), m.tensor(), v.tensor(), working.tensor()},
                                           db.tensor(), {state.data(), DType::u64});
           };
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
       [p](Backend& b) -> Run {
         const auto at = keep(Items(b, p.N, p.L_in, p.C), Items(b, p.N, p.L_out(), p.C));
         return [p, at, &b] {
           const auto& [x, y] = *at;
           b.avg_pool1d_forward(p, x.view(), y.view());
         };
       }},
      {name + "/backward", 0, 2 * in + out,
       [p](Backend& b) -> Run {
         const auto at =
             keep(Items(b, p.N, p.L_in, p.C), Items(b, p.N, p.L_in, p.C), Items(b, p.N, p.L_out(), p.C));
         return [p, at, &b] {
           const auto& [x, dx, dy] = *at;
           b.avg_pool1d_backward(p, dy.view(), dx.view(), {x.view(), 0.3f});
         };
       }},
  };
}

}  // namespace

std::vector<Case> cases_of(const Backend& backend, const Layer& layer) {
  if (const auto* conv = std::get_if<Conv1dProblem>(&layer.problem)) return conv1d(layer.name, *conv);
  if (const auto* pool = std::get_if<AvgPool1dProblem>(&layer.problem))
    return avg_pool1d(backend, layer.name, *pool);
  return dense(backend, layer.name, std::get<DenseProblem>(layer.problem));
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const Conv1dProblem& p,
                           const AvgPool1dProblem& pool) {
  if (!backend.fuses_pool(p, pool)) return {};
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
       [p, pool, bits](Backend& b) -> Run {
         b.reserve_workspace(b.workspace_bytes(p, pool));
         const auto at = keep(Items(b, p.N, p.L_in, p.C_in, b.src_item_stride(p)),
                              weights(b, b.element_type(), p.C_out, p.kernel * p.C_in),
                              Memory(b, b.precise_type(), p.C_out), Items(b, p.N, pool.L_out(), p.C_out),
                              bits(b), b.allocate(sizeof(StepState)));
         return [p, pool, at, &b] {
           const auto& [x, w, bias, y, kept, state] = *at;
           b.conv1d_pool_forward(p, pool, x.view(), w.tensor(), y.view(), {kept.data(), DType::u32},
                                 {bias.tensor(), true, {0.3f, 1, 1, {state.data(), DType::u64}}});
         };
       }},
      {name + "/backward", 0, between + dst + bit_bytes,
       [p, pool, bits](Backend& b) -> Run {
         const auto at =
             keep(Items(b, p.N, p.L_out(), p.C_out), Items(b, p.N, pool.L_out(), p.C_out), bits(b));
         return [pool, at, &b] {
           const auto& [dx, dy, kept] = *at;
           b.avg_pool1d_backward_kept(pool, dy.view(), dx.view(), {{kept.data(), DType::u32}, 0.3f});
         };
       }},
  };
}

std::vector<Case> cases_of(const Backend&, const std::string& name, const SoftmaxCrossEntropyProblem& p) {
  return {{name, 0, 0, [p](Backend& b) -> Run {
             b.reserve_workspace(b.workspace_bytes(p));
             const auto at = keep(Memory(b, b.precise_type(), p.N * p.classes), Items(b, p.N, 1, p.classes),
                                  b.allocate(static_cast<std::size_t>(p.N) * sizeof(std::int32_t)),
                                  b.allocate(sizeof(LossTotals)));
             return [p, at, &b] {
               const auto& [logits, gradient, labels, totals] = *at;
               b.softmax_cross_entropy(p, logits.tensor(), {labels.data(), DType::i32}, gradient.view(),
                                       {totals.data(), DType::u8});
             };
           }}};
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const AdamProblem& p) {
  const bool working = backend.element_type() != backend.precise_type();
  const double bytes = (working ? 30.0 : 28.0) * static_cast<double>(p.count);
  return {{name, 0, bytes, [p, working](Backend& b) -> Run {
             const DType type = b.precise_type();
             const auto at =
                 keep(Memory(b, type, p.count), Memory(b, type, p.count), Memory(b, type, p.count),
                      Memory(b, type, p.count), Memory(b, b.element_type(), working ? p.count : 0),
                      b.allocate(sizeof(StepState)));
             const auto& squares = std::get<3>(*at);  // v
             b.fill_zero(squares.tensor().data, static_cast<std::size_t>(p.count) * size_of(type));
             return [p, working, at, &b] {
               const auto& [w, g, m, v, rounded, state] = *at;
               b.adam(p, {w.tensor(), m.tensor(), v.tensor(), working ? rounded.tensor() : Tensor{}},
                      g.tensor(), {state.data(), DType::u64});
             };
           }}};
}

}  // namespace bragg::bench
