// Any bytes are scans or an Error, through the registry of formats or, with --format=NAME, by one of its readers; what is
// read can be turned into a pattern or is refused, and is written as text and as CIF.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/formats/scan_writer.h"
#include "kernels/base/error.h"

namespace {

using namespace bragg::data;

void expect(bool holds) {
  if (!holds) std::abort();
}

/// Null: the registry chooses.
const Format* only = nullptr;

void check(const Scan& scan) {
  expect(scan.x.size() == scan.intensity.size() && !scan.x.empty());
  expect(scan.uncertainty.empty() || scan.uncertainty.size() == scan.x.size());
  for (std::size_t i = 0; i < scan.x.size(); ++i)
    expect(std::isfinite(scan.x[i]) && std::isfinite(scan.intensity[i]));
  const Radiation radiation = radiation_of(scan);
  if (radiation.position_wavelength && !radiation.fault)
    expect(*radiation.position_wavelength >= 0.1 && *radiation.position_wavelength <= 3);
  try {
    const ScanPattern data = to_pattern(scan);
    const auto& x = data.pattern.x;
    expect(x.size() == data.pattern.intensity.size());
    for (std::size_t i = 1; i < x.size(); ++i)
      expect(x[i] > x[i - 1]);
    scan_as_cif(scan, "fuzz");
  } catch (const PatternRefused&) {
  }
  try {
    scan_as_columns(scan, ColumnLayout::csv);
  } catch (const PatternRefused&) {
  }
}

}  // namespace

/// libFuzzer leaves flags that begin with -- to the target.
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  constexpr std::string_view flag = "--format=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument = (*arguments)[i];
    if (!argument.starts_with(flag)) continue;
    for (const Format& format : formats())
      if (argument.substr(flag.size()) == format.name) only = &format;
    if (only) continue;
    std::fprintf(stderr, "%s: no such format\n", (*arguments)[i]);
    std::exit(1);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // The last byte chooses the name's extension, which an unknown content may be refused by.
  static constexpr const char* names[] = {"a.xy",   "a.raw",   "a.dat", "a.cif",
                                          "a.bsml", "a.xrdml", "-",     "a.brml"};
  const std::size_t which = size > 0 ? bytes[size - 1] % std::size(names) : 0;
  try {
    const FileBytes file{{reinterpret_cast<const char*>(bytes), size}, names[which]};
    ReadScans read = only ? only->read(file) : read_scans(file);
    expect(!read.scans.empty());
    for (const Scan& scan : read.scans)
      check(scan);
    for (const ChosenScan& chosen : choose_scans(std::move(read), std::nullopt))
      expect(chosen.scan.x.size() == chosen.scan.intensity.size());
  } catch (const bragg::Error&) {
  }
  return 0;
}
