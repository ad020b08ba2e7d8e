// The columns of a crystal set, gathered and written. crystal_set.cpp reads them.
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/crystals/crystal_set.h"
#include "data/crystals/string_column.h"
#include "kernels/base/safetensors.h"

namespace bragg::data {
namespace {

std::int64_t rows(const auto& values, std::int64_t width) {
  return static_cast<std::int64_t>(values.size()) / width;
}

}  // namespace

struct CrystalSetWriter::Impl {
  std::vector<double> cell, site_position, site_occupancy, site_u_iso, u_aniso;
  std::vector<std::int32_t> space_group, space_group_declared, setting, site_multiplicity, site_u_aniso;
  std::vector<std::uint8_t> site_atomic_number;
  std::vector<std::int16_t> site_charge, operator_rotation, operator_translation;
  std::vector<std::uint64_t> site_offset{0}, operator_offset{0};
  StringColumn name, site_label, setting_hm, setting_hall;
  std::array<StringColumn, xrd::crystal_name_fields.size()> names;
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
  for (std::size_t k = 0; k < xrd::crystal_name_fields.size(); ++k)
    w.names[k].add(crystal.names.*xrd::crystal_name_fields[k].name);
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
  file.metadata("content", crystal_set_content);
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
  for (std::size_t k = 0; k < xrd::crystal_name_fields.size(); ++k)
    if (!w.names[k].bytes.empty()) text(xrd::crystal_name_fields[k].key, w.names[k]);
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

}  // namespace bragg::data
