#include "bench/kernels/product.h"

#include <algorithm>

namespace bragg::bench {
namespace {

std::vector<float> with_gaps(Backend& backend, const Rows& rows) {
  std::vector<float> all(static_cast<std::size_t>((rows.count - 1) * rows.stride + rows.length));
  backend.download(ConstTensor{rows.data, rows.dtype}, all);
  return all;
}

}  // namespace

std::vector<float> download(Backend& backend, const Rows& rows) {
  const std::vector<float> all = with_gaps(backend, rows);
  std::vector<float> packed;
  packed.reserve(static_cast<std::size_t>(rows.count * rows.length));
  for (std::ptrdiff_t i = 0; i < rows.count; ++i)
    packed.insert(packed.end(), all.begin() + i * rows.stride, all.begin() + i * rows.stride + rows.length);
  return packed;
}

void upload(Backend& backend, const std::vector<float>& packed, const Rows& rows) {
  if (rows.stride == rows.length) return backend.upload(packed, Tensor{rows.data, rows.dtype});
  std::vector<float> all = with_gaps(backend, rows);
  for (std::ptrdiff_t i = 0; i < rows.count; ++i)
    std::copy_n(packed.begin() + i * rows.length, rows.length, all.begin() + i * rows.stride);
  backend.upload(all, Tensor{rows.data, rows.dtype});
}

}  // namespace bragg::bench
