// What layers that move a window have in common.
#pragma once

#include <cstdint>

namespace bragg::nn::layers {

/// Throws UsageError where the window of "the `what`" is longer than its source of L_in with its padding.
void require_window(const char* what, std::int64_t kernel, std::int64_t pad_before, std::int64_t pad_after,
                    std::int64_t L_in);

}  // namespace bragg::nn::layers
