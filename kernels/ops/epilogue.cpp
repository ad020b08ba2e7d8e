#include "kernels/ops/epilogue.h"

#include <fmt/format.h>

#include "kernels/base/random.h"

namespace bragg {

void Epilogue::check(const Check& check, std::int64_t rows, std::int64_t C) const {
  check.probability("dropout", dropout.p);
  if (dropout.p == 0) return;
  constexpr std::int64_t most = std::int64_t{1} << 32;
  const std::int64_t calls = rows * dropout_calls_per_row(C);
  if (calls > most) check.fail(fmt::format("dropout needs {} random calls > {}", calls, most));
}

std::string Epilogue::text() const {
  std::string text = bias ? " + bias" : "";
  if (relu) text += ", relu";
  if (dropout.p > 0) text += fmt::format(", dropout {}", dropout.p);
  return text;
}

void ReluGradient::check(const Check& check) const {
  check.probability("dropout", p);
}

std::string ReluGradient::text() const {
  return src.data ? ", relu and dropout of its input" : "";
}

}  // namespace bragg
