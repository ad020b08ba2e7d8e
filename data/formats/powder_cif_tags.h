// Which tags of the powder dictionary hold a profile, and look-ups in blocks. Part of powder_cif.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/scan.h"
#include "xrd/cif/grammar.h"

namespace bragg::data {

/// A column of a loop.
struct ProfileColumn {
  const xrd::CifLoop* loop = nullptr;
  std::size_t index = 0;
  explicit operator bool() const { return loop != nullptr; }
  std::string_view tag() const { return loop->tags[index]; }
  const xrd::CifValue& at(std::size_t row) const { return loop->at(row, index); }
};

struct ProfileTags {
  ProfileColumn intensity, position, uncertainty;
  AxisQuantity axis = AxisQuantity::two_theta;
  IntensityUnit unit = IntensityUnit::unknown;
  bool is_measured = false;  ///< _pd_meas_, else _pd_proc_
};

/// The measured profile of a block, else the processed one; empty where it has none of them.
std::optional<ProfileTags> find_profile(const xrd::CifBlock&);
/// "a calculated profile alone", "neutrons by time of flight" ...: why the block's profile is no measurement over
/// angles; empty where there is no profile at all.
std::string other_profile(const xrd::CifBlock&);

/// Outside of loops or in the first row of one; null where absent, `?` or `.`.
const xrd::CifValue* cif_value(const xrd::CifBlock&, std::initializer_list<std::string_view> tags);
ProfileColumn cif_column(const xrd::CifBlock&, std::string_view tag);
/// All values of a tag, in a loop or outside.
std::vector<const xrd::CifValue*> cif_values(const xrd::CifBlock&, std::string_view tag);

}  // namespace bragg::data
