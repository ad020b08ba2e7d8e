#include "kernels/cuda/problem_text.h"

#include <fmt/format.h>

namespace bragg::cuda {

std::string text(const char* op, const Conv1dProblem& p) {
  return fmt::format("{} N {} L_in {} C_in {} C_out {} kernel {} stride {}", op, p.N, p.L_in, p.C_in, p.C_out,
                     p.kernel, p.stride);
}
std::string text(const char* op, const AvgPool1dProblem& p) {
  return fmt::format("{} N {} L_in {} C {} kernel {} stride {}", op, p.N, p.L_in, p.C, p.kernel, p.stride);
}
std::string text(const char* op, const DenseProblem& p) {
  return fmt::format("{} N {} in {} out {}", op, p.N, p.in, p.out);
}
std::string text(const char* op, const SoftmaxCrossEntropyProblem& p) {
  return fmt::format("{} N {} classes {}", op, p.N, p.classes);
}
std::string text(const char* op, const AdamProblem& p) {
  return fmt::format("{} count {}", op, p.count);
}
std::string text(const char* op, const DrawRowsProblem& p) {
  return fmt::format("{} N {} candidates {}", op, p.N, p.candidates);
}
std::string text(const char* op, const GatherRowsProblem& p) {
  return fmt::format("{} N {} table_rows {} row_length {}", op, p.N, p.table_rows, p.row_length);
}
std::string text(const char* op, const ReflectionProblem& p, std::int64_t crystals) {
  return fmt::format("{} crystals {} stol {} .. {}", op, crystals, p.stol_min, p.stol_max);
}
std::string text(const char* op, const PatternSampling& p) {
  return fmt::format("{} N {} variants {}", op, p.N, p.variants.size());
}
std::string text(const char* op, const PatternProblem& p) {
  return fmt::format("{} N {} points {}", op, p.N, p.grid.points);
}

}  // namespace bragg::cuda
