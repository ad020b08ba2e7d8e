// An op and its shapes in words, for errors.
#pragma once

#include <string>

#include "kernels/problems.h"

namespace bragg::cuda {

std::string text(const char* op, const Conv1dProblem&);
std::string text(const char* op, const AvgPool1dProblem&);
std::string text(const char* op, const DenseProblem&);
std::string text(const char* op, const SoftmaxCrossEntropyProblem&);
std::string text(const char* op, const AdamProblem&);
std::string text(const char* op, const DrawRowsProblem&);
std::string text(const char* op, const GatherRowsProblem&);
std::string text(const char* op, const ReflectionProblem&, std::int64_t crystals);
std::string text(const char* op, const PatternSampling&);
std::string text(const char* op, const PatternProblem&);

}  // namespace bragg::cuda
