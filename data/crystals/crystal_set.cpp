#include "data/crystals/crystal_set.h"

#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/crystals/string_column.h"
#include "data/file_kind.h"
#include "data/hash.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "xrd/symmetry/integer_lattice.h"

namespace bragg::data {
namespace {

bool says_crystals(const SafetensorsFile& file) {
  const auto found = file.metadata().find("content");
  return found != file.metadata().end() && found->second == crystal_set_content;
}

/// Checked access to the tensors of one file.
class Columns {
 public:
  explicit Columns(const SafetensorsFile& file) : file_(file) {}

  template <typename T>
  std::span<const T> table(const std::string& name, std::int64_t count, std::int64_t width) const {
    return check(name, file_.data<T>(name, 2), count, width);
  }
  template <typename T>
  std::span<const T> column(const std::string& name, std::int64_t count) const {
    return check(name, file_.data<T>(name, 1), count, 1);
  }
  template <typename T>
  std::span<const T> column(const std::string& name) const {
    return file_.data<T>(name, 1);
  }
  /// Starts at 0, never falls, ends at `end`.
  std::span<const std::uint64_t> offsets(const std::string& name, std::int64_t owners,
                                         std::uint64_t end) const {
    const auto offset = column<std::uint64_t>(name, owners + 1);
    if (offset.front() != 0) fail(name, fmt::format("starts at {}, not at 0", offset.front()));
    for (std::size_t i = 1; i < offset.size(); ++i) {
      if (offset[i] < offset[i - 1]) {
        fail(name, fmt::format("falls from {} to {} at {}", offset[i - 1], offset[i], i));
      }
    }
    if (offset.back() != end)
      fail(name, fmt::format("ends at {}, but there are {} rows", offset.back(), end));
    return offset;
  }
  template <typename T>
  void check_range(const std::string& name, std::span<const T> values, std::int64_t low,
                   std::int64_t high) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < low || values[i] > high) {
        fail(name, fmt::format("{} at {} is outside {}..{}", values[i], i, low, high));
      }
    }
  }
  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw Error(fmt::format("{}: tensor '{}' {}", file_.path().string(), name, what));
  }

 private:
  template <typename T>
  std::span<const T> check(const std::string& name, std::span<const T> values, std::int64_t count,
                           std::int64_t width) const {
    const auto& shape = file_.tensors().at(name).shape;
    if (shape[0] != count) fail(name, fmt::format("has {} rows instead of {}", shape[0], count));
    if (width != 1 && shape[1] != width)
      fail(name, fmt::format("has rows of {} instead of {}", shape[1], width));
    return values;
  }

  const SafetensorsFile& file_;
};

struct StringView {
  std::span<const std::uint8_t> bytes;
  std::span<const std::uint64_t> offset;

  StringView() = default;
  StringView(const Columns& columns, const std::string& name, std::int64_t count)
      : bytes(columns.column<std::uint8_t>(name)),
        offset(columns.offsets(name + "_offset", count, bytes.size())) {}
  std::string at(std::int64_t i) const {
    return {reinterpret_cast<const char*>(bytes.data()) + offset[i], offset[i + 1] - offset[i]};
  }
};

void check_index(std::int64_t i, std::int64_t size, const std::filesystem::path& path) {
  if (i < 0 || i >= size) throw Error(fmt::format("{}: crystal {} of {}", path.string(), i, size));
}

}  // namespace

struct CrystalSet::Impl {
  SafetensorsFile file;
  std::int64_t crystals = 0;
  std::span<const double> cell, site_position, site_occupancy, site_u_iso, u_aniso;
  std::span<const std::int32_t> space_group, space_group_declared, setting, site_multiplicity, site_u_aniso;
  std::span<const std::uint8_t> site_atomic_number;
  std::span<const std::int16_t> site_charge;
  std::span<const std::uint64_t> site_offset;
  StringView name, site_label;
  std::array<StringView, xrd::crystal_name_fields.size()> names;  ///< without offsets where the file has none
  std::vector<xrd::SpaceGroupSetting> settings;

  explicit Impl(const std::filesystem::path& path) : file(path) {
    if (!says_crystals(file))
      throw Error(fmt::format("{}: not a crystal set: {}", path.string(), kind_of(file)));
    if (file.metadata("format_version") != std::to_string(crystal_set_format_version)) {
      throw Error(fmt::format("{}: crystal set of format_version {}, this bragg reads {}", path.string(),
                              file.metadata("format_version"), crystal_set_format_version));
    }
    const Columns columns(file);
    space_group = columns.column<std::int32_t>("space_group");
    crystals = static_cast<std::int64_t>(space_group.size());
    columns.check_range("space_group", space_group, 1, 230);
    // Sets written before the search for symmetry lack it: what is declared is what they hold.
    space_group_declared = space_group;
    if (file.tensors().contains("space_group_declared")) {
      space_group_declared = columns.column<std::int32_t>("space_group_declared", crystals);
      columns.check_range("space_group_declared", space_group_declared, 1, 230);
    }
    cell = columns.table<double>("cell", crystals, 6);
    setting = columns.column<std::int32_t>("setting", crystals);
    name = StringView(columns, "name", crystals);
    for (std::size_t k = 0; k < xrd::crystal_name_fields.size(); ++k)
      if (file.has(xrd::crystal_name_fields[k].key))
        names[k] = StringView(columns, xrd::crystal_name_fields[k].key, crystals);

    site_occupancy = columns.column<double>("site_occupancy");
    const auto sites = static_cast<std::int64_t>(site_occupancy.size());
    site_offset = columns.offsets("site_offset", crystals, static_cast<std::uint64_t>(sites));
    site_position = columns.table<double>("site_position", sites, 3);
    site_u_iso = columns.column<double>("site_u_iso", sites);
    site_multiplicity = columns.column<std::int32_t>("site_multiplicity", sites);
    site_atomic_number = columns.column<std::uint8_t>("site_atomic_number", sites);
    columns.check_range("site_atomic_number", site_atomic_number, 1, 98);
    site_charge = columns.column<std::int16_t>("site_charge", sites);
    columns.check_range("site_charge", site_charge, -128, 127);
    site_label = StringView(columns, "site_label", sites);
    site_u_aniso = columns.column<std::int32_t>("site_u_aniso", sites);
    const std::int64_t tensors = file.tensor("u_aniso", DType::f64, 2).shape[0];
    u_aniso = columns.table<double>("u_aniso", tensors, 6);
    columns.check_range("site_u_aniso", site_u_aniso, -1, tensors - 1);

    read_settings(columns);
    columns.check_range("setting", setting, 0, static_cast<std::int64_t>(settings.size()) - 1);
    for (std::int64_t i = 0; i < crystals; ++i) {
      xrd::SpaceGroupSetting& used = settings[setting[i]];
      if (used.number == 0) used.number = space_group[i];
      if (used.number != space_group[i]) {
        columns.fail("setting", fmt::format("{} is of space group {} and, at crystal {}, of {}", setting[i],
                                            used.number, i, space_group[i]));
      }
    }
  }

  void read_settings(const Columns& columns) {
    const std::int64_t count =
        static_cast<std::int64_t>(file.data<std::uint64_t>("operator_offset", 1).size()) - 1;
    const std::int64_t operators = file.tensor("operator_rotation", DType::i16, 2).shape[0];
    if (count < 0) columns.fail("operator_offset", "is empty");
    const auto offset = columns.offsets("operator_offset", count, static_cast<std::uint64_t>(operators));
    const auto rotation = columns.table<std::int16_t>("operator_rotation", operators, 9);
    const auto translation = columns.table<std::int16_t>("operator_translation", operators, 3);
    columns.check_range("operator_rotation", rotation, -127, 127);
    columns.check_range("operator_translation", translation, 0, xrd::translation_denominator - 1);
    const StringView hm(columns, "setting_hm", count), hall(columns, "setting_hall", count);
    for (std::int64_t i = 0; i < count; ++i) {
      xrd::SpaceGroupSetting group{.number = 0, .hm = hm.at(i), .hall = hall.at(i), .operators = {}};
      for (std::uint64_t row = offset[i]; row < offset[i + 1]; ++row) {
        SymmetryOperator op;
        for (int k = 0; k < 9; ++k)
          op.rotation[k] = static_cast<std::int8_t>(rotation[row * 9 + k]);
        for (int k = 0; k < 3; ++k)
          op.translation[k] = static_cast<std::int8_t>(translation[row * 3 + k]);
        if (const std::int64_t det = xrd::determinant(xrd::rotation_of(op)); det != 1 && det != -1) {
          columns.fail("operator_rotation", fmt::format("at {} has determinant {}", row, det));
        }
        group.operators.push_back(op);
      }
      if (group.operators.empty())
        columns.fail("operator_offset", fmt::format("gives setting {} no operator", i));
      settings.push_back(std::move(group));
    }
  }

  [[noreturn]] void fail(std::int64_t i, const std::string& what) const {
    throw Error(fmt::format("{}: crystal {} ({}): {}", file.path().string(), i, name.at(i), what));
  }
};

CrystalSet::CrystalSet(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
CrystalSet::~CrystalSet() = default;
CrystalSet::CrystalSet(CrystalSet&&) noexcept = default;
CrystalSet& CrystalSet::operator=(CrystalSet&&) noexcept = default;

std::int64_t CrystalSet::size() const {
  return impl_->crystals;
}
const std::filesystem::path& CrystalSet::path() const {
  return impl_->file.path();
}

std::string CrystalSet::name(std::int64_t i) const {
  check_index(i, size(), path());
  return impl_->name.at(i);
}

int CrystalSet::space_group(std::int64_t i) const {
  check_index(i, size(), path());
  return impl_->space_group[i];
}

xrd::Crystal CrystalSet::crystal(std::int64_t i) const {
  check_index(i, size(), path());
  const Impl& set = *impl_;
  const double* c = &set.cell[i * 6];
  xrd::Crystal crystal{.name = set.name.at(i),
                       .cell = {.a = c[0], .b = c[1], .c = c[2], .alpha = c[3], .beta = c[4], .gamma = c[5]},
                       .group = set.settings[set.setting[i]],
                       .sites = {},
                       .names = {},
                       .space_group_declared = set.space_group_declared[i]};
  for (std::size_t k = 0; k < xrd::crystal_name_fields.size(); ++k)
    if (!set.names[k].offset.empty()) crystal.names.*xrd::crystal_name_fields[k].name = set.names[k].at(i);
  if (!crystal.cell.is_possible()) {
    set.fail(i, fmt::format("impossible cell {} {} {} {} {} {}", c[0], c[1], c[2], c[3], c[4], c[5]));
  }
  crystal.sites.reserve(set.site_offset[i + 1] - set.site_offset[i]);
  for (std::uint64_t m = set.site_offset[i]; m < set.site_offset[i + 1]; ++m) {
    xrd::Site site{
        .label = set.site_label.at(static_cast<std::int64_t>(m)),
        .species = {.atomic_number = set.site_atomic_number[m],
                    .charge = static_cast<std::int8_t>(set.site_charge[m])},
        .position = {set.site_position[3 * m], set.site_position[3 * m + 1], set.site_position[3 * m + 2]},
        .occupancy = set.site_occupancy[m],
        .multiplicity = set.site_multiplicity[m],
        .u_iso = set.site_u_iso[m],
        .u_aniso = {}};
    bool sound = std::isfinite(site.position.x) && std::isfinite(site.position.y) &&
                 std::isfinite(site.position.z) && site.occupancy >= 0 && site.occupancy <= 1 &&
                 site.multiplicity >= 1 && std::isfinite(site.u_iso);
    if (const std::int32_t row = set.site_u_aniso[m]; row >= 0) {
      std::array<double, 6>& u = site.u_aniso.emplace();
      for (int k = 0; k < 6; ++k) {
        u[k] = set.u_aniso[row * 6 + k];
        sound = sound && std::isfinite(u[k]);
      }
    }
    if (!sound) {
      set.fail(i, fmt::format("site {} ({}): position {} {} {}, occupancy {}, multiplicity {}, u_iso {}",
                              m - set.site_offset[i], site.label, site.position.x, site.position.y,
                              site.position.z, site.occupancy, site.multiplicity, site.u_iso));
    }
    crystal.sites.push_back(std::move(site));
  }
  return crystal;
}

std::string CrystalSet::content_hash() const {
  return content_hash_of(impl_->file);
}

CrystalSource crystals_of(const std::vector<const CrystalSet*>& sets) {
  CrystalSource all;
  for (const CrystalSet* set : sets)
    all.size += set->size();
  all.at = [sets](std::int64_t i) {
    std::size_t s = 0;
    while (i >= sets[s]->size())
      i -= sets[s++]->size();
    return sets[s]->crystal(i);
  };
  return all;
}

bool is_crystal_set(const std::filesystem::path& path) {
  return says_crystals(SafetensorsFile(path));
}

}  // namespace bragg::data
