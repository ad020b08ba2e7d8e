// Memory of the backends that compute on the host.
#pragma once

#include "kernels/base/memory.h"

namespace bragg {

/// Zero-filled, aligned to ArenaPlan::alignment, large blocks on huge pages where the system has them.
/// Throws Error naming the bytes asked for.
Buffer allocate_host_memory(std::size_t bytes);

}  // namespace bragg
