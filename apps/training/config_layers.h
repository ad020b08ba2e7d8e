// A config file or one --set as TOML, and the reading of values from several of them, where what comes later
// overrides.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace bragg::apps {

struct ConfigLayer {
  std::string source;  ///< the file's path as given, or "--set KEY=VALUE"
  bool is_file = true;
  std::filesystem::path folder;  ///< what the paths in it are relative to; empty: the working directory
  std::shared_ptr<const toml::table> table;  ///< shared: a copy would forget its lines

  /// "run.toml:3", or the source of an assignment.
  std::string at(const toml::node& node) const;
};

/// Throws UsageError with source and line for what is no TOML.
ConfigLayer parse_layer(std::string_view toml, const std::string& source,
                        const std::filesystem::path& folder = {});
/// A file; paths in it are relative to its folder, or where it is a pipe to the working directory. Throws
/// UsageError for one that cannot be read or is no config at all: a folder, a CIF, a safetensors file.
ConfigLayer load_layer(const std::string& path);
/// "train.batch=32"; a value that is no TOML but a plain word or path is taken as a string.
ConfigLayer parse_assignment(const std::string& assignment);
/// The layers, and the assignments over them.
std::vector<ConfigLayer> with_assignments(std::vector<ConfigLayer>,
                                          const std::vector<std::string>& assignments);
/// The config at `path`, none where that is empty, with the assignments over it.
std::vector<ConfigLayer> load_layers(const std::string& path, const std::vector<std::string>& assignments);

/// Reads the value of a key from the last layer that gives it; what no layer gives stays as it is. Throws
/// UsageError naming the place, the key and the value for a wrong type or a value out of range.
class ConfigReader {
 public:
  /// The layers must outlive this.
  explicit ConfigReader(const std::vector<ConfigLayer>& layers) : layers_(layers) {}

  bool has(const std::string& key) const { return static_cast<bool>(find(key)); }
  void integer(const std::string& key, auto& value, std::int64_t low, std::int64_t high) const {
    std::int64_t wide = 0;
    if (read_integer(key, wide, low, high))
      value = static_cast<std::remove_reference_t<decltype(value)>>(wide);
  }
  void number(const std::string& key, double& value, double low, double high) const;
  void text(const std::string& key, std::string& value) const;
  /// One or a list.
  void texts(const std::string& key, std::vector<std::string>& values) const;
  void integers(const std::string& key, std::vector<int>& values, std::int64_t low, std::int64_t high) const;
  /// One or a list; says which.
  void numbers(const std::string& key, std::vector<double>& values, bool& one, double low, double high) const;
  /// Relative ones joined to the layer's folder.
  void path(const std::string& key, std::string& value) const;
  /// One or a list.
  void paths(const std::string& key, std::vector<std::string>& values) const;
  /// A sentence about a key, with the place that gave it.
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 private:
  struct Found {
    std::string key;
    const ConfigLayer* layer = nullptr;
    const toml::node* node = nullptr;
    explicit operator bool() const { return node != nullptr; }
  };

  Found find(const std::string& key) const;
  void one_or_list(const std::string& key, std::vector<std::string>& values,
                   std::string (*read)(const Found&, const toml::node&)) const;
  bool read_integer(const std::string& key, std::int64_t& value, std::int64_t low, std::int64_t high) const;
  [[noreturn]] static void fail(const Found&, const std::string& what);
  static std::int64_t integer_in(const Found&, const toml::node&, std::int64_t low, std::int64_t high);
  static double number_in(const Found&, const toml::node&, double low, double high);
  static std::string text_in(const Found&, const toml::node&);
  static std::string path_in(const Found&, const toml::node&);
  static const toml::array& list(const Found&);

  const std::vector<ConfigLayer>& layers_;
};

}  // namespace bragg::apps
