// Any bytes are a pattern or an Error; nothing else. What is read keeps its promises.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/formats/pattern_text.h"
#include "kernels/base/error.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const auto read =
        bragg::data::parse_pattern_text({reinterpret_cast<const char*>(bytes), size}, "fuzz.xy");
    const auto& [abscissa, x, intensity] = read.pattern;
    expect(x.size() == intensity.size() && !x.empty());
    for (std::size_t i = 0; i < x.size(); ++i)
      expect(std::isfinite(x[i]) && std::isfinite(intensity[i]) && (i == 0 || x[i] > x[i - 1]));
    const auto& radiation = read.reading.radiation;
    expect(radiation.wavelength.has_value() >= radiation.position_wavelength.has_value());
    if (radiation.position_wavelength && !radiation.fault)
      expect(*radiation.position_wavelength >= 0.1 && *radiation.position_wavelength <= 3);
    expect(read.reading.intensity_column >= 1 && read.reading.intensity_column <= read.reading.columns);
  } catch (const bragg::Error&) {
  }
  return 0;
}
