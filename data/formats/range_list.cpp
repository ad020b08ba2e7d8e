#include "data/formats/range_list.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/format.h"
#include "data/formats/scan_parts.h"

namespace bragg::data {

void RangeList::add(Scan&& scan, const std::function<void(const std::string&)>& fail) {
  if (scan.counting_time && !(*scan.counting_time > 0 && std::isfinite(*scan.counting_time)))
    scan.counting_time.reset();
  check_scan(scan,
             [&](const std::string& reason) { fail(fmt::format("range {}: {}", count() + 1, reason)); });
  if (scan.unit == IntensityUnit::unknown && are_counts(scan.intensity)) scan.unit = IntensityUnit::counts;
  scans_.push_back(std::move(scan));
}

void RangeList::leave_out(const std::string& what) {
  left_out_.push_back(fmt::format("range {} is {}", count() + 1, what));
}

std::vector<Scan> RangeList::finish() && {
  if (scans_.empty()) {
    const std::string others =
        left_out_.size() > 1 ? fmt::format(" (and {} more that do not step 2 theta)", left_out_.size() - 1)
                             : "";
    throw FormatRefused(fmt::format("no powder pattern: {}{}; measure or export a range that steps 2 theta",
                                    left_out_.empty() ? "no range" : left_out_.front(), others));
  }
  for (const std::string& one : left_out_)
    warnings_.push_back(one + " and is not read");
  auto& first = scans_.front().warnings;
  first.insert(first.end(), warnings_.begin(), warnings_.end());
  return std::move(scans_);
}

}  // namespace bragg::data
