#include "nn/layout.h"

#include <algorithm>

#include "kernels/operand_layout.h"

namespace bragg::nn {
void lay_out(Program& program, const Backend& backend) {
  for (Place& place : program.places)
    if (place.dtype == backend.element_type()) place.item_stride = backend.aligned(place.length);
  for (PlannedOp& planned : program.ops)
    for_each_operand(planned.op,
                     [&](const auto& op, const OperandInfo& info, const auto& view, const auto& extent) {
                       Place* place = program.place_of(view.data);
                       if (place == nullptr) return;
                       const OperandLayout asked = layout_of(backend, op, info.name, extent);
                       place->item_stride = std::max(place->item_stride, asked.item_stride);
                       place->front = std::max(place->front, asked.front);
                     });
}

}  // namespace bragg::nn
