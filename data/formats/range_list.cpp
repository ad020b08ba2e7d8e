#include "data/formats/range_list.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/scan_parts.h"

namespace bragg::data {
namespace {

constexpr std::size_t most_told = 10;

void warn_of_negative(Scan& scan) {
  const auto is_negative = [](double y) { return y < 0; };
  const auto negative = std::count_if(scan.intensity.begin(), scan.intensity.end(), is_negative);
  if (negative == 0) return;
  scan.warnings.push_back(
      fmt::format("{} of {} intensities are negative, down to {:.6g}: no counts as measured", negative,
                  scan.intensity.size(), *std::min_element(scan.intensity.begin(), scan.intensity.end())));
}

}  // namespace

void RangeList::add(Scan&& scan, const std::function<void(const std::string&)>& fail) {
  if (count() >= most_scans) fail(fmt::format("more than {} {}s in one file", most_scans, noun_));
  if (scan.x.size() == scan.intensity.size() && scan.x.size() < 2)
    return leave_out(fmt::format("{} point{}", scan.x.size(), scan.x.size() == 1 ? "" : "s"));
  if (scan.counting_time && !(*scan.counting_time > 0 && std::isfinite(*scan.counting_time)))
    scan.counting_time.reset();
  try {
    check_scan(scan);
  } catch (const Error& error) {
    fail(fmt::format("{} {}: {}", noun_, count() + 1, error.what()));
  }
  make_texts_plain(scan);
  warn_of_negative(scan);
  if (scan.unit == IntensityUnit::unknown && are_counts(scan.intensity)) scan.unit = IntensityUnit::counts;
  scans_.push_back(std::move(scan));
}

void RangeList::leave_out(const std::string& what, const std::string& place) {
  if (first_left_out_.size() < most_told) {
    first_left_out_.push_back(
        {fmt::format("{} {}{}", noun_, count() + 1, place.empty() ? "" : fmt::format(" ({})", place)),
         plain_text(what)});
  }
  ++left_out_;
}

ReadScans RangeList::finish() && {
  if (scans_.empty()) {
    if (left_out_ == 0) throw FormatRefused(fmt::format("no {} in the file{}", noun_, advice_));
    const LeftOut& first = first_left_out_.front();
    const std::string others =
        left_out_ > 1 ? fmt::format(" (and {} more that are none)", left_out_ - 1) : "";
    throw FormatRefused(
        fmt::format("no powder pattern: {}: {}{}{}", first.name, first.what, others, advice_));
  }
  ReadScans read;
  for (const LeftOut& one : first_left_out_)
    read.warnings.push_back(fmt::format("{} is left out: {}", one.name, one.what));
  if (left_out_ > most_told)
    read.warnings.push_back(fmt::format("{} more {}s are left out", left_out_ - most_told, noun_));
  read.warnings.insert(read.warnings.end(), warnings_.begin(), warnings_.end());
  read.scans = std::move(scans_);
  return read;
}

}  // namespace bragg::data
