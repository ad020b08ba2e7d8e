#include "kernels/host_memory.h"

#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/mman.h>

#include "kernels/base/error.h"

namespace bragg {

Buffer allocate_host_memory(std::size_t bytes) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= huge_page / 2 ? huge_page : ArenaPlan::alignment;
  const std::size_t rounded = (bytes / alignment + 1) * alignment;  // never 0 bytes
  void* data = rounded > bytes ? std::aligned_alloc(alignment, rounded) : nullptr;
  if (data == nullptr) throw Error(fmt::format("cannot allocate {} bytes", bytes));
  // A GEMM walks many rows at once: with 4 KiB pages it waits for the address translation. Only a hint; may
  // fail.
  if (alignment == huge_page) madvise(data, rounded, MADV_HUGEPAGE);
  std::memset(data, 0, rounded);
  return Buffer(data, bytes, [](void* p) { std::free(p); });
}

}  // namespace bragg
