#include "kernels/cpu/conv1d_gradient.h"

#include <algorithm>

#include "kernels/cpu/rounding.h"

namespace bragg::cpu {
namespace {

constexpr std::int64_t line = 16;  // floats

}  // namespace

/// What a worker packs into.
struct Conv1dGradient::Rooms {
  std::uint32_t* words;
  BFloat16* a;
  float* sums;

  static std::int64_t length(const Conv1dGradient& g) {
    return round_up(g.words_, line) + round_up(g.m_block_ * g.a_stride_ / 2, line) +
           round_up(g.m_block_, line);
  }
  Rooms(const Conv1dGradient& g, float* room)
      : words(reinterpret_cast<std::uint32_t*>(room)),
        a(reinterpret_cast<BFloat16*>(room + round_up(g.words_, line))),
        sums(room + length(g) - round_up(g.m_block_, line)) {}
};

Conv1dGradient::Conv1dGradient(const Conv1dProblem& p, const ElementKernels<BFloat16>& kernels, int threads)
    : p_(p), windows_(*kernels.windows), tile_(kernels.tiles[0]), threads_(threads) {
  constexpr std::int64_t shortest_part = 2048, most_parts = 64, most_partial_floats = std::int64_t{3} << 20;
  constexpr std::int64_t a_numbers = 14 * 1024;  // 28 KB: stay in the nearest cache
  constexpr std::int64_t c_floats = 160 * 1024;  // 640 KB: stay in the second
  K_ = p.kernel * p.C_in;
  padded_M_ = round_up(p.C_out, windows_.row_multiple);
  padded_N_ = round_up(K_, windows_.column_multiple);
  parts_ = std::min(
      {p.N * p.L_out() / shortest_part, most_partial_floats / (padded_M_ * padded_N_), most_parts, p.N});
  parts_ = std::max<std::int64_t>(parts_, 1);
  const std::int64_t m_blocks = quotient_up(padded_M_, windows_.most_rows);
  m_block_ = round_up(quotient_up(padded_M_, m_blocks), windows_.row_multiple);
  const std::int64_t n_blocks = quotient_up(m_block_ * padded_N_, c_floats);
  n_block_ = round_up(quotient_up(padded_N_, n_blocks), windows_.column_multiple);
  const std::int64_t t_most = std::max<std::int64_t>(1, a_numbers / m_block_ / windows_.k_multiple);
  const std::int64_t t_steps = quotient_up(p.L_out(), windows_.k_multiple);
  t_block_ = quotient_up(t_steps, quotient_up(t_steps, t_most)) * windows_.k_multiple;
  a_stride_ = round_up(t_block_, 2 * windows_.k_multiple) + windows_.k_multiple;  // an odd number of lines
  words_ = (t_block_ - 2) * p.stride * p.C_in + n_block_;
}

std::size_t Conv1dGradient::workspace() const {
  return sizeof(float) * static_cast<std::size_t>(parts_ * (padded_M_ * padded_N_ + padded_M_) + line +
                                                  threads_ * Rooms::length(*this));
}

void Conv1dGradient::run_task(const Conv1dBackwardWeights& op, const ElementKernels<BFloat16>& kernels,
                              const Task& t, float* c, float* sums, float* room) const {
  const Rooms rooms(*this, room);
  const std::int64_t first = p_.N * t.part / parts_, last = p_.N * (t.part + 1) / parts_;
  const std::int64_t rows = std::min(t.m1, p_.C_out) - t.m0, row_words = p_.stride * p_.C_in;
  std::vector<const BFloat16*> outputs(static_cast<std::size_t>(t_block_));
  // Rows that there are not; what comes of them is never read, but let them be numbers.
  std::fill_n(rooms.a + rows * a_stride_, (t.m1 - t.m0 - rows) * a_stride_, BFloat16{});
  std::fill_n(sums + t.m0, t.n0 == 0 ? rows : 0, 0.0f);
  bool add = false;
  for (std::int64_t n = first; n < last; ++n) {
    for (std::int64_t t0 = 0; t0 < p_.L_out(); t0 += t_block_, add = true) {
      const std::int64_t K = std::min(t_block_, p_.L_out() - t0), padded_K = round_up(K, windows_.k_multiple);
      const BFloat16* diff = op.diff_dst.item<BFloat16>(n) + t0 * p_.C_out + t.m0;
      for (std::int64_t k = 0; k < K; ++k)
        outputs[static_cast<std::size_t>(k)] = diff + k * p_.C_out;
      tile_.transpose(outputs.data(), K, rows, rooms.a, a_stride_);
      if (t.n0 == 0) {
        // Block by block, so that no sum is a chain of all roundings.
        std::fill_n(rooms.sums, rows, 0.0f);
        kernels.add_rows(diff, K, p_.C_out, rows, rooms.sums);
        for (std::int64_t m = 0; m < rows; ++m)
          sums[t.m0 + m] += rooms.sums[m];
      }
      const std::int64_t columns = std::min(t.n1, K_) - t.n0;
      windows_.pair(op.src.item<BFloat16>(n) + t0 * row_words + t.n0, (K - 1) * row_words + columns,
                    row_words, (padded_K - 2) * row_words + t.n1 - t.n0, rooms.words);
      windows_.multiply(rooms.a, a_stride_, t.m1 - t.m0, padded_K, rooms.words, 2 * row_words, t.n1 - t.n0,
                        c + t.m0 * padded_N_ + t.n0, padded_N_, add);
    }
  }
}

void Conv1dGradient::run(const Conv1dBackwardWeights& op, const NetworkKernels& network, ThreadPool& pool,
                         float* workspace) const {
  const std::int64_t part_floats = padded_M_ * padded_N_;
  float *const sums = workspace + parts_ * part_floats, *const rooms = sums + parts_ * padded_M_;
  const std::int64_t m_blocks = quotient_up(padded_M_, m_block_), n_blocks = quotient_up(padded_N_, n_block_);
  pool.run(parts_ * m_blocks * n_blocks, [&](std::int64_t task, int worker) {
    const std::int64_t part = task / (m_blocks * n_blocks), m0 = task / n_blocks % m_blocks * m_block_,
                       n0 = task % n_blocks * n_block_;
    const Task t{part, m0, std::min(m0 + m_block_, padded_M_), n0, std::min(n0 + n_block_, padded_N_)};
    run_task(op, network.of<BFloat16>(), t, workspace + part * part_floats, sums + part * padded_M_,
             rooms + worker * Rooms::length(*this));
  });

  pool.run(p_.C_out, [&](std::int64_t m, int) {
    float* const row = workspace + m * padded_N_;
    for (std::int64_t part = 1; part < parts_; ++part)
      network.add_rows(row + part * part_floats, 1, 0, K_, row);
    std::copy_n(row, K_, op.diff_weights.as<float>() + m * K_);
  });
  std::copy_n(sums, p_.C_out, op.diff_bias.as<float>());
  network.add_rows(sums + padded_M_, parts_ - 1, padded_M_, p_.C_out, op.diff_bias.as<float>());
}

}  // namespace bragg::cpu
