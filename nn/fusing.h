// What the rewrites of fuse.h ask of a program.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "nn/lower.h"

namespace bragg::nn {

/// A program with what the rewrites ask of it.
struct Fusing {
  LoweredGraph& graph;
  const Backend& backend;
  const Parameters& parameters;
  const NetworkOptions& options;

  std::vector<PlannedOp>& ops() const { return graph.program.ops; }

  /// The ops that read, or write, the memory at `address`, by number.
  std::vector<std::size_t> readers(const void* address) const { return users(address, Role::out); }
  std::vector<std::size_t> writers(const void* address) const { return users(address, Role::in); }
  void erase(std::size_t op) const { ops().erase(ops().begin() + static_cast<std::ptrdiff_t>(op)); }
  bool is_kept(const void* address) const {
    const Place* place = graph.program.place_of(address);
    return place == nullptr || place->keep != Keep::for_ops;
  }

  /// The op whose only reader is number `reader`, if it wrote the memory at `address` alone.
  std::optional<std::size_t> only_writer(const void* address, std::size_t reader) const {
    const auto writing = writers(address), reading = readers(address);
    if (writing.size() != 1 || reading != std::vector{reader} || is_kept(address)) return {};
    return writing.front();
  }

 private:
  std::vector<std::size_t> users(const void* address, Role but) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < ops().size(); ++i) {
      bool uses = false;
      for_each_operand(ops()[i].op, [&](const auto&, const OperandInfo& info, const auto& view, const auto&) {
        uses = uses || (info.role != but && view.data == address);
      });
      if (uses) found.push_back(i);
    }
    return found;
  }
};

}  // namespace bragg::nn
