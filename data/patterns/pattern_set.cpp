#include "data/patterns/pattern_set.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "data/file_kind.h"
#include "data/hash.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"

namespace bragg::data {
namespace {

double number(const SafetensorsFile& file, const std::string& key, double low, double high) {
  const std::string& text = file.metadata(key);
  const auto value = parse_whole<double>(text);
  if (!value || !(*value >= low && *value <= high)) {
    throw Error(fmt::format("{}: metadata '{}' is '{}', not a number in {}..{}", file.path().string(), key,
                            text, low, high));
  }
  return *value;
}

/// One answer for all, without a way out on the way: that is vector code.
bool all_finite(std::span<const float> values) {
  bool finite = true;
  for (const float x : values)
    finite &= std::fabs(x) <= std::numeric_limits<float>::max();
  return finite;
}

/// A tensor of any integer type with one value per pattern, in low..high.
std::vector<std::int64_t> column(const SafetensorsFile& file, const std::string& name, std::int64_t count,
                                 std::int64_t low, std::int64_t high) {
  std::vector<std::int64_t> values = file.integers(name, 1);
  if (static_cast<std::int64_t>(values.size()) != count) {
    throw Error(fmt::format("{}: tensor '{}' has {} rows instead of {}", file.path().string(), name,
                            values.size(), count));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] < low || values[i] > high) {
      throw Error(fmt::format("{}: tensor '{}' has {} at {}, not {}..{}", file.path().string(), name,
                              values[i], i, low, high));
    }
  }
  return values;
}

}  // namespace

PatternSet::PatternSet(const std::filesystem::path& path, ValueCheck check) : path_(path), file_(path) {
  const SafetensorsFile& file = *file_;
  const std::string name = path.string();
  if (!file.has("patterns"))
    throw Error(fmt::format("{}: not a pattern set: no tensor 'patterns': {}", name, kind_of(file)));
  if (file.metadata().count("format_version") > 0 &&
      file.metadata("format_version") != std::to_string(pattern_set_format_version)) {
    throw Error(fmt::format("{}: pattern set of format_version {}, this bragg reads {}", name,
                            file.metadata("format_version"), pattern_set_format_version));
  }
  const TensorInfo& patterns = file.tensors().at("patterns");
  if (patterns.shape.size() != 2 || patterns.shape[1] < 1) {
    throw Error(fmt::format("{}: tensor 'patterns' has rank {}, not (patterns, points)", name,
                            patterns.shape.size()));
  }
  if (patterns.dtype != DType::f32 && patterns.dtype != DType::u16) {
    throw Error(fmt::format("{}: tensor 'patterns' is {}, not F32 or U16", name, name_of(patterns.dtype)));
  }
  size_ = patterns.shape[0];
  TwoThetaGrid& grid = instrument_.grid;
  grid = {.start = number(file, "two_theta_start", 0, 180),
          .step = number(file, "two_theta_step", 1e-6, 180),
          .points = patterns.shape[1]};
  if (!(grid.end() < 180)) {
    throw Error(fmt::format("{}: {} points from {} by {} end at {} degrees of 2 theta", name, grid.points,
                            grid.start, grid.step, grid.end()));
  }
  if (has_wavelength()) instrument_.wavelength = number(file, "wavelength", 0.01, 100);
  if (file.has("space_group")) space_group_ = column(file, "space_group", size_, 1, 230);
  if (file.has("group")) {
    group_ = column(file, "group", size_, std::numeric_limits<std::int32_t>::min(),
                    std::numeric_limits<std::int32_t>::max());
  }
  if (file.has("name")) {
    const auto bytes = file.tensor("name", DType::u8, 1).bytes.size();
    name_offset_ = column(file, "name_offset", size_ + 1, 0, static_cast<std::int64_t>(bytes));
    if (!std::is_sorted(name_offset_.begin(), name_offset_.end())) {
      throw Error(fmt::format("{}: tensor 'name_offset' is not in order", name));
    }
  }
  // Whole numbers cannot but be finite.
  if (check == ValueCheck::on_opening && patterns.dtype == DType::f32) {
    constexpr std::int64_t portion = 1024;
    const auto row_bytes = static_cast<std::size_t>(instrument_.grid.points) * sizeof(float);
    for (std::int64_t i = 0; i < size_; ++i) {
      checked_maximum(i, raw_pattern(i));
      if ((i + 1) % portion == 0 || i + 1 == size_)
        file.unload(patterns.bytes.first(static_cast<std::size_t>(i + 1) * row_bytes));
    }
  }
}

PatternSet::PatternSet(PatternRows rows, std::filesystem::path path)
    : path_(std::move(path)),
      rows_(std::move(rows)),
      size_(rows_->size()),
      instrument_(rows_->instrument()),
      space_group_(rows_->space_group().begin(), rows_->space_group().end()),
      group_(rows_->group().begin(), rows_->group().end()) {}

void PatternSet::check_index(std::int64_t i) const {
  if (i < 0 || i >= size_) throw Error(fmt::format("{}: pattern {} of {}", path().string(), i, size_));
}

std::vector<float> PatternSet::raw_pattern(std::int64_t i) const {
  const auto points = static_cast<std::size_t>(instrument_.grid.points);
  if (rows_) {
    const auto row = std::span(rows_->values()).subspan(static_cast<std::size_t>(i) * points, points);
    return {row.begin(), row.end()};
  }
  const TensorInfo& patterns = file_->tensors().at("patterns");
  const std::byte* row = patterns.bytes.data() + i * points * size_of(patterns.dtype);
  std::vector<float> values(points);
  if (patterns.dtype == DType::f32) {
    std::memcpy(values.data(), row, points * sizeof(float));
  } else {
    std::vector<std::uint16_t> integers(points);
    std::memcpy(integers.data(), row, points * sizeof(std::uint16_t));
    std::copy(integers.begin(), integers.end(), values.begin());
  }
  return values;
}

/// The largest value, or 0; throws Error where a value can't be divided by it.
float PatternSet::checked_maximum(std::int64_t i, std::span<const float> values) const {
  float maximum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) {
      throw Error(fmt::format("{}: pattern {}: value {} at point {}", path().string(), i, values[k], k));
    }
    maximum = std::max(maximum, values[k]);
  }
  // A quotient overflows only where the maximum is tiny.
  if (maximum == 0 || maximum >= 1) return maximum;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k] / maximum))
      throw Error(
          fmt::format("{}: pattern {}: value {} at point {} is beyond single precision against the "
                      "maximum, {}",
                      path().string(), i, values[k], k, maximum));
  }
  return maximum;
}

std::vector<float> PatternSet::pattern(std::int64_t i) const {
  check_index(i);
  std::vector<float> values = raw_pattern(i);
  const float maximum = checked_maximum(i, values);
  if (maximum > 0) {
    for (float& value : values)
      value /= maximum;
  }
  return values;
}

int PatternSet::space_group(std::int64_t i) const {
  check_index(i);
  if (space_group_.empty()) throw Error(fmt::format("{}: no tensor 'space_group'", path().string()));
  return static_cast<int>(space_group_[i]);
}

std::int32_t PatternSet::group(std::int64_t i) const {
  check_index(i);
  return static_cast<std::int32_t>(group_.empty() ? i : group_[i]);
}

std::string PatternSet::name(std::int64_t i) const {
  check_index(i);
  if (rows_) return rows_->names()[static_cast<std::size_t>(i)];
  if (name_offset_.empty()) return {};
  const auto* text = reinterpret_cast<const char*>(file_->tensors().at("name").bytes.data());
  return {text + name_offset_[i], text + name_offset_[i + 1]};
}

std::string PatternSet::content_hash() const {
  if (!file_) throw Error(fmt::format("{}: patterns in memory, which have no hash", path().string()));
  return content_hash_of(*file_);
}

PatternSetWriter::PatternSetWriter(const Instrument& instrument) : grid_(instrument.grid) {
  metadata("content", "patterns");
  metadata("format_version", std::to_string(pattern_set_format_version));
  metadata("two_theta_start", fmt::format("{}", grid_.start));
  metadata("two_theta_step", fmt::format("{}", grid_.step));
  metadata("wavelength", fmt::format("{}", instrument.wavelength));
}

void PatternSetWriter::add(int space_group, std::int32_t group, std::string_view name) {
  space_group_.push_back(space_group);
  group_.push_back(group);
  add(name);
}

void PatternSetWriter::add(std::string_view name) {
  name_.insert(name_.end(), name.begin(), name.end());
  name_offset_.push_back(name_.size());
}

void PatternSetWriter::metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

void PatternSetWriter::write(const std::filesystem::path& path,
                             const std::function<void(const Sink&)>& produce) const {
  if (!space_group_.empty() && std::ssize(space_group_) != size()) {
    throw Error(
        fmt::format("{}: {} of {} patterns have a space group", path.string(), space_group_.size(), size()));
  }
  SafetensorsWriter file;
  for (const auto& [key, value] : metadata_)
    file.metadata(key, value);
  std::int64_t written = 0;
  file.add<float>("patterns", {size(), grid_.points}, [&](const SafetensorsWriter::Sink<float>& sink) {
    produce([&](std::span<const float> pattern) {
      if (static_cast<std::int64_t>(pattern.size()) != grid_.points) {
        throw Error(fmt::format("{}: pattern {} has {} points on a grid of {}", path.string(), written,
                                pattern.size(), grid_.points));
      }
      if (!all_finite(pattern)) {
        const auto at =
            std::find_if(pattern.begin(), pattern.end(), [](float x) { return !std::isfinite(x); });
        throw Error(fmt::format("{}: pattern {}: value {} at point {}, not written", path.string(), written,
                                *at, at - pattern.begin()));
      }
      ++written;
      sink(pattern);
    });
  });
  if (std::ssize(space_group_) == size()) {
    file.add("space_group", {size()}, std::span<const std::int32_t>(space_group_));
    file.add("group", {size()}, std::span<const std::int32_t>(group_));
  }
  file.add("name", {static_cast<std::int64_t>(name_.size())}, std::span<const std::uint8_t>(name_));
  file.add("name_offset", {size() + 1}, std::span<const std::uint64_t>(name_offset_));
  file.write(path);
}

}  // namespace bragg::data
