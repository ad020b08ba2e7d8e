#include "data/crystals/crystal_set.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

using data::CrystalSet;
using data::CrystalSetWriter;

void expect_equal(const xrd::Crystal& got, const xrd::Crystal& expected) {
  EXPECT_EQ(got.name, expected.name);
  EXPECT_EQ(got.names, expected.names);
  EXPECT_EQ(got.cell, expected.cell);
  EXPECT_EQ(got.group.number, expected.group.number);
  EXPECT_EQ(got.group.hm, expected.group.hm);
  EXPECT_EQ(got.group.hall, expected.group.hall);
  EXPECT_EQ(got.group.operators, expected.group.operators);
  EXPECT_EQ(got.declared_number(), expected.declared_number());
  ASSERT_EQ(got.sites.size(), expected.sites.size());
  for (std::size_t i = 0; i < got.sites.size(); ++i) {
    const xrd::Site &a = got.sites[i], &b = expected.sites[i];
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.species, b.species);
    EXPECT_EQ(a.position.x, b.position.x);
    EXPECT_EQ(a.position.y, b.position.y);
    EXPECT_EQ(a.position.z, b.position.z);
    EXPECT_EQ(a.occupancy, b.occupancy);
    EXPECT_EQ(a.multiplicity, b.multiplicity);
    EXPECT_EQ(a.u_iso, b.u_iso);
    EXPECT_EQ(a.u_aniso, b.u_aniso);
  }
}

std::filesystem::path write_set(const TemporaryFolder& folder, const std::vector<xrd::Crystal>& crystals,
                                const std::string& name = "set.safetensors") {
  CrystalSetWriter writer;
  for (const xrd::Crystal& crystal : crystals)
    writer.add(crystal);
  writer.write(folder / name);
  return folder / name;
}

TEST(CrystalSet, RoundTripIsExact) {
  const TemporaryFolder folder;
  std::vector<xrd::Crystal> crystals = three_crystals();
  // What no reader makes must come back, too: a second setting of one group, a crystal without sites, odd
  // names.
  crystals.push_back(crystals[0]);
  crystals.back().name = "h\xc3\xa9matite \"x\"";
  crystals.back().group.hm = "another name";
  crystals.back().group.hall.clear();
  crystals.back().sites.clear();
  crystals.push_back(crystals[1]);
  crystals.back().space_group_declared = 1;
  crystals.back().sites[0].species.charge = -4;
  crystals.back().sites[1].position = {-0.1, 1.0 / 3, 1e-300};

  const CrystalSet set(write_set(folder, crystals));
  ASSERT_EQ(set.size(), 5);
  for (std::int64_t i = 0; i < set.size(); ++i) {
    SCOPED_TRACE(i);
    expect_equal(set.crystal(i), crystals[i]);
    EXPECT_EQ(set.name(i), crystals[i].name);
    EXPECT_EQ(set.space_group(i), crystals[i].group.number);
  }
}

TEST(CrystalSet, NamesComeBackAndMayBeAbsent) {
  const TemporaryFolder folder;
  std::vector<xrd::Crystal> crystals = three_crystals();
  for (xrd::Crystal& crystal : crystals)
    crystal.names = {};
  const std::string hash = CrystalSet(write_set(folder, crystals)).content_hash();
  // Sets of versions without names: the same tensors as today's where no crystal has one.
  EXPECT_FALSE(SafetensorsFile(folder / "set.safetensors").has("mineral"));
  EXPECT_EQ(CrystalSet(folder / "set.safetensors").crystal(1).names, xrd::CrystalNames{});

  crystals[1].names = {.mineral = "Quartz",
                       .common = "rock crystal",
                       .systematic = "silicon dioxide",
                       .database_code = "AMCSD 0000789",
                       .doi = "10.2138/am-1980-0920",
                       .citation = "Levien L et al., American Mineralogist 65 (1980) 920"};
  crystals[2].names.mineral = "Br\xc3\xb6ggerite";
  const CrystalSet named(write_set(folder, crystals, "named.safetensors"));
  for (std::int64_t i = 0; i < named.size(); ++i)
    expect_equal(named.crystal(i), crystals[i]);
  EXPECT_NE(named.content_hash(), hash);
}

TEST(CrystalSet, MayBeEmpty) {
  const TemporaryFolder folder;
  const CrystalSet set(write_set(folder, {}));
  EXPECT_EQ(set.size(), 0);
  EXPECT_THROW(set.crystal(0), Error);
}

TEST(CrystalSet, SaysWhatItIs) {
  const TemporaryFolder folder;
  EXPECT_TRUE(data::is_crystal_set(write_set(folder, three_crystals())));
  SafetensorsWriter other;
  const std::vector<float> numbers(3);
  other.add("patterns", {1, 3}, std::span<const float>(numbers));
  other.write(folder / "other.safetensors");
  EXPECT_FALSE(data::is_crystal_set(folder / "other.safetensors"));
  EXPECT_THROW(CrystalSet(folder / "other.safetensors"), Error);
}

TEST(CrystalSet, HashIsOfTheContent) {
  const TemporaryFolder folder;
  std::vector<xrd::Crystal> crystals = three_crystals();
  const std::string hash = CrystalSet(write_set(folder, crystals, "a.safetensors")).content_hash();
  EXPECT_EQ(hash.size(), 16u);
  EXPECT_EQ(CrystalSet(write_set(folder, crystals, "b.safetensors")).content_hash(), hash);
  crystals[2].sites[0].position.x = std::nextafter(crystals[2].sites[0].position.x, 1.0);
  EXPECT_NE(CrystalSet(write_set(folder, crystals, "c.safetensors")).content_hash(), hash);
  std::swap(crystals[0], crystals[1]);
  EXPECT_NE(CrystalSet(write_set(folder, crystals, "d.safetensors")).content_hash(), hash);
}

/// The tensors of a good set, to be spoiled one at a time.
struct Tensors {
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, TensorInfo> info;
  std::map<std::string, std::string> metadata;

  explicit Tensors(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    info = file.tensors();
    metadata = file.metadata();
    for (const auto& [name, tensor] : info)
      bytes[name] = {tensor.bytes.begin(), tensor.bytes.end()};
  }
  template <typename T>
  T* at(const std::string& name) {
    return reinterpret_cast<T*>(bytes.at(name).data());
  }
  void drop_last_row(const std::string& name) {
    std::vector<std::int64_t>& shape = info.at(name).shape;
    bytes.at(name).resize(bytes.at(name).size() / shape[0] * (shape[0] - 1));
    --shape[0];
  }
  void write(const std::filesystem::path& path) const {
    SafetensorsWriter writer;
    for (const auto& [key, value] : metadata)
      writer.metadata(key, value);
    for (const auto& [name, tensor] : info)
      writer.add(name, tensor.dtype, tensor.shape, bytes.at(name));
    writer.write(path);
  }
};

/// What reading all of the set says.
std::string complaint(const std::filesystem::path& path) {
  try {
    const CrystalSet set(path);
    for (std::int64_t i = 0; i < set.size(); ++i)
      set.crystal(i);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CrystalSet, RefusesMalformedFiles) {
  const TemporaryFolder folder;
  const Tensors good(write_set(folder, three_crystals()));
  const struct {
    const char* names;  ///< what the message must name
    std::function<void(Tensors&)> spoil;
  } cases[] = {
      {"format_version 2", [](Tensors& t) { t.metadata["format_version"] = "2"; }},
      {"not a crystal set", [](Tensors& t) { t.metadata["content"] = "patterns"; }},
      {"'setting'", [](Tensors& t) { t.at<std::int32_t>("setting")[1] = 3; }},
      {"'setting'", [](Tensors& t) { t.at<std::int32_t>("setting")[1] = 0; }},  // of another space group
      {"'space_group'", [](Tensors& t) { t.at<std::int32_t>("space_group")[0] = 231; }},
      {"'site_offset'", [](Tensors& t) { t.at<std::uint64_t>("site_offset")[1] = 6; }},
      {"'site_offset'", [](Tensors& t) { t.at<std::uint64_t>("site_offset")[3] = 5; }},
      {"'name_offset'", [](Tensors& t) { t.at<std::uint64_t>("name_offset")[0] = 1; }},
      {"'site_label_offset'", [](Tensors& t) { t.at<std::uint64_t>("site_label_offset")[6] = 1000; }},
      {"'site_atomic_number'", [](Tensors& t) { t.at<std::uint8_t>("site_atomic_number")[2] = 0; }},
      {"'site_charge'", [](Tensors& t) { t.at<std::int16_t>("site_charge")[2] = 200; }},
      {"'site_u_aniso'", [](Tensors& t) { t.at<std::int32_t>("site_u_aniso")[0] = 1; }},
      {"'operator_translation'", [](Tensors& t) { t.at<std::int16_t>("operator_translation")[0] = 24; }},
      {"'operator_rotation'", [](Tensors& t) { t.at<std::int16_t>("operator_rotation")[0] = 2; }},
      {"'operator_offset'", [](Tensors& t) { t.at<std::uint64_t>("operator_offset")[2] = 192; }},
      {"'cell'", [](Tensors& t) { t.drop_last_row("cell"); }},
      {"site_occupancy", [](Tensors& t) { t.info.erase("site_occupancy"); }},
      {"impossible cell", [](Tensors& t) { t.at<double>("cell")[3] = 200; }},
      {"rock_salt", [](Tensors& t) { t.at<double>("cell")[0] = std::nan(""); }},
      {"occupancy nan", [](Tensors& t) { t.at<double>("site_occupancy")[0] = std::nan(""); }},
      {"occupancy 1.5", [](Tensors& t) { t.at<double>("site_occupancy")[5] = 1.5; }},
      {"position inf",
       [](Tensors& t) { t.at<double>("site_position")[0] = std::numeric_limits<double>::infinity(); }},
      {"multiplicity 0", [](Tensors& t) { t.at<std::int32_t>("site_multiplicity")[3] = 0; }},
      {"quartz", [](Tensors& t) { t.at<double>("u_aniso")[5] = std::nan(""); }},
  };
  const std::filesystem::path path = folder / "spoiled.safetensors";
  good.write(path);
  ASSERT_EQ(complaint(path), "");
  for (const auto& c : cases) {
    Tensors spoiled = good;
    c.spoil(spoiled);
    spoiled.write(path);
    const std::string message = complaint(path);
    EXPECT_NE(message.find(c.names), std::string::npos) << "expected " << c.names << " in: " << message;
    EXPECT_NE(message.find("spoiled.safetensors"), std::string::npos) << message;
  }
}

TEST(CrystalSet, SetsWithoutADeclaredGroupAreRead) {
  const TemporaryFolder folder;
  std::vector<xrd::Crystal> crystals = three_crystals();
  crystals[1].space_group_declared = 1;
  Tensors tensors(write_set(folder, crystals));
  EXPECT_EQ(CrystalSet(folder / "set.safetensors").crystal(1).declared_number(), 1);
  tensors.at<std::int32_t>("space_group_declared")[2] = 231;
  tensors.write(folder / "wrong.safetensors");
  EXPECT_NE(complaint(folder / "wrong.safetensors").find("231"), std::string::npos);
  tensors.info.erase("space_group_declared");
  tensors.write(folder / "old.safetensors");
  const CrystalSet old(folder / "old.safetensors");
  for (std::int64_t i = 0; i < old.size(); ++i)
    EXPECT_EQ(old.crystal(i).declared_number(), old.space_group(i));
}

}  // namespace
}  // namespace bragg::tests
