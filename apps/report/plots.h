// The plots of the evaluation pages, each a function from numbers to SVG.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/evaluation/answer_figures.h"
#include "apps/evaluation/evaluation.h"
#include "kernels/crystal/pattern_problem.h"

namespace bragg::apps::report {

/// A pattern (maximum 1) upwards and, if there is one, `other` below it, mirrored.
std::string pattern_plot(std::span<const float> values, std::span<const float> other, const TwoThetaGrid&,
                         std::string_view label);

struct RateRow {
  std::string name;
  Rate rate;
  bool baseline;
};
/// Shares with their intervals, one below the other.
std::string rate_plot(std::span<const RateRow>, std::string_view label);

/// Rows are the true classes, columns the answers; counts are printed, the shade is the share of the row. A
/// column more than rows is "others".
std::string confusion_plot(std::span<const std::string> names, std::span<const std::string> columns,
                           std::span<const std::int64_t> counts, std::string_view label);

struct ClassPoint {
  std::string name;
  std::int64_t count, correct;
};
/// Share of right answers of each class against its count.
std::string class_plot(std::span<const ClassPoint>, std::string_view label);

struct CoverageLine {
  std::string name;
  std::vector<CoveragePoint> points;
};
/// Share of right answers among the surest, against their share of all; a line each, told apart as coverage_style() says.
std::string coverage_plot(std::span<const CoverageLine>, std::string_view label);
/// CSS of its lines, for page().
std::string_view coverage_style();

}  // namespace bragg::apps::report
