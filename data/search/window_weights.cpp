#include "data/search/window_weights.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "data/search/index_content.h"
#include "data/upload.h"
#include "kernels/base/bfloat16.h"

namespace bragg::data {
namespace {

constexpr std::size_t most_kept = 8;

std::vector<float> computed(Backend& backend, const Buffer& coarse, std::int64_t rows,
                            const CoarseWindow& window) {
  constexpr std::int64_t rows_at_once = 1024;
  std::vector<float> weights(static_cast<std::size_t>(rows));
  std::vector<BFloat16> some(static_cast<std::size_t>(std::min(rows, rows_at_once) * coarse_bins));
  for (std::int64_t first = 0; first < rows; first += rows_at_once) {
    const std::int64_t count = std::min(rows_at_once, rows - first);
    backend.download(coarse.data() + first * coarse_bins * std::int64_t{sizeof(BFloat16)}, some.data(),
                     static_cast<std::size_t>(count * coarse_bins) * sizeof(BFloat16));
    for (std::int64_t i = 0; i < count; ++i) {
      const BFloat16* const row = some.data() + i * coarse_bins;
      float square = 0;
      for (std::int64_t k = window.first; k < window.end; ++k)
        square += to_float(row[k]) * to_float(row[k]);
      weights[static_cast<std::size_t>(first + i)] = square > 0 ? 1 / std::sqrt(square) : 0;
    }
  }
  return weights;
}

}  // namespace

std::shared_ptr<const Buffer> WindowWeights::of(Backend& backend, const Buffer& coarse, std::int64_t rows,
                                                const CoarseWindow& window) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const auto& one) { return one.first == window; });
  if (found != kept_.end()) return found->second;
  const std::vector<float> weights = computed(backend, coarse, rows, window);
  auto buffer = std::make_shared<const Buffer>(uploaded(backend, std::span<const float>(weights)));
  backend.synchronize();  // before the host's copy goes
  kept_.emplace_back(window, buffer);
  if (kept_.size() > most_kept) kept_.pop_front();
  return buffer;
}

}  // namespace bragg::data
