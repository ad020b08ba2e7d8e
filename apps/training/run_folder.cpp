#include "apps/training/run_folder.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

/// Throws where a folder of this path could not be created, as far as can be told without trying.
void check_can_be_created(const fs::path& path) {
  std::error_code none;
  fs::path parent = fs::absolute(path).lexically_normal();
  if (!parent.has_filename()) parent = parent.parent_path();  // a slash at the end
  while (parent.has_relative_path() && fs::symlink_status(parent, none).type() == fs::file_type::not_found)
    parent = parent.parent_path();
  if (!fs::is_directory(parent, none))
    throw UsageError(fmt::format("--out {}: {} is not a folder", path.string(), parent.string()));
  if (::access(parent.c_str(), W_OK | X_OK) != 0) {
    throw Error(fmt::format("--out {}: cannot be created: {}: {}", path.string(), parent.string(),
                            std::strerror(errno)));
  }
}

bool holds(const fs::path& path, const std::string& text) {
  std::error_code none;
  if (!fs::is_regular_file(path, none) || fs::file_size(path, none) != text.size()) return false;
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {}) == text;
}

/// A link that leads nowhere exists, too.
bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::symlink_status(path, none).type() != fs::file_type::not_found;
}

}  // namespace

RunFolder::RunFolder(const std::string& out) : path_(out) {
  std::error_code none;
  if (out.empty()) throw UsageError("--out is empty");
  if (fs::is_directory(path_, none))
    lock_.emplace(path_);
  else
    check_can_be_created(path_);
}

bool RunFolder::has_checkpoint() const {
  return is_there(checkpoint());
}

bool RunFolder::has_config() const {
  return is_there(config());
}

bool RunFolder::has_dead_attempt() const {
  return !has_checkpoint() && (is_there(config()) || is_there(path_ / "metrics.jsonl"));
}

void RunFolder::refuse_if_taken() const {
  if (has_checkpoint()) {
    throw UsageError(fmt::format(
        "--out {}: already holds a run; continue it with --resume or choose another folder", path_.string()));
  }
  for (const char* name : {"best.safetensors", "model.safetensors"}) {
    if (is_there(path_ / name)) {
      throw UsageError(
          fmt::format("--out {}: holds {} but no checkpoint (last.safetensors) to continue from: "
                      "choose another folder",
                      path_.string(), name));
    }
  }
}

void RunFolder::begin(bool new_run, const std::string& config_toml) {
  const bool created = !lock_;
  if (created) {
    std::error_code failure;
    fs::create_directories(path_, failure);
    if (failure) {
      throw Error(fmt::format("--out {}: cannot be created: {}", path_.string(), failure.message()));
    }
    lock_.emplace(path_);
    if (new_run) refuse_if_taken();  // another process may have been faster
  }
  if (new_run) {
    if (is_there(config()) && !holds(config(), config_toml)) keep_aside("config.toml");
    const fs::path metrics = path_ / "metrics.jsonl";
    if (is_there(metrics) && !holds(metrics, "")) keep_aside("metrics.jsonl");
  }
  try {
    write_file(config(), config_toml);
  } catch (...) {
    lock_.reset();
    std::error_code none;
    if (created) fs::remove(path_, none);  // where it is empty
    throw;
  }
}

void RunFolder::keep_aside(const char* name) const {
  const fs::path from = path_ / name;
  const std::string stem = from.stem().string(), extension = from.extension().string();
  fs::path to = path_ / fmt::format("{}.before{}", stem, extension);
  for (int i = 2; is_there(to); ++i)
    to = path_ / fmt::format("{}.before{}{}", stem, i, extension);
  fs::rename(from, to);
  fmt::print(stderr, "{}: kept as {}\n", from.string(), to.filename().string());
}

}  // namespace bragg::apps
