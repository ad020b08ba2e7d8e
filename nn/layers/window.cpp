#include "nn/layers/window.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::nn::layers {

void require_window(const char* what, std::int64_t kernel, std::int64_t pad_before, std::int64_t pad_after,
                    std::int64_t L_in) {
  const std::int64_t L = pad_before + L_in + pad_after;
  if (kernel > L)
    throw UsageError(fmt::format("[model] the {}'s kernel {} > the length {} there", what, kernel, L));
}

}  // namespace bragg::nn::layers
