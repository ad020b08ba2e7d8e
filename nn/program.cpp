#include "nn/program.h"

namespace bragg::nn {

void PlannedOp::run(Backend& backend) const {
  std::visit([&](const auto& o) { backend.run(o); }, op);
}

std::string PlannedOp::text() const {
  return (layer.empty() ? "" : layer + ": ") + bragg::text(op);
}

std::string PlannedOp::how(Backend& backend) const {
  return std::visit([&](const auto& o) { return backend.how(o); }, op);
}

Activations Program::activations(DType dtype, std::int64_t N, std::int64_t L, std::int64_t C) {
  Place& place = places.emplace_back();
  place.dtype = dtype;
  place.N = N;
  place.length = place.item_stride = L * C;
  return {&place, dtype, N, L, C, L * C};
}

Tensor Program::row(DType dtype, std::int64_t count) {
  return {activations(dtype, 1, 1, count).data, dtype};
}

Place* Program::place_of(const void* address) {
  for (Place& place : places)
    if (&place == address) return &place;
  return nullptr;
}

}  // namespace bragg::nn
