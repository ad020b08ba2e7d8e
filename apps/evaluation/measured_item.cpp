#include "apps/evaluation/measured_item.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/formats/pattern_text.h"
#include "data/patterns/bragg_lines.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/resample.h"
#include "data/text_source.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

using Take = std::function<void(MeasuredItem)>;

constexpr std::string_view text_endings[] = {".xy",  ".xye", ".csv", ".txt", ".dat", ".asc",
                                             ".prn", ".chi", ".tsv", ".xrd", ".xdd"};

bool is_set(const std::string& file) {
  return file.ends_with(".safetensors");
}

/// Resamples onto the model's grid and notes what was covered; the reason where the pattern can't be used.
void prepare(MeasuredItem& item, const data::MeasuredPattern& measured, double wavelength,
             const ModelFacts& facts) {
  try {
    data::PreparedPattern prepared = data::prepare_pattern(measured, wavelength, facts.instrument);
    item.assumed.range = Assumed::Range{prepared.first, prepared.last, prepared.step, prepared.covered_share};
    data::require_bragg_lines(measured, wavelength, facts.instrument);
    item.values = std::move(prepared.values);
  } catch (const data::PatternRefused& refused) {
    item.refused = refused.what();
  }
}

/// The wavelength of a 2 theta axis: the flag's, else the file's, else the model's; A, for the positions.
double choose_wavelength(MeasuredItem& item, const data::Radiation& radiation, std::optional<double> flag,
                         const ModelFacts& facts) {
  if (flag) {
    item.assumed.wavelength = Assumed::Wavelength{*flag, WavelengthFrom::flag, {}, {}};
    if (radiation.fault) {
      item.warnings.push_back(fmt::format(
          "wavelength {} A by --wavelength; the file's is not usable: line {}", *flag, *radiation.fault));
    } else if (radiation.position_wavelength &&
               std::abs(*radiation.position_wavelength - *flag) > 1e-4 * *flag) {
      item.warnings.push_back(fmt::format("wavelength {} A by --wavelength; the file says {:.6g} A", *flag,
                                          *radiation.wavelength));
    }
    return *flag;
  }
  if (radiation.fault)
    item.refused = fmt::format("{}:{}; --wavelength overrides it", item.file, *radiation.fault);
  if (!radiation.wavelength) {
    item.assumed.wavelength = Assumed::Wavelength{facts.instrument.wavelength, WavelengthFrom::model, {}, {}};
    return facts.instrument.wavelength;
  }
  Assumed::Wavelength wavelength{*radiation.wavelength, WavelengthFrom::file, radiation.alpha2, {}};
  if (radiation.position_wavelength != radiation.wavelength)
    wavelength.positions = radiation.position_wavelength;
  item.assumed.wavelength = wavelength;
  return *radiation.position_wavelength;
}

void read_text(MeasuredItem& item, std::optional<double> flag, const ModelFacts& facts) {
  const data::TextPattern text = data::read_pattern_text(item.file);
  const data::TextReading& reading = text.reading;
  item.assumed.axis = reading.axis;
  item.assumed.axis_is_named = !reading.axis_label.empty();
  item.assumed.text =
      Assumed::Text{reading.separator,  reading.decimal_sign, reading.columns,    reading.intensity_column,
                    reading.descending, reading.header_lines, reading.merged_rows};
  item.warnings = reading.warnings;
  item.warnings.insert(item.warnings.end(), reading.radiation.warnings.begin(),
                       reading.radiation.warnings.end());
  double wavelength = facts.instrument.wavelength;
  if (text.pattern.abscissa == data::Abscissa::two_theta) {
    wavelength = choose_wavelength(item, reading.radiation, flag, facts);
  } else {
    // q, s and d need none: the model's makes them 2 theta.
    item.assumed.wavelength = Assumed::Wavelength{facts.instrument.wavelength, WavelengthFrom::model, {}, {}};
    if (flag)
      item.warnings.push_back(fmt::format("--wavelength is not used: the axis is {}", name_of(reading.axis)));
    if (reading.radiation.fault)
      item.warnings.push_back("the wavelength is not used: line " + *reading.radiation.fault);
  }
  if (!item.refused) prepare(item, text.pattern, wavelength, facts);
}

void read_text_file(const std::string& file, std::optional<double> flag, const ModelFacts& facts,
                    const Take& take) {
  MeasuredItem item{.file = file};
  try {
    read_text(item, flag, facts);
  } catch (const Error& error) {
    item.refused = error.what();
  } catch (const std::exception& error) {
    item.refused = fmt::format("{}: {}", file, error.what());
  }
  take(std::move(item));
}

void read_set(const std::string& file, std::optional<double> flag, const ModelFacts& facts,
              const Take& take) {
  std::optional<data::PatternSet> set;
  try {
    // A pattern that is no pattern is refused alone.
    set.emplace(file, data::ValueCheck::on_reading);
  } catch (const std::exception& error) {
    MeasuredItem item{.file = file};
    item.refused = error.what();
    take(std::move(item));
    return;
  }
  const double wavelength = flag.value_or(set->instrument().wavelength);
  const auto from = flag                    ? WavelengthFrom::flag
                    : set->has_wavelength() ? WavelengthFrom::file
                                            : WavelengthFrom::default_value;
  data::MeasuredPattern measured;
  for (std::int64_t i = 0; i < set->instrument().grid.points; ++i)
    measured.x.push_back(set->instrument().grid.at(i));
  for (std::int64_t i = 0; i < set->size(); ++i) {
    MeasuredItem item{.file = file, .index = i};
    item.assumed.axis = data::AxisQuantity::two_theta;
    item.assumed.axis_is_named = true;
    item.assumed.wavelength = Assumed::Wavelength{wavelength, from, {}, {}};
    if (flag && set->has_wavelength() && std::abs(set->instrument().wavelength - *flag) > 1e-4 * *flag) {
      item.warnings.push_back(fmt::format("wavelength {} A by --wavelength; the file says {} A", *flag,
                                          set->instrument().wavelength));
    }
    try {
      const auto values = set->pattern(i);
      measured.intensity.assign(values.begin(), values.end());
      prepare(item, measured, wavelength, facts);
    } catch (const std::exception& error) {
      item.refused = error.what();
    }
    take(std::move(item));
  }
}

bool is_pattern_file(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (is_set(name)) return true;
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return std::any_of(std::begin(text_endings), std::end(text_endings),
                     [&](std::string_view end) { return name.ends_with(end); });
}

void read_folder(const std::string& folder, std::optional<double> flag, const ModelFacts& facts,
                 const Take& take) {
  std::vector<std::string> files;
  std::int64_t others = 0;
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator at(folder, code), end; !code && at != end;
       at.increment(code)) {
    std::error_code kind;
    if (at->is_directory(kind)) continue;
    // A pipe or a device in a folder is nobody's pattern, and opening it could wait for ever.
    if (at->is_regular_file(kind) && is_pattern_file(at->path()))
      files.push_back(at->path().string());
    else
      ++others;
  }
  if (code || files.empty()) {
    MeasuredItem item{.file = folder};
    item.refused = code ? fmt::format("{}: {}", folder, code.message())
                        : fmt::format("{}: a folder without patterns ({}, each also with .gz; .safetensors)",
                                      folder, fmt::join(text_endings, " "));
    take(std::move(item));
  }
  if (others > 0)
    fmt::print(stderr, "{}: {} file{} of other kinds skipped\n", folder, others, others == 1 ? "" : "s");
  std::sort(files.begin(), files.end());
  for (const std::string& file : files)
    is_set(file) ? read_set(file, flag, facts, take) : read_text_file(file, flag, facts, take);
}

}  // namespace

void read_measured(const std::string& path, std::optional<double> flag, const ModelFacts& facts,
                   const Take& take) {
  std::error_code code;
  if (path != data::standard_input && std::filesystem::is_directory(path, code))
    return read_folder(path, flag, facts, take);
  is_set(path) ? read_set(path, flag, facts, take) : read_text_file(path, flag, facts, take);
}

}  // namespace bragg::apps
