#include "kernels/cuda/gemm/flat_view.h"

#include <fmt/format.h>

#include "kernels/cuda/runtime.h"

namespace bragg::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/// From the driver that the runtime found: bragg does not link it.
Encode encoder() {
  static const Encode found = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result{};
    check(
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &result),
        "cuTensorMapEncodeTiled");
    if (result != cudaDriverEntryPointSuccess || entry == nullptr)
      throw CudaError("the driver has no cuTensorMapEncodeTiled");
    return reinterpret_cast<Encode>(entry);
  }();
  return found;
}

}  // namespace

std::optional<FlatView> flatten(const ConstMatrixView<BFloat16>& view, std::int64_t rows) {
  if (!view.is_aligned()) return std::nullopt;
  const std::int64_t per_item = view.rows_per_item.divisor, items = rows / per_item;
  FlatView flat{view.data, view.row_stride, view.row_length, rows, rows, rows};
  if (per_item == 1) {
    flat.row_stride = view.item_stride;
    flat.pitch = flat.rows_per_item = 1;
  } else if (items > 1) {
    if (view.row_stride == 0 || view.item_stride % view.row_stride != 0) return std::nullopt;
    flat.pitch = view.item_stride / view.row_stride;
    flat.rows_per_item = per_item;
    if (flat.pitch < per_item) return std::nullopt;
    flat.rows = (items - 1) * flat.pitch + per_item;
  }
  if (rows == 1) flat.row_stride = (view.row_length + 7) / 8 * 8;  // whatever it was, nobody steps by it
  return flat.row_stride > 0 ? std::optional(flat) : std::nullopt;
}

CUtensorMap make_tensor_map(const FlatView& view, int box_rows) {
  CUtensorMap map{};
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(view.row_length), static_cast<cuuint64_t>(view.rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(view.row_stride) * sizeof(BFloat16)};
  const cuuint32_t box[] = {box_columns, static_cast<cuuint32_t>(box_rows)}, steps[] = {1, 1};
  const CUresult status =
      encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<BFloat16*>(view.data), sizes, strides,
                box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS)
    throw CudaError(
        fmt::format("cuTensorMapEncodeTiled: error {} for {} rows of {} elements, {} apart, boxes of {}",
                    static_cast<int>(status), view.rows, view.row_length, view.row_stride, box_rows));
  return map;
}

std::string overlapping_map_refused_because() {
  // Encoding reads no memory, but the address is the device's in every use.
  constexpr std::int64_t row_stride = 400, row_length = 4000, rows = 100;
  const Buffer memory = allocate_device_memory((rows * row_stride + row_length) * sizeof(BFloat16));
  const auto* const data = reinterpret_cast<const BFloat16*>(memory.data());
  try {
    make_tensor_map({data, row_stride, row_length, rows, rows, rows}, 64);
  } catch (const CudaError& refused) {
    return refused.what();
  }
  return "";
}

}  // namespace bragg::cuda
