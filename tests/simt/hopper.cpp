#include "tests/simt/hopper.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/simt/machine.h"
#include "tests/simt/mbarrier.h"
#include "tests/simt/simt.h"

CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType, cuuint32_t rank, void* address,
                                const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
                                const cuuint32_t* element_strides, CUtensorMapInterleave, CUtensorMapSwizzle,
                                CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  constexpr cuuint64_t most_elements = cuuint64_t{1} << 32, most_bytes = cuuint64_t{1} << 40;
  constexpr cuuint32_t swizzle_span = 128;
  if (rank != 2 || reinterpret_cast<std::uintptr_t>(address) % 16 != 0 || strides[0] % 16 != 0 ||
      strides[0] >= most_bytes)
    return CUDA_ERROR_INVALID_VALUE;
  for (int i = 0; i < 2; ++i)
    if (sizes[i] == 0 || sizes[i] > most_elements || box[i] == 0 || box[i] > 256 || element_strides[i] != 1)
      return CUDA_ERROR_INVALID_VALUE;
  if (box[0] * 2 > swizzle_span || box[0] * 2 % 16 != 0) return CUDA_ERROR_INVALID_VALUE;
  if (simt::machine().refuses_overlapping_maps && strides[0] < sizes[0] * 2) return CUDA_ERROR_INVALID_VALUE;
  *map = {static_cast<const std::byte*>(address), sizes[0], sizes[1], strides[0], box[0], box[1], {}};
  return CUDA_SUCCESS;
}

namespace simt {
namespace {

void write(const Box& box) {
  const CUtensorMap& map = *box.map;
  for (std::uint32_t row = 0; row < map.box_rows; ++row)
    for (std::uint32_t column = 0; column < map.box_columns; ++column) {
      const std::int64_t r = std::int64_t{box.y} + row, c = std::int64_t{box.x} + column;
      const bool inside = r >= 0 && c >= 0 && r < static_cast<std::int64_t>(map.rows) &&
                          c < static_cast<std::int64_t>(map.columns);
      std::uint16_t value = 0;
      if (inside) std::memcpy(&value, map.address + static_cast<std::uint64_t>(r) * map.row_bytes + c * 2, 2);
      const std::uint32_t address = shared_address(box.shared) + row * 128 + column * 2;
      std::memcpy(shared_memory() + swizzled(address), &value, 2);
    }
}

struct Product {
  float* d;
  int N;
  std::uint64_t a, b;
  bool a_mn, b_mn, accumulate;
};

std::uint64_t field(std::uint64_t descriptor, int from, int bits) {
  return descriptor >> from & ((std::uint64_t{1} << bits) - 1);
}

/// Element (mn, k) of an operand, as the PTX ISA lays out the 128-byte swizzle in either order.
float operand(std::uint64_t descriptor, bool by_mn, std::uint32_t mn, std::uint32_t k) {
  const auto start = static_cast<std::uint32_t>(field(descriptor, 0, 14) << 4),
             leading = static_cast<std::uint32_t>(field(descriptor, 16, 14) << 4),
             stride = static_cast<std::uint32_t>(field(descriptor, 32, 14) << 4);
  const std::uint32_t address = by_mn ? start + mn / 64 * leading + mn % 64 * 2 + k / 8 * stride + k % 8 * 128
                                      : start + mn / 8 * stride + mn % 8 * 128 + k * 2;
  std::uint16_t bits = 0;
  std::memcpy(&bits, shared_memory() + swizzled(address), 2);
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

void multiply(const Product& p, unsigned thread) {
  const unsigned row = thread / 32 % 4 * 16 + thread % 32 / 4, column = thread % 4 * 2;
  float a[2][16];
  for (unsigned half = 0; half < 2; ++half)
    for (unsigned k = 0; k < 16; ++k)
      a[half][k] = operand(p.a, p.a_mn, row + 8 * half, k);
  for (unsigned n = 0; n < static_cast<unsigned>(p.N); n += 8)
    for (unsigned e = 0; e < 2; ++e) {
      float* const first = p.d + n / 2 + e;  // and `first[2]`, 8 rows below
      if (!p.accumulate) first[0] = first[2] = 0;
      for (unsigned k = 0; k < 16; ++k) {
        const float b = operand(p.b, p.b_mn, n + column + e, k);
        first[0] += a[0][k] * b;
        first[2] += a[1][k] * b;
      }
    }
}

std::atomic<std::uint64_t> count = 0;

/// Of the running thread: groups of products, the last one open.
using Groups = std::vector<std::vector<Product>>;
Groups& products() {
  std::shared_ptr<void>& storage = thread_storage();
  if (!storage) storage = std::make_shared<Groups>(1);
  return *static_cast<Groups*>(storage.get());
}

}  // namespace

void wait_for(std::uint64_t* barrier, std::uint32_t parity) {
  for (const Box& box : wait_for_phase(barrier, parity))
    write(box);
  release_to(barrier);  // whoever comes later finds them written
}

void copy_box(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y, std::uint64_t* barrier) {
  if (reinterpret_cast<std::uintptr_t>(shared) % 1024 != 0)
    throw std::runtime_error("TMA: a swizzled box begins at 1024 bytes");
  if (map->box_columns != 64) throw std::runtime_error("TMA: emulated for rows of 128 bytes");
  const std::uint32_t bytes = map->box_rows * map->box_columns * 2;
  std::memset(shared, 0xFF, bytes);
  bring(barrier, {static_cast<std::byte*>(shared), map, x, y}, bytes);
}

void copy_box_to_both(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y,
                      std::uint64_t* barrier) {
  for (const unsigned rank : {0u, 1u})
    copy_box(in_block(shared, rank), map, x, y, reinterpret_cast<std::uint64_t*>(in_block(barrier, rank)));
}

void arrive_in_block(std::uint64_t* barrier, std::uint32_t rank) {
  arrive(reinterpret_cast<std::uint64_t*>(in_block(barrier, rank)), 0);
}

void wgmma_m64k16(float* d, int N, std::uint64_t a, std::uint64_t b, bool a_mn, bool b_mn, bool accumulate) {
  constexpr std::uint64_t swizzle_128 = 1;
  if (field(a, 62, 2) != swizzle_128 || field(b, 62, 2) != swizzle_128)
    throw std::runtime_error("wgmma: emulated for the 128-byte swizzle");
  ++count;
  products().back().push_back({d, N, a, b, a_mn, b_mn, accumulate});
}

std::uint64_t wgmma_count() {
  return count;
}

void wgmma_commit() {
  products().emplace_back();
}

void wgmma_wait(unsigned pending) {
  Groups& groups = products();
  while (groups.size() > pending + 1) {
    for (const Product& product : groups.front())
      multiply(product, linear_thread());
    groups.erase(groups.begin());
  }
}

}  // namespace simt
