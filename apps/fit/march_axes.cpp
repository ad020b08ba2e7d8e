#include "apps/fit/march_axes.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/base/parse_whole.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

constexpr int most_index = 99;

MarchAxis parse_axis(const std::string& given, std::string_view indices) {
  const auto refusal = [&](const std::string& why) {
    return UsageError(fmt::format("--march-dollase {}: {}", printable(given), why));
  };
  MarchAxis axis{};
  std::size_t read = 0, begin = 0;
  for (bool more = true; more; ++read) {
    const std::size_t end = std::min(indices.find(',', begin), indices.size());
    const auto index = parse_whole<int>(indices.substr(begin, end - begin));
    if (!index || read == axis.size())
      throw refusal("not H,K,L or PHASE:H,K,L with three whole numbers, as 0,0,1 or calcite:1,0,4");
    if (*index < -most_index || *index > most_index)
      throw refusal(fmt::format("index {} is outside {} to {}", *index, -most_index, most_index));
    axis[read] = *index;
    more = end < indices.size();
    begin = end + 1;
  }
  if (read < axis.size())
    throw refusal(fmt::format("{} of three indices; H,K,L or PHASE:H,K,L, as 0,0,1 or calcite:1,0,4", read));
  if (axis == MarchAxis{}) throw refusal("0,0,0 is no direction");
  return axis;
}

}  // namespace

std::vector<std::optional<MarchAxis>> march_axes(std::span<const std::string> given,
                                                 std::span<const std::string> phases, bool texture) {
  std::vector<std::optional<MarchAxis>> axes(phases.size());
  std::optional<MarchAxis> of_all;
  const std::string* who_said_all = nullptr;
  std::vector<const std::string*> who_said(phases.size());
  for (const std::string& one : given) {
    const std::size_t colon = one.rfind(':');
    const MarchAxis axis =
        parse_axis(one, std::string_view(one).substr(colon == std::string::npos ? 0 : colon + 1));
    const std::string* before = who_said_all;
    if (colon == std::string::npos) {
      of_all = axis;
      who_said_all = &one;
    } else {
      const std::string name = one.substr(0, colon);
      const auto phase =
          static_cast<std::size_t>(std::find(phases.begin(), phases.end(), name) - phases.begin());
      if (phase == phases.size())
        throw UsageError(fmt::format("--march-dollase {}: no --phase is {}{}", printable(one),
                                     printable(name), suggestion(name, phases)));
      before = who_said[phase];
      axes[phase] = axis;
      who_said[phase] = &one;
    }
    if (before != nullptr)
      throw UsageError(fmt::format("--march-dollase {} and --march-dollase {}: a phase has one axis",
                                   printable(*before), printable(one)));
  }
  for (std::optional<MarchAxis>& axis : axes)
    if (!axis) axis = of_all;
  if (texture && std::all_of(axes.begin(), axes.end(), [](const auto& axis) { return axis.has_value(); }))
    throw UsageError(
        fmt::format("--texture and --march-dollase {}: every phase has an axis, and none is left "
                    "for --texture",
                    printable(given.back())));
  return axes;
}

std::string axis_text(const MarchAxis& axis) {
  return fmt::format("({} {} {})", axis[0], axis[1], axis[2]);
}

}  // namespace bragg::apps
