#include "apps/evaluation/measured_item.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>

#include <fmt/format.h>

#include "apps/evaluation/in_order.h"
#include "apps/evaluation/measured_paths.h"
#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/patterns/bragg_lines.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/resample.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

using Take = std::function<void(MeasuredItem)>;

/// A pattern with what is known of its intensities.
struct Measured {
  data::MeasuredPattern pattern;
  std::vector<double> uncertainty{};
};

/// Where a set's pattern begins and ends with zeros nothing was measured.
Measured without_zero_ends(const Measured& measured) {
  const auto is_measured = [](double intensity) { return intensity != 0; };
  const auto& [pattern, uncertainty] = measured;
  const auto& y = pattern.intensity;
  const auto first = std::find_if(y.begin(), y.end(), is_measured) - y.begin();
  const auto end = std::max(first, std::find_if(y.rbegin(), y.rend(), is_measured).base() - y.begin());
  const auto part = [&](const std::vector<double>& all) {
    return all.empty() ? all : std::vector<double>(all.begin() + first, all.begin() + end);
  };
  return {{pattern.abscissa, part(pattern.x), part(y)}, part(uncertainty)};
}

void keep(MeasuredItem& item, const Measured& measured, double wavelength) {
  auto [pattern, uncertainty] = without_zero_ends(measured);
  item.measured = std::move(pattern);
  item.uncertainty = std::move(uncertainty);
  item.wavelength = wavelength;
}

/// Resamples onto the model's grid and notes what was covered; the reason where the pattern can't be used.
void prepare(MeasuredItem& item, const Measured& measured, double wavelength, const MeasuredReading& reading,
             const ModelFacts& facts) {
  if (reading.without_grid) {
    keep(item, measured, wavelength);
    return;
  }
  try {
    data::PreparedPattern prepared = data::prepare_pattern(measured.pattern, wavelength, facts.instrument);
    item.assumed.range = Assumed::Range{prepared.first, prepared.last, prepared.step, prepared.covered_share};
    data::require_bragg_lines(measured.pattern, wavelength, facts.instrument);
    item.values = std::move(prepared.values);
    if (reading.keep_measured) keep(item, measured, wavelength);
  } catch (const data::PatternRefused& refused) {
    item.refused = refused.what();
  }
}

/// The wavelength of a 2 theta axis: the flag's, else the file's, else the model's; A, for the positions.
double choose_wavelength(MeasuredItem& item, const data::Radiation& radiation, const MeasuredReading& reading,
                         const ModelFacts& facts) {
  const std::optional<double> flag = reading.wavelength;
  if (flag) {
    item.assumed.wavelength = Assumed::Wavelength{*flag, WavelengthFrom::flag, {}, {}};
    if (radiation.fault) {
      item.warnings.push_back(fmt::format("wavelength {} A by --wavelength; the file's is not usable: {}",
                                          *flag, *radiation.fault));
    } else if (radiation.position_wavelength &&
               std::abs(*radiation.position_wavelength - *flag) > 1e-4 * *flag) {
      item.warnings.push_back(fmt::format("wavelength {} A by --wavelength; the file says {:.6g} A", *flag,
                                          *radiation.wavelength));
    }
    return *flag;
  }
  if (radiation.fault)
    item.refused = fmt::format("{}: {}; --wavelength overrides it", item.file, *radiation.fault);
  if (!radiation.wavelength) {
    item.assumed.wavelength = Assumed::Wavelength{facts.instrument.wavelength, reading.unstated, {}, {}};
    return facts.instrument.wavelength;
  }
  Assumed::Wavelength wavelength{*radiation.wavelength, WavelengthFrom::file, radiation.alpha2, {}};
  if (radiation.position_wavelength != radiation.wavelength)
    wavelength.positions = radiation.position_wavelength;
  item.assumed.wavelength = wavelength;
  return *radiation.position_wavelength;
}

void take_scan(MeasuredItem& item, const data::ChosenScan& chosen, const data::Format& format,
               const MeasuredReading& reading, const ModelFacts& facts) {
  const data::Scan& scan = chosen.scan;
  const std::optional<double> flag = reading.wavelength;
  item.index = chosen.number - 1;
  item.assumed.file = Assumed::File{format.name, chosen.number, chosen.in_file, scan.notes};
  if (scan.other_axis) {
    item.refused = fmt::format("{}: scan {} is over {}, not 2 theta: no powder pattern", item.file,
                               chosen.number, scan.other_axis->name);
    return;
  }
  item.assumed.axis = scan.axis;
  item.assumed.axis_is_named = !scan.text || scan.text->axis_is_named;
  item.assumed.text = scan.text;
  const data::Radiation radiation = data::radiation_of(scan);
  item.warnings = scan.warnings;
  item.warnings.insert(item.warnings.end(), radiation.warnings.begin(), radiation.warnings.end());
  double wavelength = facts.instrument.wavelength;
  if (scan.axis == data::AxisQuantity::two_theta || scan.axis == data::AxisQuantity::theta) {
    wavelength = choose_wavelength(item, radiation, reading, facts);
  } else {
    // q, s and d need none: the model's makes them 2 theta.
    item.assumed.wavelength = Assumed::Wavelength{facts.instrument.wavelength, reading.unstated, {}, {}};
    if (flag)
      item.warnings.push_back(fmt::format("--wavelength is not used: the axis is {}", name_of(scan.axis)));
    if (radiation.fault)
      item.warnings.push_back(fmt::format("the wavelength is not used: {}", *radiation.fault));
  }
  if (item.refused) return;
  try {
    data::ScanPattern pattern = data::to_pattern(scan);
    prepare(item, {std::move(pattern.pattern), std::move(pattern.uncertainty)}, wavelength, reading, facts);
  } catch (const data::PatternRefused& refused) {
    item.refused = refused.what();
  }
}

std::vector<MeasuredItem> read_scan_file(const std::string& file, std::size_t source,
                                         const MeasuredReading& reading, const ModelFacts& facts) {
  std::vector<MeasuredItem> items;
  const auto refuse = [&](const std::string& why) {
    items.resize(1);
    items[0] = MeasuredItem{.file = file, .source = source};
    items[0].refused = why;
  };
  try {
    data::ReadScans read = data::read_scans(std::filesystem::path(file));
    const data::Format& format = *read.format;
    const auto scans = data::choose_scans(std::move(read), reading.scan);
    if (scans.size() > 1 && scans.front().scan.other_axis) {
      refuse(fmt::format("{}: none of {} scans is over 2 theta, the first over {}: no powder pattern", file,
                         scans.front().in_file, scans.front().scan.other_axis->name));
      return items;
    }
    for (const data::ChosenScan& chosen : scans) {
      items.push_back(MeasuredItem{.file = file, .source = source});
      take_scan(items.back(), chosen, format, reading, facts);
    }
  } catch (const data::FormatRefused& refused) {
    refuse(fmt::format("{}: {}", file, refused.what()));
  } catch (const UsageError& error) {
    refuse(fmt::format("{}: {}", file, error.what()));
  } catch (const Error& error) {
    refuse(error.what());
  } catch (const std::exception& error) {
    refuse(fmt::format("{}: {}", file, error.what()));
  }
  return items;
}

std::size_t bytes_of(const std::vector<MeasuredItem>& items) {
  std::size_t bytes = items.size() * sizeof(MeasuredItem);
  for (const MeasuredItem& item : items)
    bytes += item.values.size() * sizeof(float) +
             (2 * item.measured.x.size() + item.uncertainty.size()) * sizeof(double);
  return bytes;
}

void read_patterns(const data::PatternSet& set, const std::string& file, std::size_t source,
                   const MeasuredReading& reading, const ModelFacts& facts, const Take& take) {
  const std::optional<double> flag = reading.wavelength;
  const double wavelength = flag.value_or(set.instrument().wavelength);
  const auto from = flag                   ? WavelengthFrom::flag
                    : set.has_wavelength() ? WavelengthFrom::file
                                           : WavelengthFrom::default_value;
  data::MeasuredPattern measured;
  for (std::int64_t i = 0; i < set.instrument().grid.points; ++i)
    measured.x.push_back(set.instrument().grid.at(i));
  for (std::int64_t i = 0; i < set.size(); ++i) {
    MeasuredItem item{.file = file, .index = i, .source = source};
    item.assumed.axis = data::AxisQuantity::two_theta;
    item.assumed.axis_is_named = true;
    item.assumed.wavelength = Assumed::Wavelength{wavelength, from, {}, {}};
    if (flag && set.has_wavelength() && std::abs(set.instrument().wavelength - *flag) > 1e-4 * *flag) {
      item.warnings.push_back(fmt::format("wavelength {} A by --wavelength; the file says {} A", *flag,
                                          set.instrument().wavelength));
    }
    try {
      const auto values = set.pattern(i);
      measured.intensity.assign(values.begin(), values.end());
      prepare(item, {measured}, wavelength, reading, facts);
    } catch (const std::exception& error) {
      item.refused = error.what();
    }
    take(std::move(item));
  }
}

void read_set(const std::string& file, std::size_t source, const MeasuredReading& reading,
              const ModelFacts& facts, const Take& take) {
  std::optional<data::PatternSet> set;
  try {
    // A pattern that is no pattern is refused alone.
    set.emplace(file, data::ValueCheck::on_reading);
  } catch (const std::exception& error) {
    MeasuredItem item{.file = file, .source = source};
    item.refused = error.what();
    take(std::move(item));
    return;
  }
  read_patterns(*set, file, source, reading, facts, take);
}

}  // namespace

void read_measured(const std::vector<std::string>& paths, const MeasuredReading& reading,
                   const ModelFacts& facts, const Take& take) {
  const std::vector<MeasuredPath> entries = measured_paths(paths);
  for (std::size_t begin = 0, end; begin < entries.size(); begin = end) {
    for (end = begin; end < entries.size() && !is_pattern_set(entries[end].file);)
      ++end;
    in_order<std::vector<MeasuredItem>>(
        static_cast<std::int64_t>(end - begin), reading.threads,
        [&](std::int64_t i) {
          const MeasuredPath& entry = entries[begin + static_cast<std::size_t>(i)];
          if (!entry.refused) return read_scan_file(entry.file, entry.source, reading, facts);
          std::vector<MeasuredItem> items(1, MeasuredItem{.file = entry.file, .source = entry.source});
          items[0].refused = entry.refused;
          return items;
        },
        bytes_of,
        [&](std::vector<MeasuredItem> items) {
          for (MeasuredItem& item : items)
            take(std::move(item));
        });
    if (end == entries.size()) break;
    read_set(entries[end].file, entries[end].source, reading, facts, take);
    ++end;
  }
}

void read_measured_set(const data::PatternSet& set, const MeasuredReading& reading, const ModelFacts& facts,
                       const Take& take) {
  read_patterns(set, set.path().string(), 0, reading, facts, take);
}

}  // namespace bragg::apps
