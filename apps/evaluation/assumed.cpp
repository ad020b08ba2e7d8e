#include "apps/evaluation/assumed.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(WavelengthFrom from) {
  switch (from) {
    case WavelengthFrom::flag:
      return "flag";
    case WavelengthFrom::file:
      return "file";
    case WavelengthFrom::model:
      return "model";
    case WavelengthFrom::default_value:
      return "default";
    case WavelengthFrom::search:
      return "search";
  }
  throw Error("[assumed] unknown origin of a wavelength");
}

/// Six significant digits are what a reader of a report wants; 0.020000000000000018 is not.
double rounded(double value) {
  return std::stod(fmt::format("{:.6g}", value));
}

}  // namespace

Json to_json(const Assumed& assumed) {
  Json json;
  json["axis"] = assumed.axis ? Json(data::name_of(*assumed.axis)) : Json(nullptr);
  if (assumed.axis) json["axis_from"] = assumed.axis_is_named ? "header" : "default";
  json["wavelength"] = assumed.wavelength ? Json(assumed.wavelength->value) : Json(nullptr);
  json["wavelength_from"] = assumed.wavelength ? Json(name_of(assumed.wavelength->from)) : Json(nullptr);
  if (assumed.wavelength && assumed.wavelength->alpha2)
    json["wavelength_alpha2"] = *assumed.wavelength->alpha2;
  if (assumed.wavelength && assumed.wavelength->positions)
    json["wavelength_of_positions"] = *assumed.wavelength->positions;
  if (const auto& range = assumed.range) {
    json["range"] = {rounded(range->first), rounded(range->last)};
    json["step"] = rounded(range->step);
    json["covered_share"] = rounded(range->covered_share);
  }
  if (const auto& file = assumed.file) {
    json["format"] = file->format;
    if (file->scans > 1) {
      json["scan"] = file->scan;
      json["scans"] = file->scans;
    }
    json["notes"] = Json::array();
    for (const data::ReadingNote& note : file->notes)
      json["notes"].push_back({{"what", note.what}, {"how", note.how}, {"from", note.from}});
  }
  json["intensity_column"] = assumed.text ? Json(assumed.text->intensity_column) : Json(nullptr);
  if (const auto& text = assumed.text) {
    json["separator"] = text->separator;
    json["decimal_sign"] = std::string(1, text->decimal_sign);
    json["columns"] = text->columns;
    json["order"] = text->descending ? "descending" : "ascending";
    json["header_lines"] = text->header_lines;
    json["merged_rows"] = text->merged_rows;
  }
  return json;
}

std::vector<std::string> describe(const Assumed& assumed) {
  std::vector<std::string> parts;
  if (assumed.file && !assumed.text) {
    parts.push_back(assumed.file->format);
    if (assumed.file->scans > 1)
      parts.back() += fmt::format(", scan {} of {}", assumed.file->scan, assumed.file->scans);
  }
  if (assumed.axis)
    parts.push_back(fmt::format("axis {} (by {})", data::name_of(*assumed.axis),
                                assumed.axis_is_named ? "header" : "default"));
  if (const auto& wavelength = assumed.wavelength) {
    std::string text = fmt::format("wavelength {} A (by {})", wavelength->value, name_of(wavelength->from));
    if (wavelength->alpha2) text += fmt::format(" with K alpha 2 {} A", *wavelength->alpha2);
    if (wavelength->positions) text += fmt::format(", positions by {:.6g} A", *wavelength->positions);
    parts.push_back(text);
  }
  if (const auto& range = assumed.range) {
    parts.push_back(fmt::format("{}..{} degrees by {}, {:.1f} % of the model's range", rounded(range->first),
                                rounded(range->last), rounded(range->step), 100 * range->covered_share));
  }
  if (const auto& text = assumed.text) {
    parts.push_back(
        fmt::format("intensity in column {} of {}, separated by {}, decimal sign '{}', {}, {} header lines",
                    text->intensity_column, text->columns, text->separator, text->decimal_sign,
                    text->descending ? "descending" : "ascending", text->header_lines));
    if (text->merged_rows > 0)
      parts.push_back(fmt::format("{} repeated positions averaged", text->merged_rows));
  }
  if (assumed.file) {
    for (const data::ReadingNote& note : assumed.file->notes) {
      parts.push_back(fmt::format("{}: {}{}", note.what, note.how,
                                  note.from.empty() ? "" : fmt::format(" (by {})", note.from)));
    }
  }
  return parts;
}

}  // namespace bragg::apps
