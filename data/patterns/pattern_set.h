// A set of patterns on disk: one safetensors file, mapped. n patterns on one grid of 2 theta.
//
//   patterns           (n, points) f32 or u16; whatever the scale, bragg writes maximum 1000
//   space_group        (n) any integer type, 1..230; optional
//   group              (n) any integer type; patterns of one group are near-identical; optional
//   name, name_offset  u8 (bytes), u64 (n + 1): UTF-8, all strings end to end; optional
//
// Metadata: two_theta_start, two_theta_step in degrees; wavelength in A (without it, copper_k_alpha is taken); a
// file that bragg wrote has content = "patterns", format_version = "1", and recipe, seed and crystals that
// say how it was made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/patterns/pattern_rows.h"
#include "kernels/base/safetensors.h"
#include "kernels/crystal/instrument.h"

namespace bragg::data {

/// Written into every set. An unknown one is an Error when reading; a set of other origin has none.
inline constexpr int pattern_set_format_version = 1;

/// When the values of a set are looked at: all of them as it is opened, or each as pattern(i) reads it.
enum class ValueCheck { on_opening, on_reading };

/// Throws Error naming the file, the tensor or key, and the value; with ValueCheck::on_opening, which reads
/// the whole file, also for what pattern(i) would throw.
class PatternSet {
 public:
  explicit PatternSet(const std::filesystem::path&, ValueCheck = ValueCheck::on_opening);
  /// In memory, on no disk: `path` is where its patterns come from, for messages.
  PatternSet(PatternRows, std::filesystem::path path);

  std::int64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  /// What the file does not say of it is as Instrument has it.
  const Instrument& instrument() const { return instrument_; }
  bool has_wavelength() const { return !file_ || file_->metadata().count("wavelength") > 0; }
  /// Pattern i scaled to maximum 1; one without a positive value stays as it is. Throws Error where a value
  /// is not finite, as it stands or against the maximum.
  std::vector<float> pattern(std::int64_t i) const;
  bool has_labels() const { return !space_group_.empty() || size_ == 0; }
  int space_group(std::int64_t i) const;     ///< 1..230; throws Error without labels
  std::int32_t group(std::int64_t i) const;  ///< i itself where unknown
  std::string name(std::int64_t i) const;    ///< empty where unknown
  /// Hash of all tensors, 16 hexadecimal digits. Reads the whole file; throws Error for a set in memory.
  std::string content_hash() const;

 private:
  void check_index(std::int64_t i) const;
  std::vector<float> raw_pattern(std::int64_t i) const;
  float checked_maximum(std::int64_t i, std::span<const float> values) const;

  std::filesystem::path path_;
  std::optional<SafetensorsFile> file_;  ///< empty: in memory
  std::optional<PatternRows> rows_;      ///< the other case
  std::int64_t size_ = 0;
  Instrument instrument_;
  std::vector<std::int64_t> space_group_, group_, name_offset_;
};

/// Writes a set, atomically: first what is known of every pattern, then their values as they come, so that
/// memory does not grow with them.
class PatternSetWriter {
 public:
  /// Takes the values of the next pattern.
  using Sink = std::function<void(std::span<const float> pattern)>;

  explicit PatternSetWriter(const Instrument&);

  /// One more pattern; its space group and group are known, or of no pattern of the set.
  void add(int space_group, std::int32_t group, std::string_view name);
  void add(std::string_view name);
  void metadata(std::string key, std::string value);
  std::int64_t size() const { return static_cast<std::int64_t>(name_offset_.size()) - 1; }
  /// `produce` gives the sink all patterns in the order in which they were added; what it throws leaves no
  /// file behind. Throws Error unless they are as many and have the grid's length, and for a value that is
  /// not finite, or where some patterns are labelled and others are not.
  void write(const std::filesystem::path&, const std::function<void(const Sink&)>& produce) const;

 private:
  TwoThetaGrid grid_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::int32_t> space_group_, group_;
  std::vector<std::uint8_t> name_;
  std::vector<std::uint64_t> name_offset_{0};
};

}  // namespace bragg::data
