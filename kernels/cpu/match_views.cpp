// Patterns looked up in a library: rows go by panels, every pattern is compared with a panel while it is near,
// and each thread keeps the best of what it saw. The order of matches is total, so that what is best does not depend
// on who saw it.
#include "kernels/ops/match_views.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/view_kernels.h"

namespace bragg::cpu {
namespace {

struct Match {
  float similarity;
  std::int32_t scale;
  std::int64_t m;

  /// Whether it comes before the other: a heap has its last one in front then.
  bool operator<(const Match& other) const {
    return similarity > other.similarity || (similarity == other.similarity && m < other.m);
  }
};

std::size_t in_lines(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/// The op's memory: patterns as the vector code takes them, then for each thread a panel and the best matches.
struct Layout {
  std::int64_t pairs, top;
  std::size_t patterns, panel, best, matches, counts;

  Layout(const MatchViewsProblem& p, const ViewKernels& kernels)
      : pairs((p.K + 1) / 2),
        top(std::min(p.top, std::max<std::int64_t>(p.M, 1))),
        patterns(in_lines(static_cast<std::size_t>(p.N * p.S * pairs) * (kernels.in_bf16 ? 4 : 8))),
        panel(in_lines(static_cast<std::size_t>(pairs * kernels.panel_rows) * 4)),
        best(in_lines(static_cast<std::size_t>(kernels.panel_rows) * 16)),
        matches(in_lines(static_cast<std::size_t>(p.N * top) * sizeof(Match))),
        counts(in_lines(static_cast<std::size_t>(p.N) * sizeof(std::int64_t))) {}

  std::size_t of_thread() const { return panel + best + matches + counts; }
  std::size_t bytes(int threads) const { return patterns + of_thread() * static_cast<std::size_t>(threads); }
};

/// What a thread has.
struct Worker {
  std::uint32_t* words;
  const BFloat16** rows;
  float* best;
  std::int32_t* scale;
  Match* matches;  ///< (N, top): heaps
  std::int64_t* counts;

  Worker(const Layout& layout, std::byte* workspace, int worker, int panel_rows) {
    std::byte* at = workspace + layout.patterns + layout.of_thread() * static_cast<std::size_t>(worker);
    words = reinterpret_cast<std::uint32_t*>(at);
    at += layout.panel;
    rows = reinterpret_cast<const BFloat16**>(at);
    best = reinterpret_cast<float*>(at + 8 * static_cast<std::size_t>(panel_rows));
    scale = reinterpret_cast<std::int32_t*>(best + panel_rows);
    at += layout.best;
    matches = reinterpret_cast<Match*>(at);
    counts = reinterpret_cast<std::int64_t*>(at + layout.matches);
  }

  void take(std::int64_t n, std::int64_t top, const Match& match) const {
    Match* const heap = matches + n * top;
    std::int64_t& count = counts[n];
    if (count < top) {
      heap[count++] = match;
      std::push_heap(heap, heap + count);
    } else if (match < heap[0]) {
      std::pop_heap(heap, heap + top);
      heap[top - 1] = match;
      std::push_heap(heap, heap + top);
    }
  }
};

/// A pattern's numbers side by side for all scales: floats (2 pairs, S), or words of two (pairs, S).
void spread_pattern(const MatchViews& op, std::int64_t n, bool in_bf16, std::byte* dst) {
  const MatchViewsProblem& p = op.problem;
  const std::int64_t pairs = (p.K + 1) / 2;
  for (std::int64_t s = 0; s < p.S; ++s) {
    const BFloat16* const row = op.patterns.as<BFloat16>() + (n * p.S + s) * p.K;
    const auto number = [&](std::int64_t k) { return k < p.K ? row[k] : BFloat16{}; };
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const BFloat16 low = number(2 * pair), high = number(2 * pair + 1);
      if (in_bf16) {
        reinterpret_cast<std::uint32_t*>(dst)[(n * pairs + pair) * p.S + s] =
            low.bits | std::uint32_t{high.bits} << 16;
      } else {
        float* const to = reinterpret_cast<float*>(dst) + (n * pairs + pair) * 2 * p.S + s;
        to[0] = to_float(low);
        to[p.S] = to_float(high);
      }
    }
  }
}

void check_rows(const MatchViews& op) {
  if (!op.rows) return;
  for (std::int64_t m = 0; m < op.problem.M; ++m) {
    const std::int32_t row = op.rows.as<std::int32_t>()[m];
    if (row < 0 || row >= op.problem.library_rows)
      throw ProblemError(fmt::format("[{}] row {} outside a library of {} rows", MatchViews::name, row,
                                     op.problem.library_rows));
  }
}

/// The rows that are compared, by panels; with rows of their own the patterns' panels one after the other.
class Panels {
 public:
  struct Panel {
    std::int64_t first, count;  ///< of [0, M)
    std::int64_t first_pattern, end_pattern;
  };

  Panels(const MatchViews& op, std::int64_t panel_rows)
      : op_(op), panel_rows_(panel_rows), of_pattern_((op.problem.M + panel_rows - 1) / panel_rows) {}

  std::int64_t count() const { return op_.problem.own_rows ? of_pattern_ * op_.problem.N : of_pattern_; }
  Panel at(std::int64_t task) const {
    const MatchViewsProblem& p = op_.problem;
    const std::int64_t first = task % of_pattern_ * panel_rows_, n = task / of_pattern_;
    return {first, std::min(panel_rows_, p.M - first), p.own_rows ? n : 0, p.own_rows ? n + 1 : p.N};
  }
  /// In the library, of number i of the panel.
  std::int64_t row(const Panel& panel, std::int64_t i) const {
    const std::int64_t m = panel.first + i;
    if (op_.rows) return op_.rows.as<std::int32_t>()[m];
    return op_.problem.own_rows ? panel.first_pattern * op_.problem.M + m : m;
  }

 private:
  const MatchViews& op_;
  std::int64_t panel_rows_, of_pattern_;
};

/// The threads' best of a pattern, in order.
void put_together(const MatchViews& op, std::int64_t n, std::int64_t top,
                  const std::vector<Worker>& workers) {
  std::vector<Match> all;
  for (const Worker& worker : workers)
    all.insert(all.end(), worker.matches + n * top, worker.matches + n * top + worker.counts[n]);
  std::sort(all.begin(), all.end());
  for (std::int64_t i = 0; i < op.problem.top; ++i) {
    const std::int64_t to = n * op.problem.top + i;
    const bool is_there = i < std::ssize(all);
    const Match match = is_there ? all[static_cast<std::size_t>(i)] : Match{0, -1, -1};
    const auto m = static_cast<std::int32_t>(match.m);
    op.row.as<std::int32_t>()[to] = is_there && op.rows ? op.rows.as<std::int32_t>()[m] : m;
    op.scale.as<std::int32_t>()[to] = match.scale;
    op.similarity.as<float>()[to] = match.similarity;
  }
}

}  // namespace

std::size_t CpuBackend::workspace_of(const MatchViewsProblem& p) const {
  return Layout(p, views_).bytes(pool_.size());
}

void CpuBackend::run_op(const MatchViews& op) {
  const MatchViewsProblem& p = op.problem;
  check_rows(op);
  const Layout layout(p, views_);
  auto* const memory = static_cast<std::byte*>(workspace(MatchViews::name, workspace_of(p)));
  std::vector<Worker> workers;
  for (int i = 0; i < pool_.size(); ++i) {
    workers.emplace_back(layout, memory, i, views_.panel_rows);
    std::fill_n(workers.back().counts, p.N, 0);
  }
  pool_.run(p.N, [&](std::int64_t n, int) { spread_pattern(op, n, views_.in_bf16, memory); });

  const Panels panels(op, views_.panel_rows);
  const std::size_t pattern_bytes = static_cast<std::size_t>(p.S * layout.pairs) * (views_.in_bf16 ? 4 : 8);
  pool_.run(panels.count(), [&](std::int64_t task, int w) {
    const Worker& worker = workers[static_cast<std::size_t>(w)];
    const Panels::Panel panel = panels.at(task);
    for (std::int64_t i = 0; i < panel.count; ++i)
      worker.rows[i] = op.library.as<BFloat16>() + panels.row(panel, i) * p.K;
    views_.pack({worker.rows, panel.count, p.K, worker.words});
    for (std::int64_t n = panel.first_pattern; n < panel.end_pattern; ++n) {
      views_.match({worker.words, layout.pairs, memory + static_cast<std::size_t>(n) * pattern_bytes, p.S,
                    worker.best, worker.scale});
      for (std::int64_t i = 0; i < panel.count; ++i) {
        if (worker.scale[i] < 0) continue;
        const float weight = op.weight ? op.weight.as<float>()[panels.row(panel, i)] : 1.0f;
        worker.take(n, layout.top, {worker.best[i] * weight, worker.scale[i], panel.first + i});
      }
    }
  });
  pool_.run(p.N, [&](std::int64_t n, int) { put_together(op, n, layout.top, workers); });
}

}  // namespace bragg::cpu
