#include "data/search/search_pass.h"

#include <algorithm>
#include <cmath>

#include "data/upload.h"
#include "kernels/ops/match_views.h"

namespace bragg::data {
namespace {

constexpr std::int64_t views = static_cast<std::int64_t>(search_views.size());
constexpr std::int64_t fine_length = views * search_grid.points;

std::size_t bytes(std::int64_t count, std::size_t each) {
  return static_cast<std::size_t>(count) * each;
}

/// Means of the view that coarse bins are made of, of length 1.
void put_coarse(std::span<const float> fine, BFloat16* dst) {
  std::array<float, coarse_bins> coarse{};
  const float* const view = fine.data() + coarse_from_view * search_grid.points;
  for (std::int64_t i = 0; i < search_grid.points; ++i)
    coarse[static_cast<std::size_t>(i / fine_per_coarse_bin)] += view[i];
  double square = 0;
  for (const float value : coarse)
    square += double{value} * double{value};
  const double factor = square > 0 ? 1 / std::sqrt(square) : 0;
  for (std::int64_t i = 0; i < coarse_bins; ++i)
    dst[i] = to_bfloat16(static_cast<float>(coarse[static_cast<std::size_t>(i)] * factor));
}

CoarseWindow coarse_window(const PatternViews& pattern) {
  return {pattern.first_bin / fine_per_coarse_bin,
          (pattern.end_bin + fine_per_coarse_bin - 1) / fine_per_coarse_bin};
}

/// Whether so little is missing of the grid that rows keep their length.
bool is_whole(const CoarseWindow& window) {
  constexpr std::int64_t last = search_grid.points / fine_per_coarse_bin;
  return window.first == 0 && window.end >= last;
}

}  // namespace

bool is_before(const SearchMatch& a, const SearchMatch& b) {
  return a.similarity > b.similarity || (a.similarity == b.similarity && a.structure < b.structure);
}

std::vector<double> values_of(const ScaleRange& scales) {
  std::vector<double> values;
  const auto steps = static_cast<std::int64_t>(std::floor((scales.last - scales.first) / scales.step + 1e-6));
  for (std::int64_t i = 0; i <= steps; ++i)
    values.push_back(scales.first + static_cast<double>(i) * scales.step);
  return values;
}

SearchPass::SearchPass(Backend& backend, const SearchIndex::Content& content, std::vector<std::int32_t> rows,
                       const ScaleRange& scales, std::int64_t candidates)
    : backend_(backend),
      content_(content),
      rows_(std::move(rows)),
      top_(std::min(candidates, std::ssize(rows_))),
      rows_on_device_(uploaded(backend, std::span<const std::int32_t>(rows_))) {
  for (const double scale : values_of(scales))
    scales_.emplace_back(scale);
}

void SearchPass::reserve(std::int64_t N) {
  if (N <= room_) return;
  const auto S = std::ssize(scales_);
  coarse_patterns_ = backend_.allocate(bytes(N * S * coarse_bins, sizeof(BFloat16)));
  fine_patterns_ = backend_.allocate(bytes(N * S * fine_length, sizeof(BFloat16)));
  candidates_ = backend_.allocate(bytes(N * top_, sizeof(std::int32_t)));
  coarse_scale_ = backend_.allocate(bytes(N * top_, sizeof(std::int32_t)));
  coarse_similarity_ = backend_.allocate(bytes(N * top_, sizeof(double)));
  drawn_ = backend_.allocate(bytes(N * top_ * fine_length, sizeof(BFloat16)));
  row_ = backend_.allocate(bytes(N * top_, sizeof(std::int32_t)));
  scale_ = backend_.allocate(bytes(N * top_, sizeof(std::int32_t)));
  similarity_ = backend_.allocate(bytes(N * top_, size_of(backend_.precise_type())));
  room_ = N;
}

void SearchPass::upload_patterns(std::span<const PatternViews* const> patterns, ThreadPool& pool) {
  const auto N = std::ssize(patterns), S = std::ssize(scales_);
  std::vector<BFloat16> coarse(static_cast<std::size_t>(N * S * coarse_bins)),
      fine(static_cast<std::size_t>(N * S * fine_length));
  pool.run(N, [&](std::int64_t n, int) {
    for (std::int64_t s = 0; s < S; ++s) {
      const std::vector<float> views_there =
          scales_[static_cast<std::size_t>(s)].of(*patterns[static_cast<std::size_t>(n)]);
      put_coarse(views_there, coarse.data() + (n * S + s) * coarse_bins);
      std::transform(views_there.begin(), views_there.end(), fine.begin() + (n * S + s) * fine_length,
                     to_bfloat16);
    }
  });
  backend_.upload(coarse.data(), coarse_patterns_.data(), coarse.size() * sizeof(BFloat16));
  backend_.upload(fine.data(), fine_patterns_.data(), fine.size() * sizeof(BFloat16));
  backend_.synchronize();  // before the host's copies go
}

void SearchPass::run_coarse(const PatternViews& pattern, std::int64_t N) {
  const CoarseWindow window = coarse_window(pattern);
  const auto weights =
      is_whole(window) ? nullptr : content_.weights.of(backend_, content_.coarse, content_.size, window);
  const MatchViews op{.problem = {.N = N,
                                  .S = std::ssize(scales_),
                                  .K = coarse_bins,
                                  .library_rows = content_.size,
                                  .M = std::ssize(rows_),
                                  .top = top_},
                      .patterns = {coarse_patterns_.data(), DType::bf16},
                      .library = {content_.coarse.data(), DType::bf16},
                      .weight = {weights ? weights->data() : nullptr, DType::f32},
                      .rows = {rows_on_device_.data(), DType::i32},
                      .row = {candidates_.data(), DType::i32},
                      .scale = {coarse_scale_.data(), DType::i32},
                      .similarity = {coarse_similarity_.data(), backend_.precise_type()}};
  backend_.reserve_workspace(backend_.workspace_bytes(op));
  backend_.run(op);
}

void SearchPass::run_fine(const PatternViews& window, std::int64_t N) {
  const DrawViews draw{
      .problem = fine_problem(window.first_bin, window.end_bin, N * top_, content_.size, content_.lines),
      .line_offset = {content_.line_offset.data(), DType::u32},
      .lines = {content_.packed.data(), DType::u32},
      .rows = {candidates_.data(), DType::i32},
      .dst = {drawn_.data(), DType::bf16}};
  const MatchViews match{.problem = {.N = N,
                                     .S = std::ssize(scales_),
                                     .K = fine_length,
                                     .library_rows = N * top_,
                                     .M = top_,
                                     .top = top_,
                                     .own_rows = true},
                         .patterns = {fine_patterns_.data(), DType::bf16},
                         .library = {drawn_.data(), DType::bf16},
                         .row = {row_.data(), DType::i32},
                         .scale = {scale_.data(), DType::i32},
                         .similarity = {similarity_.data(), backend_.precise_type()}};
  backend_.reserve_workspace(std::max(backend_.workspace_bytes(draw), backend_.workspace_bytes(match)));
  backend_.run(draw);
  backend_.run(match);
}

std::vector<std::vector<SearchMatch>> SearchPass::run(std::span<const PatternViews* const> patterns,
                                                      ThreadPool& pool) {
  const auto N = std::ssize(patterns);
  std::vector<std::vector<SearchMatch>> all(patterns.size());
  if (top_ == 0 || N == 0) return all;
  reserve(N);
  upload_patterns(patterns, pool);
  run_coarse(*patterns.front(), N);
  run_fine(*patterns.front(), N);
  const auto candidates = downloaded<std::int32_t>(backend_, candidates_, N * top_),
             row = downloaded<std::int32_t>(backend_, row_, N * top_),
             scale = downloaded<std::int32_t>(backend_, scale_, N * top_);
  std::vector<float> similarity(static_cast<std::size_t>(N * top_));
  backend_.download({similarity_.data(), backend_.precise_type()}, similarity);
  pool.run(N, [&](std::int64_t n, int) {
    std::vector<SearchMatch>& matches = all[static_cast<std::size_t>(n)];
    for (std::int64_t i = n * top_; i < (n + 1) * top_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (row[at] < 0 || !(similarity[at] > 0)) continue;
      const std::int32_t structure = candidates[static_cast<std::size_t>(n * top_ + row[at])];
      if (structure < 0) continue;
      matches.push_back({structure, static_cast<float>(scales_[static_cast<std::size_t>(scale[at])].scale()),
                         similarity[at]});
    }
    std::sort(matches.begin(), matches.end(), is_before);
  });
  return all;
}

}  // namespace bragg::data
