#include "data/formats/powder_cif_tags.h"

#include <algorithm>

namespace bragg::data {
namespace {

struct IntensityTag {
  std::string_view tag, uncertainty;
  IntensityUnit unit;
  bool is_measured;
};
// What was measured comes first, then what was done least to.
constexpr IntensityTag intensity_tags[] = {
    {"_pd_meas_counts_total", "", IntensityUnit::counts, true},
    {"_pd_meas_intensity_total", "_pd_meas_intensity_total_su", IntensityUnit::unknown, true},
    {"_pd_meas_intensity_net", "_pd_meas_intensity_net_su", IntensityUnit::arbitrary, true},
    {"_pd_meas_counts_net", "", IntensityUnit::unknown, true},
    {"_pd_proc_intensity_total", "_pd_proc_intensity_total_su", IntensityUnit::arbitrary, false},
    {"_pd_proc_intensity_net", "_pd_proc_intensity_net_su", IntensityUnit::arbitrary, false},
};

struct PositionTag {
  std::string_view tag;
  AxisQuantity axis;
};
constexpr PositionTag measured_positions[] = {
    {"_pd_meas_2theta_scan", AxisQuantity::two_theta},
    {"_pd_meas_angle_2theta", AxisQuantity::two_theta},
    {"_pd_meas_2theta_corrected", AxisQuantity::two_theta},
    {"_pd_proc_2theta_corrected", AxisQuantity::two_theta},
    {"_pd_proc_d_spacing", AxisQuantity::d},
    {"_pd_proc_recip_len_q", AxisQuantity::q},
};
constexpr PositionTag processed_positions[] = {
    {"_pd_proc_2theta_corrected", AxisQuantity::two_theta},
    {"_pd_meas_2theta_scan", AxisQuantity::two_theta},
    {"_pd_meas_angle_2theta", AxisQuantity::two_theta},
    {"_pd_proc_d_spacing", AxisQuantity::d},
    {"_pd_proc_recip_len_q", AxisQuantity::q},
};

/// A column of the loop with anything but `?` and `.` in it.
ProfileColumn column_of(const xrd::CifLoop& loop, std::string_view tag) {
  for (std::size_t k = 0; k < loop.tags.size(); ++k) {
    if (!xrd::same_tag(loop.tags[k], tag)) continue;
    for (std::size_t row = 0; row < loop.rows(); ++row) {
      if (!loop.at(row, k).is_null()) return {&loop, k};
    }
  }
  return {};
}

bool has_filled(const xrd::CifBlock& block, std::string_view tag) {
  return std::any_of(block.loops.begin(), block.loops.end(),
                     [&](const xrd::CifLoop& loop) { return static_cast<bool>(column_of(loop, tag)); });
}

}  // namespace

std::optional<ProfileTags> find_profile(const xrd::CifBlock& block) {
  for (const IntensityTag& known : intensity_tags) {
    for (const xrd::CifLoop& loop : block.loops) {
      ProfileTags found;
      found.intensity = column_of(loop, known.tag);
      if (!found.intensity) continue;
      found.unit = known.unit;
      found.is_measured = known.is_measured;
      if (!known.uncertainty.empty()) found.uncertainty = column_of(loop, known.uncertainty);
      const auto choose = [&](const auto& positions) {
        for (const PositionTag& position : positions) {
          if (found.position) return;
          found.position = column_of(loop, position.tag);
          found.axis = found.position ? position.axis : AxisQuantity::two_theta;
        }
      };
      if (known.is_measured)
        choose(measured_positions);
      else
        choose(processed_positions);
      return found;
    }
  }
  return {};
}

std::string other_profile(const xrd::CifBlock& block) {
  for (const std::string_view tag : {"_pd_meas_time_of_flight", "_pd_proc_time_of_flight"}) {
    if (has_filled(block, tag)) return "neutrons by time of flight, not X-rays over 2 theta";
  }
  if (const auto profile = find_profile(block); profile && !profile->position) {
    if (has_filled(block, "_pd_proc_energy_incident") || has_filled(block, "_pd_proc_energy_detection"))
      return "intensity over photon energy, not over 2 theta";
    return {};
  }
  for (const std::string_view tag : {"_pd_calc_intensity_total", "_pd_calc_intensity_net"}) {
    if (has_filled(block, tag) && !find_profile(block))
      return "a calculated profile alone, not a measurement";
  }
  return {};
}

const xrd::CifValue* cif_value(const xrd::CifBlock& block, std::initializer_list<std::string_view> tags) {
  for (const std::string_view tag : tags) {
    for (const xrd::CifValue* value : cif_values(block, tag)) {
      if (!value->is_null()) return value;
    }
  }
  return nullptr;
}

ProfileColumn cif_column(const xrd::CifBlock& block, std::string_view tag) {
  for (const xrd::CifLoop& loop : block.loops) {
    if (const ProfileColumn column = column_of(loop, tag)) return column;
  }
  return {};
}

std::vector<const xrd::CifValue*> cif_values(const xrd::CifBlock& block, std::string_view tag) {
  std::vector<const xrd::CifValue*> values;
  for (const xrd::CifItem& item : block.items) {
    if (xrd::same_tag(item.tag, tag)) values.push_back(&item.value);
  }
  if (const ProfileColumn column = cif_column(block, tag)) {
    for (std::size_t row = 0; row < column.loop->rows(); ++row)
      values.push_back(&column.at(row));
  }
  return values;
}

}  // namespace bragg::data
