#include "nn/lifetimes.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

namespace bragg::nn {
namespace {

/// Ops [first, last] that mean a place, and the bytes that it takes.
struct Lifetime {
  std::size_t first = std::numeric_limits<std::size_t>::max(), last = 0;
  std::size_t bytes = 0, offset = 0;

  bool is_used() const { return first <= last; }
  bool meets(const Lifetime& other) const { return first <= other.last && other.first <= last; }
};

/// Whether the op may still run while those behind it do.
bool goes_on_beside(const NetworkOp& any) {
  return std::visit(
      []<typename O>(const O&) {
        return requires {
          requires O::may_go_on_beside;
        };
      },
      any);
}

std::vector<Lifetime> lifetimes(Program& program, bool share) {
  std::map<const void*, std::size_t> number;
  for (const Place& place : program.places)
    number.emplace(&place, number.size());
  std::vector<Lifetime> lives(program.places.size());
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    for_each_operand(program.ops[i].op, [&](const auto&, const OperandInfo&, const auto& view, const auto&) {
      const auto found = number.find(view.data);
      if (found == number.end()) return;
      Lifetime& life = lives[found->second];
      life.first = std::min(life.first, i);
      life.last = std::max(life.last, goes_on_beside(program.ops[i].op) ? program.ops.size() : i);
    });
  constexpr std::size_t unit = ArenaPlan::alignment;
  for (std::size_t k = 0; k < lives.size(); ++k) {
    const Place& place = program.places[k];
    lives[k].bytes = (place.bytes() + unit - 1) / unit * unit;
    const bool always = place.keep == Keep::always || place.has_gaps() || !share;
    if (!lives[k].is_used() && place.keep == Keep::for_ops) continue;
    if (always) lives[k].first = 0;
    if (always || place.keep == Keep::to_end) lives[k].last = program.ops.size();
  }
  return lives;
}

/// The lowest offset at which nothing that lives at the same time lies.
std::size_t lowest_offset(const Lifetime& life, const std::vector<const Lifetime*>& placed) {
  std::size_t offset = 0;
  for (const Lifetime* other : placed)  // in the order of their offsets
    if (other->meets(life) && other->offset < offset + life.bytes)
      offset = std::max(offset, other->offset + other->bytes);
  return offset;
}

}  // namespace

MemoryPlan plan_memory(Program& program, bool share) {
  std::vector<Lifetime> lives = lifetimes(program, share);
  // The largest first: what is small finds room between them.
  std::vector<Lifetime*> by_size;
  for (Lifetime& life : lives)
    if (life.is_used()) by_size.push_back(&life);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const Lifetime* a, const Lifetime* b) { return a->bytes > b->bytes; });
  MemoryPlan plan;
  std::vector<const Lifetime*> placed;
  for (Lifetime* life : by_size) {
    life->offset = lowest_offset(*life, placed);
    plan.bytes = std::max(plan.bytes, life->offset + life->bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), life,
                         [](const Lifetime* a, const Lifetime* b) { return a->offset < b->offset; }),
        life);
  }
  plan.bytes += ArenaPlan::alignment;  // a vector load at the end stays inside
  for (std::size_t k = 0; k < lives.size(); ++k)
    plan.offsets.push_back(
        lives[k].is_used() ? std::optional(lives[k].offset + program.places[k].front_bytes()) : std::nullopt);
  return plan;
}

void bind(Program& program, const MemoryPlan& plan, std::byte* base) {
  std::map<const void*, const Place*> places;
  for (std::size_t k = 0; k < program.places.size(); ++k) {
    Place& place = program.places[k];
    if (plan.offsets[k]) place.data = base + *plan.offsets[k];
    places.emplace(&place, &place);
  }
  for (PlannedOp& planned : program.ops)
    for_each_operand(planned.op, [&](const auto&, const OperandInfo&, auto& view, const auto&) {
      const auto found = places.find(view.data);
      if (found == places.end()) return;
      view.data = found->second->data;
      if constexpr (requires { view.item_stride; }) view.item_stride = found->second->item_stride;
    });
}

}  // namespace bragg::nn
