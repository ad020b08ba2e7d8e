// The folder that a training run lives in: what is in it, whose it is, and how a run begins in it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/training/run_lock.h"

namespace bragg::apps {

/// config.toml, metrics.jsonl, last.safetensors (the checkpoint), best.safetensors, model.safetensors, and
/// while it runs run.lock. Where the folder exists it is locked from construction on; nothing is created
/// before begin().
class RunFolder {
 public:
  /// Throws UsageError where it is no folder, or another process trains in it; Error where it could not be
  /// written to.
  explicit RunFolder(const std::string& out);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint() const { return path_ / "last.safetensors"; }
  std::filesystem::path config() const { return path_ / "config.toml"; }
  bool has_checkpoint() const;
  bool has_config() const;
  /// A run died here before its first checkpoint.
  bool has_dead_attempt() const;
  /// Throws UsageError where a new run would meet the models or the checkpoint of another.
  void refuse_if_taken() const;

  /// Creates and locks the folder where it was not there, and writes config.toml. For a new run what else
  /// bears its names is renamed, never deleted: config.toml of another content, metrics.jsonl with lines.
  void begin(bool new_run, const std::string& config_toml);

 private:
  void keep_aside(const char* name) const;

  std::filesystem::path path_;
  std::optional<RunLock> lock_;
};

}  // namespace bragg::apps
