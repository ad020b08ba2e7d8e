#include "data/crystals/crystal_set.h"

#include <cmath>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/crystals/crystal_name_columns.h"
#include "data/file_kind.h"
#include "data/hash.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"

namespace bragg::data {
namespace {

constexpr const char* content_name = "crystals";

std::int64_t rows(const auto& values, std::int64_t width) {
  return static_cast<std::int64_t>(values.size()) / width;
}

}  // namespace

// ---- writing ----

struct CrystalSetWriter::Impl {
  std::vector<double> cell, site_position, site_occupancy, site_u_iso, u_aniso;
  std::vector<std::int32_t> space_group, space_group_declared, setting, site_multiplicity, site_u_aniso;
  std::vector<std::uint8_t> site_atomic_number;
  std::vector<std::int16_t> site_charge, operator_rotation, operator_translation;
  std::vector<std::uint64_t> site_offset{0}, operator_offset{0};
  StringColumn name, site_label, setting_hm, setting_hall;
  std::array<StringColumn, name_columns.size()> names;
  std::unordered_map<std::string, std::int32_t> known_settings;

  std::size_t bytes() const {
    std::size_t sum = 0;
    const auto add = [&](const auto& values) { sum += values.size() * sizeof(values[0]); };
    for (const auto* values : {&cell, &site_position, &site_occupancy, &site_u_iso, &u_aniso})
      add(*values);
    for (const auto* values :
         {&space_group, &space_group_declared, &setting, &site_multiplicity, &site_u_aniso})
      add(*values);
    for (const auto* values : {&site_charge, &operator_rotation, &operator_translation})
      add(*values);
    add(site_atomic_number);
    add(site_offset);
    add(operator_offset);
    const auto add_text = [&](const StringColumn& text) {
      add(text.bytes);
      add(text.offset);
    };
    for (const StringColumn* text : {&name, &site_label, &setting_hm, &setting_hall})
      add_text(*text);
    for (const StringColumn& text : names)
      add_text(text);
    return sum;
  }

  std::int32_t setting_of(const xrd::SpaceGroupSetting& group) {
    std::string key = fmt::format("{}\n{}\n{}\n", group.number, group.hm, group.hall);
    for (const SymmetryOperator& op : group.operators) {
      key.append(reinterpret_cast<const char*>(op.rotation.data()), op.rotation.size());
      key.append(reinterpret_cast<const char*>(op.translation.data()), op.translation.size());
    }
    const auto [entry, is_new] =
        known_settings.try_emplace(std::move(key), static_cast<std::int32_t>(known_settings.size()));
    if (is_new) {
      setting_hm.add(group.hm);
      setting_hall.add(group.hall);
      for (const SymmetryOperator& op : group.operators) {
        operator_rotation.insert(operator_rotation.end(), op.rotation.begin(), op.rotation.end());
        operator_translation.insert(operator_translation.end(), op.translation.begin(), op.translation.end());
      }
      operator_offset.push_back(operator_rotation.size() / 9);
    }
    return entry->second;
  }
};

CrystalSetWriter::CrystalSetWriter() : impl_(std::make_unique<Impl>()) {}
CrystalSetWriter::~CrystalSetWriter() = default;

std::int64_t CrystalSetWriter::size() const {
  return static_cast<std::int64_t>(impl_->space_group.size());
}

void CrystalSetWriter::add(const xrd::Crystal& crystal) {
  Impl& w = *impl_;
  const xrd::UnitCell& cell = crystal.cell;
  w.cell.insert(w.cell.end(), {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma});
  w.space_group.push_back(crystal.group.number);
  w.space_group_declared.push_back(crystal.declared_number());
  w.setting.push_back(w.setting_of(crystal.group));
  w.name.add(crystal.name);
  for (std::size_t k = 0; k < name_columns.size(); ++k)
    w.names[k].add(crystal.names.*name_columns[k].name);
  for (const xrd::Site& site : crystal.sites) {
    w.site_position.insert(w.site_position.end(), {site.position.x, site.position.y, site.position.z});
    w.site_occupancy.push_back(site.occupancy);
    w.site_u_iso.push_back(site.u_iso);
    w.site_multiplicity.push_back(site.multiplicity);
    w.site_atomic_number.push_back(site.species.atomic_number);
    w.site_charge.push_back(site.species.charge);
    w.site_label.add(site.label);
    w.site_u_aniso.push_back(site.u_aniso ? static_cast<std::int32_t>(w.u_aniso.size() / 6) : -1);
    if (site.u_aniso) w.u_aniso.insert(w.u_aniso.end(), site.u_aniso->begin(), site.u_aniso->end());
  }
  w.site_offset.push_back(w.site_occupancy.size());
}

std::size_t CrystalSetWriter::bytes() const {
  return impl_->bytes();
}

void CrystalSetWriter::write(const std::filesystem::path& path) const {
  const Impl& w = *impl_;
  SafetensorsWriter file;
  file.metadata("content", content_name);
  file.metadata("format_version", std::to_string(crystal_set_format_version));
  const auto table = [&]<typename T>(const char* name, const std::vector<T>& values, std::int64_t width) {
    file.add(name, {rows(values, width), width}, std::span<const T>(values));
  };
  const auto column = [&]<typename T>(const char* name, const std::vector<T>& values) {
    file.add(name, {rows(values, 1)}, std::span<const T>(values));
  };
  const auto text = [&](const std::string& name, const StringColumn& strings) {
    column(name.c_str(), strings.bytes);
    column((name + "_offset").c_str(), strings.offset);
  };
  table("cell", w.cell, 6);
  column("space_group", w.space_group);
  column("space_group_declared", w.space_group_declared);
  column("setting", w.setting);
  text("name", w.name);
  for (std::size_t k = 0; k < name_columns.size(); ++k)
    if (!w.names[k].bytes.empty()) text(name_columns[k].tensor, w.names[k]);
  column("site_offset", w.site_offset);
  table("site_position", w.site_position, 3);
  column("site_occupancy", w.site_occupancy);
  column("site_u_iso", w.site_u_iso);
  column("site_multiplicity", w.site_multiplicity);
  column("site_atomic_number", w.site_atomic_number);
  column("site_charge", w.site_charge);
  column("site_u_aniso", w.site_u_aniso);
  text("site_label", w.site_label);
  table("u_aniso", w.u_aniso, 6);
  text("setting_hm", w.setting_hm);
  text("setting_hall", w.setting_hall);
  column("operator_offset", w.operator_offset);
  table("operator_rotation", w.operator_rotation, 9);
  table("operator_translation", w.operator_translation, 3);
  file.write(path);
}

// ---- reading ----

namespace {

bool says_crystals(const SafetensorsFile& file) {
  const auto found = file.metadata().find("content");
  return found != file.metadata().end() && found->second == content_name;
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

int determinant(const std::array<std::int8_t, 9>& r) {
  return r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
         r[2] * (r[3] * r[7] - r[4] * r[6]);
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
  std::array<StringView, name_columns.size()> names;  ///< without offsets where the file has none
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
    for (std::size_t k = 0; k < name_columns.size(); ++k)
      if (file.has(name_columns[k].tensor)) names[k] = StringView(columns, name_columns[k].tensor, crystals);

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
        if (std::abs(determinant(op.rotation)) != 1) {
          columns.fail("operator_rotation",
                       fmt::format("at {} has determinant {}", row, determinant(op.rotation)));
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
  for (std::size_t k = 0; k < name_columns.size(); ++k)
    if (!set.names[k].offset.empty()) crystal.names.*name_columns[k].name = set.names[k].at(i);
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

std::function<xrd::Crystal(std::int64_t)> crystals_of(const std::vector<const CrystalSet*>& sets) {
  return [sets](std::int64_t i) {
    std::size_t s = 0;
    while (i >= sets[s]->size())
      i -= sets[s++]->size();
    return sets[s]->crystal(i);
  };
}

bool is_crystal_set(const std::filesystem::path& path) {
  return says_crystals(SafetensorsFile(path));
}

}  // namespace bragg::data
