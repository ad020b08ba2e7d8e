// Makers of rows of config_keys(): a key of a kind that many keys are of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/training/config_keys.h"
#include "apps/training/config_layers.h"
#include "kernels/base/nearest_name.h"

namespace bragg::apps {

inline constexpr double below_one = 1 - 1e-9;
inline constexpr std::int64_t any_seed = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::int64_t any_count = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t largest_extent = 1'000'000;

/// A string of TOML, of one line whatever it holds.
inline std::string quoted(const std::string& text) {
  std::ostringstream out;
  // A literal string holds no escapes, and so no control characters.
  using toml::format_flags;
  auto flags = toml::toml_formatter::default_flags & ~format_flags::allow_multi_line_strings;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    flags = flags & ~format_flags::allow_literal_strings;
  const toml::value<std::string> value(text);
  out << toml::toml_formatter(value, flags);
  return out.str();
}

inline std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

template <typename Values, typename Text>
std::string list_of(const Values& values, const Text& text) {
  std::vector<std::string> texts;
  for (const auto& value : values)
    texts.push_back(text(value));
  return texts.empty() ? "" : fmt::format("[{}]", fmt::join(texts, ", "));
}

inline std::string range(std::int64_t low, std::int64_t high) {
  return high == any_count ? fmt::format("{} or more", low) : fmt::format("{} to {}", low, high);
}

inline std::string range(double low, double high) {
  return high == below_one ? fmt::format("from {} to below 1", low) : fmt::format("{} to {}", low, high);
}

// Makers of rows. `member` gives the member of a TrainConfig, const or not.

template <typename Member>
ConfigKey integer(const char* name, const std::string& meaning, Member member, std::int64_t low,
                  std::int64_t high) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, range(low, high)),
          .example = {},
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.integer(key, member(config), low, high); },
          .value = [=](const TrainConfig& config) { return fmt::format("{}", member(config)); }};
}

template <typename Member>
ConfigKey number(const char* name, const std::string& meaning, Member member, double low, double high) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, range(low, high)),
          .example = {},
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.number(key, member(config), low, high); },
          .value = [=](const TrainConfig& config) { return decimal(member(config)); }};
}

template <typename Member>
ConfigKey integers(const char* name, const char* meaning, Member member, const char* example) {
  return {.name = name,
          .meaning = meaning,
          .example = example,
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.integers(key, member(config), 1, largest_extent); },
          .value =
              [=](const TrainConfig& config) {
                return list_of(member(config), [](int value) { return std::to_string(value); });
              }};
}

/// Where the model has a number of its own, `own` stands for it.
template <typename Member>
ConfigKey integer_or_own(const char* name, const std::string& meaning, Member member, std::int64_t own,
                         std::int64_t low, std::int64_t high, const char* example) {
  ConfigKey key = integer(name, meaning, member, low, high);
  key.example = example;
  key.value = [=](const TrainConfig& config) {
    return member(config) == own ? "" : fmt::format("{}", member(config));
  };
  return key;
}

template <typename Member>
ConfigKey choice(const char* name, const std::string& meaning, Member member,
                 const std::vector<std::string>& of) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, fmt::join(of, ", ")),
          .example = {},
          .read =
              [=](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
                std::string& text = member(config);
                reader.text(key, text);
                if (std::find(of.begin(), of.end(), text) == of.end()) {
                  reader.fail(key, fmt::format("is '{}'{}", text, suggestion(text, of)));
                }
              },
          .value = [=](const TrainConfig& config) { return quoted(member(config)); }};
}

/// The path of one file.
template <typename Member>
ConfigKey file(const char* name, const char* meaning, Member member, const char* example) {
  return {
      .name = name,
      .meaning = meaning,
      .example = example,
      .on_resume = OnResume::same_content,
      .read = [=](const ConfigReader& reader, const std::string& key,
                  TrainConfig& config) { reader.path(key, member(config)); },
      .value =
          [=](const TrainConfig& config) { return member(config).empty() ? "" : quoted(member(config)); }};
}

inline ConfigKey with_crystals(ConfigKey key) {
  key.applies = Applies::with_crystals;
  return key;
}

inline ConfigKey free_on_resume(ConfigKey key) {
  key.on_resume = OnResume::free;
  return key;
}

}  // namespace bragg::apps
