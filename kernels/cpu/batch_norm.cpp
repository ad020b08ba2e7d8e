// Batch normalisation. Bound by memory: with B bytes of src the forward pass moves 3 B (src for the statistics, src
// again, dst; 4 B with an addend, and B more that a store reads first), the backward pass 5 B (src and diff_dst twice,
// diff_src). Of the largest value of `resnet` at batch 256, B = 21 MB (425 x 48), that is 63 and 105 MB: 3 and 5 ms at
// the 20 GB/s that two Zen 4 cores share, less by what the last-level cache still holds: the second pass goes from the
// end to the beginning.
//
// Statistics: blocks of rows that fit into the nearest cache are summed twice in fp32, first for their mean, then for
// squares of deviations from it, and joined in double in the order of the blocks (Chan, Golub & LeVeque 1983). Blocks
// depend on the shape alone, so the bits do not depend on the number of threads.
//
// In bf16 numbers are widened and rounded in registers; where dropout follows, in a worker's own memory.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

/// The rows of a batch in blocks: parts of an item, or several items.
class RowBlocks {
 public:
  static constexpr std::int64_t floats = 4096;  ///< 16 KB, read twice; or one row, if that is longer

  explicit RowBlocks(const BatchNormProblem& p) : N_(p.N), L_(p.L) {
    const std::int64_t at_once = std::max<std::int64_t>(1, floats / p.C);
    rows_ = std::min(L_, at_once);
    items_ = std::max<std::int64_t>(1, at_once / L_);
    parts_ = (L_ + rows_ - 1) / rows_;
  }

  std::int64_t count() const { return parts_ > 1 ? N_ * parts_ : (N_ + items_ - 1) / items_; }
  std::int64_t rows(std::int64_t block) const {
    std::int64_t sum = 0;
    for_runs(block, [&](std::int64_t, std::int64_t, std::int64_t rows) { sum += rows; });
    return sum;
  }
  /// Calls visit(n, t, rows) for runs of rows that lie stride() apart, from row t of item n on.
  template <typename Visit>
  void for_runs(std::int64_t block, const Visit& visit) const {
    if (parts_ > 1) {
      const std::int64_t t = block % parts_ * rows_;
      visit(block / parts_, t, std::min(rows_, L_ - t));
      return;
    }
    const std::int64_t first = block * items_, last = std::min(first + items_, N_);
    if (L_ == 1) {
      visit(first, 0, last - first);
    } else {
      for (std::int64_t n = first; n < last; ++n)
        visit(n, 0, L_);
    }
  }

 private:
  std::int64_t N_, L_, rows_, items_, parts_;
};

/// What a worker widens a run into: three times as much as a block has.
class Rooms {
 public:
  Rooms(float* memory, std::int64_t C) : memory_(memory), each_(length(C)) {}

  static std::int64_t length(std::int64_t C) { return std::max(RowBlocks::floats, C); }
  static constexpr int per_worker = 3;
  float* operator()(int worker, int number) const { return memory_ + (worker * per_worker + number) * each_; }

 private:
  float* memory_;
  std::int64_t each_;
};

/// From a row of a run to the next.
template <typename View>
std::int64_t stride_of(const View& a) {
  return a.L == 1 ? a.item_stride : a.C;
}

/// Rows from row t of item n on.
template <typename Element>
ConstRows<Element> rows_of(const ConstActivations& a, std::int64_t n, std::int64_t t) {
  if (a.data == nullptr) return {nullptr, 0};
  return {a.item<Element>(n) + t * a.C, stride_of(a)};
}

/// `rows` of them as floats: those of floats where they lie, others in `room`.
template <typename Element>
ConstRows<float> floats_of(const NetworkKernels& kernels, const ConstActivations& a, std::int64_t n,
                           std::int64_t t, std::int64_t rows, float* room) {
  if (a.data == nullptr) return {nullptr, 0};
  const Element* from = a.item<Element>(n) + t * a.C;
  const std::int64_t stride = stride_of(a);
  if constexpr (std::is_same_v<Element, float>) {
    return {from, stride};
  } else {
    for (std::int64_t r = 0; r < rows; ++r)
      kernels.of<Element>().sum(from + r * stride, nullptr, a.C, room + r * a.C);
    return {room, a.C};
  }
}
/// Two numbers of every channel of every block, and what becomes of them.
struct Partials {
  float *first, *second;  ///< (blocks, C)
  float* channels;        ///< (4, C): constants of the second pass
  Rooms room;

  Partials(void* workspace, std::int64_t blocks, std::int64_t C)
      : first(static_cast<float*>(workspace)),
        second(first + blocks * C),
        channels(second + blocks * C),
        room(channels + 4 * C, C) {}
};

/// Calls join(first channel, count) over all channels, by several threads; a slice's doubles stay near.
constexpr std::int64_t channels_at_once = 32;
template <typename Join>
void for_channels(ThreadPool& pool, std::int64_t C, const Join& join) {
  pool.run((C + channels_at_once - 1) / channels_at_once, [&](std::int64_t task, int) {
    const std::int64_t first = task * channels_at_once;
    join(first, std::min(channels_at_once, C - first));
  });
}

/// The second pass, for both forms of the op.
template <typename Element, typename Op>
void normalise(const Op& op, const NetworkKernels& kernels, ThreadPool& pool, const Gemm<Element>& gemm,
               const Rooms& room, NormaliseChannels how) {
  const BatchNormProblem& p = op.problem;
  const RowBlocks blocks(p);
  const bool drops = op.epilogue.dropout.p > 0;
  how.relu = op.epilogue.relu && !drops;
  const MatrixView<Element> dst(op.dst.template item<Element>(0), p.N, op.dst.item_stride, p.L, p.C, p.C,
                                p.L * p.C);
  const auto* const of_rows = kernels.of<Element>().batch_norm;
  pool.run(blocks.count(), [&](std::int64_t task, int worker) {
    blocks.for_runs(blocks.count() - 1 - task, [&](std::int64_t n, std::int64_t t, std::int64_t rows) {
      const std::int64_t m = n * p.L + t;
      if (!drops || std::is_same_v<Element, float>) {
        of_rows->normalise(how, rows_of<Element>(op.src, n, t), rows_of<Element>(op.addend, n, t), rows, p.C,
                           {dst.row(m), stride_of(op.dst)});
      }
      if (!drops) return;
      GemmBlock block{m, m + rows, 0, p.C, nullptr, p.C, worker};
      if constexpr (std::is_same_v<Element, float>) {
        block.c = dst.row(m);
        block.ldc = stride_of(op.dst);
      } else {
        float* const to = room(worker, 0);
        kernels.batch_norm->normalise(how, floats_of<Element>(kernels, op.src, n, t, rows, room(worker, 1)),
                                      floats_of<Element>(kernels, op.addend, n, t, rows, room(worker, 2)),
                                      rows, p.C, {to, p.C});
        block.c = to;
      }
      store_forward(kernels, gemm.scratch(worker).words, block, op.epilogue, dst);
    });
  });
}

}  // namespace

std::size_t CpuBackend::workspace_of(const BatchNormProblem& p) const {
  const std::int64_t rooms = in_bf16_ ? pool_.size() * Rooms::per_worker * Rooms::length(p.C) : 0;
  return sizeof(float) * static_cast<std::size_t>((2 * RowBlocks(p).count() + 4) * p.C + rooms);
}

void CpuBackend::run_op(const BatchNormForward& op) {
  const BatchNormProblem& p = op.problem;
  const RowBlocks blocks(p);
  const Partials partials(workspace("batch_norm_forward", workspace_of(p)), blocks.count(), p.C);
  with_element_type([&]<typename Element>() {
    const auto* const of_rows = network_.of<Element>().batch_norm;
    pool_.run(blocks.count(), [&](std::int64_t block, int) {
      float *mean = partials.first + block * p.C, *squares = partials.second + block * p.C;
      std::fill_n(mean, p.C, 0.0f);
      std::fill_n(squares, p.C, 0.0f);
      blocks.for_runs(block, [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        of_rows->add_rows(rows_of<Element>(op.src, n, t), count, p.C, mean);
      });
      const float share = 1.0f / static_cast<float>(blocks.rows(block));
      for (std::int64_t c = 0; c < p.C; ++c)
        mean[c] *= share;
      blocks.for_runs(block, [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        of_rows->add_squares(rows_of<Element>(op.src, n, t), count, p.C, mean, squares);
      });
    });
  });

  float* const factor = partials.channels;
  const auto rows = static_cast<double>(p.rows());
  for_channels(pool_, p.C, [&](std::int64_t first, std::int64_t count) {
    double mean[channels_at_once] = {}, squares[channels_at_once] = {};
    for (std::int64_t b = 0; b < blocks.count(); ++b) {
      const auto of_block = static_cast<double>(blocks.rows(b));
      for (std::int64_t i = 0; i < count; ++i)
        mean[i] += of_block * static_cast<double>(partials.first[b * p.C + first + i]);
    }
    for (std::int64_t i = 0; i < count; ++i)
      mean[i] /= rows;
    for (std::int64_t b = 0; b < blocks.count(); ++b) {
      const auto of_block = static_cast<double>(blocks.rows(b));
      for (std::int64_t i = 0; i < count; ++i) {
        const double apart = static_cast<double>(partials.first[b * p.C + first + i]) - mean[i];
        squares[i] += static_cast<double>(partials.second[b * p.C + first + i]) + of_block * apart * apart;
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t c = first + i;
      const double inverse_deviation = 1 / std::sqrt(squares[i] / rows + p.epsilon);
      op.mean.as<float>()[c] = static_cast<float>(mean[i]);
      op.inverse_deviation.as<float>()[c] = static_cast<float>(inverse_deviation);
      factor[c] = static_cast<float>(inverse_deviation * op.scale.as<float>()[c]);
      const auto move = [&](Tensor running, double to) {
        float& value = running.as<float>()[c];
        value = static_cast<float>((1 - p.momentum) * value + p.momentum * to);
      };
      move(op.running_mean, mean[i]);
      move(op.running_variance, squares[i] / (rows - 1));
    }
  });
  with_element_type([&]<typename Element>() {
    normalise(op, network_, pool_, gemm<Element>(), partials.room,
              {op.mean.as<float>(), factor, op.shift.as<float>(), false});
  });
}

void CpuBackend::run_op(const BatchNormBackward& op) {
  const BatchNormProblem& p = op.problem;
  const RowBlocks blocks(p);
  const Partials partials(workspace("batch_norm_backward", workspace_of(p)), blocks.count(), p.C);
  const float* const mean = op.mean.as<float>();
  with_element_type([&]<typename Element>() {
    const auto* const of_rows = network_.of<Element>().batch_norm;
    pool_.run(blocks.count(), [&](std::int64_t block, int) {
      float *sums = partials.first + block * p.C, *products = partials.second + block * p.C;
      std::fill_n(sums, p.C, 0.0f);
      std::fill_n(products, p.C, 0.0f);
      blocks.for_runs(block, [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        of_rows->add_products(rows_of<Element>(op.diff_dst, n, t), rows_of<Element>(op.src, n, t), count, p.C,
                              mean, sums, products);
      });
    });
  });

  float *const factor = partials.channels, *const offset = factor + p.C, *const slope = offset + p.C;
  const auto rows = static_cast<double>(p.rows());
  for_channels(pool_, p.C, [&](std::int64_t first, std::int64_t count) {
    double sums[channels_at_once] = {}, products[channels_at_once] = {};
    for (std::int64_t b = 0; b < blocks.count(); ++b) {
      for (std::int64_t i = 0; i < count; ++i) {
        sums[i] += static_cast<double>(partials.first[b * p.C + first + i]);
        products[i] += static_cast<double>(partials.second[b * p.C + first + i]);
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t c = first + i;
      const double inverse_deviation = op.inverse_deviation.as<float>()[c];
      const double diff_scale = products[i] * inverse_deviation,
                   of_all = op.scale.as<float>()[c] * inverse_deviation;
      op.diff_shift.as<float>()[c] = static_cast<float>(sums[i]);
      op.diff_scale.as<float>()[c] = static_cast<float>(diff_scale);
      factor[c] = static_cast<float>(of_all);
      offset[c] = static_cast<float>(of_all * sums[i] / rows);
      slope[c] = static_cast<float>(of_all * inverse_deviation * diff_scale / rows);
    }
  });
  if (op.diff_src.data == nullptr) return;

  const NormaliseGradientChannels how{mean, factor, offset, slope};
  const auto scale = static_cast<float>(1.0 / (1.0 - double{op.relu.p}));
  with_element_type([&]<typename Element>() {
    pool_.run(blocks.count(), [&](std::int64_t task, int) {
      blocks.for_runs(blocks.count() - 1 - task, [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        network_.of<Element>().batch_norm->normalise_gradient(
            how, rows_of<Element>(op.diff_dst, n, t), rows_of<Element>(op.src, n, t),
            rows_of<Element>(op.relu.src, n, t), scale, count, p.C,
            {op.diff_src.item<Element>(n) + t * p.C, stride_of(op.diff_src)});
      });
    });
  });
}

void CpuBackend::run_op(const BatchNormInference& op) {
  const BatchNormProblem& p = op.problem;
  const Partials partials(workspace("batch_norm_inference", workspace_of(p)), RowBlocks(p).count(), p.C);
  float* const factor = partials.channels;
  for (std::int64_t c = 0; c < p.C; ++c)
    factor[c] = static_cast<float>(op.scale.as<float>()[c] /
                                   std::sqrt(double{op.running_variance.as<float>()[c]} + p.epsilon));
  with_element_type([&]<typename Element>() {
    normalise(op, network_, pool_, gemm<Element>(), partials.room,
              {op.running_mean.as<float>(), factor, op.shift.as<float>(), false});
  });
}

void CpuBackend::run_op(const BatchNormFold& op) {
  const BatchNormFoldProblem& p = op.problem;
  for (std::int64_t c = 0; c < p.C; ++c) {
    const double factor =
        op.scale.as<float>()[c] / std::sqrt(double{op.running_variance.as<float>()[c]} + p.epsilon);
    with_element_type([&]<typename Element>() {
      network_.of<Element>().scale_f32(op.weights.as<float>() + c * p.K, p.K, static_cast<float>(factor),
                                       op.folded_weights.as<Element>() + c * p.K);
    });
    const double bias = op.bias ? op.bias.as<float>()[c] : 0.0f;
    op.folded_bias.as<float>()[c] =
        static_cast<float>((bias - op.running_mean.as<float>()[c]) * factor + op.shift.as<float>()[c]);
  }
}

}  // namespace bragg::cpu
