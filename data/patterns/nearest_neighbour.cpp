#include "data/patterns/nearest_neighbour.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/dense.h"

namespace bragg::data {
namespace {

constexpr std::int64_t query_block = 4096, reference_block = 512;

/// A block of rows in device memory as a dense layer's weights lie there, filled from FeatureRows.
class Block {
 public:
  Block(Backend& backend, std::int64_t rows, std::int64_t points)
      : backend_(backend),
        points_(points),
        row_stride_(backend.weight_row_stride(points)),
        host_(static_cast<std::size_t>(rows * row_stride_)),
        buffer_(backend.allocate(host_.size() * size_of(backend.element_type()))) {}

  void load(const FeatureRows& source, std::int64_t begin, std::int64_t rows) {
    const std::span<float> host(host_);
    const auto length = static_cast<std::size_t>(points_), stride = static_cast<std::size_t>(row_stride_);
    for (std::int64_t i = 0; i < rows; ++i)
      source.read(begin + i, host.subspan(static_cast<std::size_t>(i) * stride, length));
    backend_.upload(host.first(static_cast<std::size_t>(rows) * stride), tensor());
  }
  Tensor tensor() const { return {buffer_.data(), backend_.element_type()}; }
  ConstActivations items(std::int64_t N) const {
    return {buffer_.data(), backend_.element_type(), N, 1, points_, row_stride_};
  }

 private:
  Backend& backend_;
  std::int64_t points_, row_stride_;
  std::vector<float> host_;  ///< zeros between the rows
  Buffer buffer_;
};

}  // namespace

void similarity_features(std::span<const float> pattern, std::span<float> dst) {
  const auto is_zero = [](float value) { return value == 0; };
  const auto first = std::find_if_not(pattern.begin(), pattern.end(), is_zero);
  const auto last = std::find_if_not(pattern.rbegin(), std::make_reverse_iterator(first), is_zero).base();
  float background = 0;
  if (first < last) {
    std::vector<float> sorted(first, last);
    const auto rank = static_cast<std::ptrdiff_t>(background_percentile * static_cast<double>(sorted.size()));
    std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
    background = std::max(sorted[static_cast<std::size_t>(rank)], 0.0f);
  }
  double squares = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const float above = std::max(pattern[i] - background, 0.0f);
    dst[i] = std::sqrt(above);
    squares += above;
  }
  if (squares == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : dst)
    value *= scale;
}

std::vector<Neighbour> nearest_neighbours(Backend& backend, const FeatureRows& queries,
                                          const FeatureRows& references, std::int64_t points,
                                          const std::function<bool(std::int64_t, std::int64_t)>& allowed) {
  std::vector<Neighbour> best(static_cast<std::size_t>(queries.rows));
  if (queries.rows == 0 || references.rows == 0) return best;
  const std::int64_t most_queries = std::min(query_block, queries.rows);
  const std::int64_t most_references = std::min(reference_block, references.rows);
  Block query(backend, most_queries, points), reference(backend, most_references, points);
  const Buffer similarity = backend.allocate(static_cast<std::size_t>(most_queries * most_references) *
                                             size_of(backend.precise_type()));
  backend.reserve_workspace(
      backend.workspace_bytes(DenseForward{{most_queries, points, most_references}, {}, {}, {}, {}}));
  std::vector<float> host(static_cast<std::size_t>(most_queries * most_references));

  for (std::int64_t q = 0; q < queries.rows; q += query_block) {
    const std::int64_t N = std::min(query_block, queries.rows - q);
    query.load(queries, q, N);
    for (std::int64_t r = 0; r < references.rows; r += reference_block) {
      const std::int64_t M = std::min(reference_block, references.rows - r);
      reference.load(references, r, M);
      const DenseProblem problem{N, points, M};
      const Activations dst{similarity.data(), backend.precise_type(), N, 1, M, M};
      const DenseForward op{problem, query.items(N), reference.tensor(), dst, {}};
      backend.reserve_workspace(backend.workspace_bytes(op));
      backend.run(op);
      backend.download(ConstTensor{dst.data, dst.dtype},
                       std::span(host).first(static_cast<std::size_t>(N * M)));
      for (std::int64_t i = 0; i < N; ++i) {
        Neighbour& neighbour = best[static_cast<std::size_t>(q + i)];
        for (std::int64_t j = 0; j < M; ++j) {
          const float cosine = host[static_cast<std::size_t>(i * M + j)];
          if (neighbour.row >= 0 && !(cosine > neighbour.similarity)) continue;
          if (allowed && !allowed(q + i, r + j)) continue;
          neighbour = {r + j, cosine};
        }
      }
    }
  }
  return best;
}

}  // namespace bragg::data
