#include "nn/network.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/step_state.h"
#include "nn/fuse.h"
#include "nn/layout.h"
#include "nn/lifetimes.h"

namespace bragg::nn {
namespace {

/// Where a place lies now; nothing where no op means it.
Activations bound(Program& program, Activations value) {
  if (const Place* place = program.place_of(value.data)) {
    value.data = place->data;
    value.item_stride = place->item_stride;
  }
  return value;
}
template <typename Row>
Row bound(Program& program, Row row) {
  if (const Place* place = program.place_of(row.data)) row.data = place->data;
  return row;
}

}  // namespace

Network::Network(Backend& backend, const Model& model, const Parameters& parameters,
                 const NetworkOptions& options)
    : backend_(backend) {
  if (options.N < 1) throw ProblemError(fmt::format("[network] batch {} < 1", options.N));
  if (options.mode == Mode::training && !options.state)
    throw ProblemError("[network] training needs a StepState");
  LoweredGraph lowered = lower(model.graph, backend, parameters, options);
  fuse(lowered, backend, parameters, options);
  Program& program = lowered.program;
  lay_out(program, backend);
  const MemoryPlan plan = plan_memory(program, options.shares_memory);
  memory_ = backend.allocate(plan.bytes);
  bind(program, plan, memory_.data());

  for (const Activations& value : lowered.values)
    values_.push_back(bound(program, value));
  for (const Activations& gradient : lowered.gradients)
    gradients_.push_back(bound(program, gradient));
  for (const Tensor& bits : lowered.kept)
    kept_.push_back(bound(program, bits));
  for (const NormalisedSource& made : lowered.made_by_readers)
    made_by_readers_.push_back({bound(program, made.factor), bound(program, made.offset)});
  labels_ = bound(program, lowered.labels);
  for (const HeadMemory& head : lowered.heads)
    heads_.push_back({bound(program, head.logits), bound(program, head.totals), bound(program, head.class_of),
                      bound(program, head.class_weights)});
  for (const RegressionMemory& head : lowered.regressions)
    regressions_.push_back(
        {bound(program, head.predictions), bound(program, head.targets), bound(program, head.totals)});
  if (const auto& weights = options.loss.class_weights; !weights.empty() && !heads_.empty())
    backend.upload(std::vector<float>(weights.begin(), weights.end()), heads_.front().class_weights);
  for (std::size_t i = 0; i < heads_.size(); ++i)
    if (const auto& table = model.graph.heads()[i].class_of; !table.empty())
      backend.upload(table.data(), heads_[i].class_of.data, table.size() * sizeof(std::int32_t));

  plan_ = std::move(program.ops);
  std::size_t workspace = 0;
  for (const PlannedOp& planned : plan_)
    std::visit([&](const auto& op) { workspace = std::max(workspace, backend.workspace_bytes(op)); },
               planned.op);
  backend.reserve_workspace(workspace);
}

void Network::run(Phase phase) {
  for (const PlannedOp& op : plan_)
    if (op.phase == phase) op.run(backend_);
}

void Network::forward() {
  run(Phase::forward);
}

void Network::loss() {
  run(Phase::loss);
}

void Network::backward() {
  run(Phase::backward);
}

void Network::update() {
  if (plan_.empty() || plan_.back().phase != Phase::update)
    throw ProblemError("[network] an update needs an optimizer");
  run(Phase::update);
}

LossTotals Network::read_totals(std::size_t head) const {
  LossTotals found;
  backend_.download(totals(head).data, &found, sizeof found);
  return found;
}

LossTotals Network::read_regression_totals(std::size_t i) const {
  LossTotals found;
  backend_.download(regressions_.at(i).totals.data, &found, sizeof found);
  return found;
}

void Network::clear_totals() {
  for (const HeadMemory& head : heads_)
    backend_.fill_zero(head.totals.data, sizeof(LossTotals));
  for (const RegressionMemory& head : regressions_)
    backend_.fill_zero(head.totals.data, sizeof(LossTotals));
}

void Network::write_totals(const LossTotals& numbers, std::size_t head) {
  backend_.upload(&numbers, totals(head).data, sizeof numbers);
}

}  // namespace bragg::nn
