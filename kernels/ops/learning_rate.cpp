#include "kernels/ops/learning_rate.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/ops/op.h"

namespace bragg {

void LearningRate::validate(const char* op) const {
  require_within(op, "learning_rate", base, 0, HUGE_VAL);
  require_within(op, "final_fraction", final_fraction, 0, std::nextafter(1.0, 2.0));
}

std::string LearningRate::text() const {
  std::string text = warmup_steps > 0 ? fmt::format(" warm-up {}", warmup_steps) : "";
  if (schedule == Schedule::cosine) text += fmt::format(" cosine to {} at {}", final_fraction, end);
  if (schedule == Schedule::linear_decay && decay_begin != never)
    text += fmt::format(" linear decay {} to {}", decay_begin, end);
  return text;
}

}  // namespace bragg
