// From one virtual function to a member function for each op. nvcc reads this header: it takes no fmt.
#pragma once

#include <string>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/ops/all_ops.h"

namespace bragg {

/// Derived has run_op(const O&) for every op O of op_list.h, or does not compile; for fusions (is_fusion())
/// it may, with has_op(const O&) where not all problems are taken. It may have workspace_of(const O&) or, for
/// all ops of a problem, workspace_of(const O::problem&), how_of(const O&), and before(const O&), which goes ahead of each run_op
/// that somebody asked for.
template <typename Derived>
class BackendOf : public Backend {
 private:
  const Derived& derived() const { return static_cast<const Derived&>(*this); }
  Derived& derived() { return static_cast<Derived&>(*this); }

  template <typename O>
  static constexpr bool runs = !is_fusion<O>() || requires(Derived & d, const O& op) {
    d.run_op(op);
  };

  template <typename O>
  bool has_op_of(const O& op) const {
    if constexpr (!runs<O>) return false;
    if constexpr (requires { derived().has_op(op); }) return derived().has_op(op);
    return true;
  }

  void do_run(OpPointer any) final {
    std::visit(
        [this](const auto* op) {
          using O = std::remove_cvref_t<decltype(*op)>;
          if (is_fusion<O>() && !has_op_of(*op))
            throw ProblemError(std::string("[") + O::name + "] " + name() + " has none: " + text(*op));
          if constexpr (requires { derived().before(*op); }) derived().before(*op);
          if constexpr (runs<O>) derived().run_op(*op);
        },
        any);
  }

  bool do_has(OpPointer any) const final {
    return std::visit([&](const auto* op) { return has_op_of(*op); }, any);
  }

  std::size_t do_workspace_bytes(OpPointer any) const final {
    return std::visit(
        [&]([[maybe_unused]] const auto* op) -> std::size_t {
          if constexpr (requires { derived().workspace_of(*op); }) return derived().workspace_of(*op);
          if constexpr (requires { derived().workspace_of(op->problem); })
            return derived().workspace_of(op->problem);
          return 0;
        },
        any);
  }

  std::string do_how(OpPointer any) final {
    return std::visit(
        [&]([[maybe_unused]] const auto* op) -> std::string {
          if constexpr (requires { derived().how_of(*op); }) return derived().how_of(*op);
          return "";
        },
        any);
  }
};

}  // namespace bragg
