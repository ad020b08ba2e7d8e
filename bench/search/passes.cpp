#include "bench/search/passes.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "data/search/index_content.h"
#include "data/search/pattern_views.h"
#include "data/upload.h"
#include "kernels/base/random.h"
#include "kernels/ops/draw_views.h"
#include "kernels/ops/match_views.h"

namespace bragg::bench {
namespace {

/// Structures of 200 lines each at places by chance, and memory for both passes over `patterns` of them.
class Passes {
 public:
  explicit Passes(const PassesOptions& options)
      : backend_(make_backend({options.device, options.threads, ""})),
        structures_(options.structures),
        N_(options.patterns),
        top_(options.candidates) {
    std::vector<std::uint32_t> offset{0}, lines;
    std::vector<std::int32_t> rows;
    for (std::int64_t i = 0; i < structures_; ++i) {
      std::array<std::uint16_t, 200> places;
      for (std::size_t l = 0; l < places.size(); ++l)
        places[l] = static_cast<std::uint16_t>(word(200 * i + static_cast<std::int64_t>(l)) % 54400);
      std::sort(places.begin(), places.end());
      for (const std::uint16_t place : places)
        lines.push_back(
            place | std::uint32_t{to_bfloat16(0.001f + static_cast<float>(word(place) % 1000) / 1000).bits}
                        << 16);
      offset.push_back(static_cast<std::uint32_t>(lines.size()));
    }
    for (std::int64_t i = 0; i < N_ * top_; ++i)
      rows.push_back(static_cast<std::int32_t>(word(i) % static_cast<std::uint32_t>(structures_)));
    lines_ = std::ssize(lines);
    offset_ = data::uploaded(*backend_, std::span<const std::uint32_t>(offset));
    packed_ = data::uploaded(*backend_, std::span<const std::uint32_t>(lines));
    rows_ = data::uploaded(*backend_, std::span<const std::int32_t>(rows));
    library_ = numbers(structures_ * data::coarse_bins);
    coarse_ = numbers(N_ * scales * data::coarse_bins);
    fine_ = numbers(N_ * scales * fine_length);
    drawn_ = backend_->allocate(static_cast<std::size_t>(N_ * top_ * fine_length) * sizeof(BFloat16));
    for (Buffer* buffer : {&row_, &scale_, &similarity_})
      *buffer = backend_->allocate(static_cast<std::size_t>(N_ * top_) * sizeof(double));
  }

  void run() {
    const MatchViews coarse = match({.N = N_,
                                     .S = scales,
                                     .K = data::coarse_bins,
                                     .library_rows = structures_,
                                     .M = structures_,
                                     .top = top_},
                                    coarse_, library_);
    const MatchViews fine = match({.N = N_,
                                   .S = scales,
                                   .K = fine_length,
                                   .library_rows = N_ * top_,
                                   .M = top_,
                                   .top = top_,
                                   .own_rows = true},
                                  fine_, drawn_);
    const DrawViews draw{
        .problem = data::fine_problem(0, data::search_grid.points, N_ * top_, structures_, lines_),
        .line_offset = {offset_.data(), DType::u32},
        .lines = {packed_.data(), DType::u32},
        .rows = {rows_.data(), DType::i32},
        .dst = {drawn_.data(), DType::bf16}};
    fmt::print("{}, {} patterns at once\n", backend_->description(), N_);
    const double first = timed("all structures, coarse", coarse), second = timed("candidates drawn", draw),
                 third = timed("candidates compared", fine);
    // The experimental kind and the computed one each have candidates; the structures are those of both.
    fmt::print("a search of both kinds: {:.1f} us, {:.0f} searches/s\n",
               1e6 * (first + 2 * (second + third)) / static_cast<double>(N_),
               static_cast<double>(N_) / (first + 2 * (second + third)));
  }

 private:
  static constexpr std::int64_t scales = 9;
  static constexpr std::int64_t fine_length =
      static_cast<std::int64_t>(data::search_views.size()) * data::search_grid.points;

  static std::uint32_t word(std::int64_t i) {
    return random_call(1, RandomStream::data, 0, 0, static_cast<std::uint64_t>(i))[0];
  }
  Buffer numbers(std::int64_t count) {
    std::vector<BFloat16> host(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      host[static_cast<std::size_t>(i)] =
          to_bfloat16(static_cast<float>(static_cast<std::uint32_t>(i * 2654435761) >> 16) / 65536);
    return data::uploaded(*backend_, std::span<const BFloat16>(host));
  }
  MatchViews match(const MatchViewsProblem& problem, const Buffer& patterns, const Buffer& library) const {
    return {.problem = problem,
            .patterns = {patterns.data(), DType::bf16},
            .library = {library.data(), DType::bf16},
            .row = {row_.data(), DType::i32},
            .scale = {scale_.data(), DType::i32},
            .similarity = {similarity_.data(), backend_->precise_type()}};
  }
  /// Seconds, the least of five; its text and rate are printed.
  template <typename Op>
  double timed(const char* what, const Op& op) {
    backend_->reserve_workspace(backend_->workspace_bytes(op));
    double best = 1e30;
    for (int i = 0; i < 5; ++i)
      best = std::min(best, backend_->seconds_of([&] { backend_->run(op); }));
    fmt::print("{}: {:.1f} us a pattern", what, 1e6 * best / static_cast<double>(N_));
    if constexpr (std::is_same_v<Op, MatchViews>) {
      const MatchViewsProblem& p = op.problem;
      fmt::print(", {:.2f} TFLOP/s",
                 2e-12 * static_cast<double>(p.N * p.S * p.K) * static_cast<double>(p.M) / best);
    }
    fmt::print(" ({})\n", text(op));
    return best;
  }

  const std::unique_ptr<Backend> backend_;
  const std::int64_t structures_, N_, top_;
  std::int64_t lines_ = 0;
  Buffer offset_, packed_, rows_, library_, coarse_, fine_, drawn_, row_, scale_, similarity_;
};

}  // namespace

void time_passes(const PassesOptions& options) {
  Passes(options).run();
}

}  // namespace bragg::bench
