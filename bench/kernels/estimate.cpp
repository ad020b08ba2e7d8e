#include "bench/kernels/estimate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/multiprocessors_beside.h"

namespace bragg::bench {
namespace {

// Published figures of an H100 SXM and, of those that nobody publishes, what kernels of others reach.
constexpr double clocks_per_s = 1.755e9, bytes_per_s = 3.0e12;
constexpr int multiprocessors = 132;
constexpr double products_per_clock = 2048, l2_bytes_per_clock = 32;  // of a multiprocessor
constexpr double instructions_per_clock = 4 * 0.7;                    // of its four schedulers
constexpr double launch_seconds = 1e-6;                               // where the next kernel overlaps
constexpr double pair_seconds =
    500 / clocks_per_s;                     // in which two blocks wait for each other, as they begin and end
constexpr int warps = 8, making_warps = 4;  // that store; that make an operand

struct Plan {
  int m = 0, n = 0, blocks = 0;
  double tiles_m = 0, tiles_n = 0, steps = 0;
  bool even = false, in_turns = false;
  cuda::Pairs pairs = cuda::Pairs::none;
};

Plan parse_plan(const std::string& how) {
  Plan p;
  char by[16] = {};
  double rows = 0, columns = 0;
  if (std::sscanf(how.c_str(), "wgmma bf16, tile %dx%d, %lfx%lf tiles of %lf steps, %15s", &p.m, &p.n, &rows,
                  &columns, &p.steps, by) != 6)
    throw Error(fmt::format("no estimate for a product by '{}'", how));
  p.tiles_m = rows;
  p.tiles_n = columns;
  p.even = std::string(by) == "k";
  p.in_turns = std::string(by) == "in";
  p.pairs = how.find(", two with one A") != std::string::npos   ? cuda::Pairs::share_a
            : how.find(", two with one B") != std::string::npos ? cuda::Pairs::share_b
                                                                : cuda::Pairs::none;
  const auto at = how.rfind(" by ");
  p.blocks = at == std::string::npos ? 0 : std::atoi(how.c_str() + how.rfind("by ") + 3);
  if (p.blocks <= 0) throw Error(fmt::format("no number of blocks in '{}'", how));
  return p;
}

/// Clocks in which an m x n tile is multiplied by 64 of k, while so many rows of operands come in.
double clocks_of_step(const Plan& p, double rows) {
  return std::max(p.m * p.n * 64 / products_per_clock, rows * 64 * 2 / l2_bytes_per_clock);
}

/// What the kernel's name has behind that of its tile.
std::string store_and_source(const Estimated& op) {
  return fmt::format("{}, {}>", op.store, op.source);
}

/// Clocks in which three warps, of schedulers of their own, change A's part of a step.
double clocks_of_change(const InstructionCounts& counts, const Estimated& op, std::string_view kernel,
                        std::string_view tile) {
  if (op.source != "Normalised") return 0;
  const double a_clock = instructions_per_clock / 4;
  return counts.of(kernel, tile, store_and_source(op) + ", a stage") / a_clock;
}

/// Two warpgroups of four warps, each with every second tile; the first brings the columns of B along. Warps that change A share
/// schedulers with those that store.
Estimate of_product_in_turns(const InstructionCounts& counts, const Estimated& op, const Plan& p) {
  constexpr std::string_view kernel = "gemm_wgmma_in_turns<";
  const std::string name = fmt::format("TurnsTile<{},", p.n);
  const double of_block = std::ceil(p.tiles_m * p.tiles_n / p.blocks),
               store = counts.of(kernel, name, store_and_source(op)) * (warps / 2) / instructions_per_clock,
               change = clocks_of_change(counts, op, kernel, name),
               tile = std::max(p.steps * clocks_of_step(p, p.m), change > 0 ? p.steps * change + store : 0),
               products = of_block * tile + p.steps * p.n * 64 * 2 / l2_bytes_per_clock,
               storing = of_block * store;
  return {products / clocks_per_s,
          storing / clocks_per_s,
          op.bytes / bytes_per_s,
          launch_seconds,
          0,
          (of_block - 1) * std::min(tile, store) / clocks_per_s};
}

Estimate of_product(const InstructionCounts& counts, const Estimated& op) {
  const Plan p = parse_plan(op.how);
  if (p.in_turns) return of_product_in_turns(counts, op, p);
  const bool makes = !op.maker.empty();
  constexpr std::string_view kernel = "gemm_wgmma<";
  const std::string name = fmt::format("WgmmaTile<{}, {},", p.m, p.n);
  const double instructions =
      makes ? counts.of(op.maker, "", "") : counts.of(kernel, name, store_and_source(op));
  const bool has_pairs = p.pairs != cuda::Pairs::none;
  const double step = makes ? std::max(clocks_of_step(p, op.rows_from_cache),
                                       counts.of(op.maker, ", a stage", "") * making_warps /
                                           instructions_per_clock)
                            : std::max(clocks_of_step(p, cuda::rows_from_cache(p.m, p.n, p.pairs)),
                                       clocks_of_change(counts, op, kernel, name)),
               store = instructions * warps / instructions_per_clock,
               piece = p.m * p.n * 4 / l2_bytes_per_clock, all_tiles = p.tiles_m * p.tiles_n;
  // Of pairs, each as one; an odd tile has a partner beyond the result.
  const double tiles = p.pairs == cuda::Pairs::share_a   ? p.tiles_m * std::ceil(p.tiles_n / 2)
                       : p.pairs == cuda::Pairs::share_b ? std::ceil(p.tiles_m / 2) * p.tiles_n
                                                         : all_tiles,
               ranges = p.blocks / (has_pairs ? 2.0 : 1.0);
  double products, storing;
  if (p.even) {
    // A block leaves a piece, and another where a tile begins in it that it does not finish. The second kernel's blocks read
    // them and store the tiles, together.
    const double steps = std::ceil(tiles * p.steps / ranges), pieces = 1 + std::min(1.0, tiles / ranges);
    products = steps * step;
    storing = std::floor(steps / p.steps) * store + 2 * pieces * piece +
              std::min(all_tiles, static_cast<double>(p.blocks)) / multiprocessors * store;
  } else {
    const double waves = std::ceil(tiles / ranges);
    products = waves * p.steps * step;
    storing = waves * store;
  }
  return {products / clocks_per_s, storing / clocks_per_s, op.bytes / bytes_per_s,
          (p.even ? 2 : 1) * launch_seconds + (has_pairs ? pair_seconds : 0)};
}

/// A small kernel that the plan may name beside the product, before it or behind: a launch, and "(N KB)" to read and write.
void add_beside(const std::string& how, const std::string& what, double& launch, Estimate& e) {
  const std::size_t at = how.find(what);
  if (at == std::string::npos) return;
  launch = launch_seconds;
  e.launches += launch_seconds;
  double kilobytes = 0;
  if (std::sscanf(how.c_str() + at + what.size(), " (%lf KB)", &kilobytes) == 1)
    e.joined += kilobytes * 1e3 / bytes_per_s;
}

}  // namespace

InstructionCounts::InstructionCounts(const std::string& path) : path_(path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string kernel;
    double instructions = 0;
    if (std::getline(fields, kernel, '\t') && fields >> instructions) by_kernel_[kernel] = instructions;
  }
  if (by_kernel_.empty()) throw Error(fmt::format("{}: no counts of instructions", path));
}

double InstructionCounts::of(std::string_view kernel, std::string_view tile, std::string_view store) const {
  for (const auto& [name, instructions] : by_kernel_)
    if (name.starts_with(kernel) && name.find(tile) != std::string::npos &&
        name.find(store) != std::string::npos)
      return instructions;
  throw Error(fmt::format("{}: no kernel {} with {} and {}", path_, kernel, tile, store));
}

Estimate estimate(const InstructionCounts& counts, const Estimated& of) {
  Estimated op = of;
  if (op.channels_with_sums > 0) {
    const double sums = parse_plan(op.how).blocks * op.channels_with_sums * 2 * sizeof(float);
    op.bytes += sums;
    op.bytes_behind += sums;
  }
  Estimate e = op.kernel.empty() && !op.how.empty() ? of_product(counts, op)
                                                    : Estimate{0, 0, op.bytes / bytes_per_s, launch_seconds};
  e.behind = op.bytes_behind / bytes_per_s;
  e.launches += op.kernels_behind * launch_seconds;
  add_beside(op.how, "weights put in order first", e.ordering, e);
  add_beside(op.how, "gradients of weights added up behind", e.adding_up, e);
  if (!op.kernel.empty()) {
    constexpr double results_of_thread = 128;  // conv_pool's
    const double rounds = op.results / (results_of_thread * 32) / multiprocessors;
    e.storing = rounds * counts.of(op.kernel, "", "") / instructions_per_clock / clocks_per_s;
  }
  return e;
}

void StepEstimate::add_beside(std::span<const Estimate> branch, std::span<const Estimate> others) {
  const auto work_of = [](std::span<const Estimate> ops) {
    double sum = 0;
    for (const Estimate& op : ops)
      sum += op.work();
    return sum;
  };
  constexpr int all = multiprocessors;
  branch_multiprocessors_ = cuda::multiprocessors_beside(work_of(branch), work_of(others), all);
  if (branch_multiprocessors_ == 0) {
    add(branch);
    add(others);
    return;
  }
  double memory = 0;
  const auto seconds_on = [&](std::span<const Estimate> ops, int some) {
    double sum = 0;
    for (const Estimate& op : ops) {
      sum += op.seconds_if_slower(double{all} / some);
      memory += op.memory + op.behind;
      join(op);
    }
    return sum;
  };
  const double of_branch = seconds_on(branch, branch_multiprocessors_),
               of_others = seconds_on(others, all - branch_multiprocessors_);
  seconds_ += std::max({of_branch, of_others, memory});
}

}  // namespace bragg::bench
