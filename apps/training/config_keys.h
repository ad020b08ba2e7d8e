// The keys of a training config, a row each: everything that is known of a key stands there and nowhere else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/training/config.h"

namespace bragg::apps {

class ConfigReader;

/// When a key means something; given otherwise it is refused.
enum class Applies { always, with_crystals, with_synthetic, with_adamw, with_cosine, with_linear_decay };

/// What a resumed run may do with a key: nothing; take another value; name another file of the same content.
enum class OnResume { fixed, free, same_content };

struct ConfigKey {
  std::string name;     ///< "train.batch"
  std::string meaning;  ///< for people, with unit and range
  std::string example;  ///< TOML, for a key that may have no value
  Applies applies = Applies::always;
  OnResume on_resume = OnResume::fixed;
  std::function<void(const ConfigReader&, const std::string& name, TrainConfig&)> read;
  std::function<std::string(const TrainConfig&)> value;  ///< TOML; empty: has none

  bool applies_to(const TrainConfig&) const;
  /// Where it does not: "without data.synthetic".
  const char* has_no_meaning(const TrainConfig&) const;
};

/// In the order in which a config is written.
const std::vector<ConfigKey>& config_keys();
std::vector<std::string> config_key_names();
/// Those of [train], for config_keys().
void add_train_keys(std::vector<ConfigKey>&);

}  // namespace bragg::apps
