// One number for each pattern of a batch, out of a table: labels, rows.
#pragma once

#include "kernels/backend.h"
#include "kernels/ops/rows.h"

namespace bragg::data {

/// Enqueues: table i32 (gather.table_rows), rows i32 (gather.N) -> dst i32 (gather.N).
inline void gather_column(Backend& backend, GatherRowsProblem gather, const Buffer& table, ConstTensor rows,
                          Tensor dst) {
  gather.row_length = 1;
  backend.run(
      GatherRows{gather,
                 {table.data(), DType::i32},
                 rows,
                 {.data = dst.data, .dtype = DType::i32, .N = gather.N, .L = 1, .C = 1, .item_stride = 1}});
}

}  // namespace bragg::data
