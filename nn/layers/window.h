// What layers that move a window have in common.
#pragma once

#include <cstdint>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::nn::layers {

/// Throws UsageError where the window of "the `what`" is longer than src with its padding.
template <typename Shape>
void require_window(const char* what, const Shape& window, std::int64_t L_in) {
  const std::int64_t L = window.pad_before + L_in + window.pad_after;
  if (window.kernel > L)
    throw UsageError(fmt::format("[model] the {}'s kernel {} > the length {} there", what, window.kernel, L));
}

}  // namespace bragg::nn::layers
