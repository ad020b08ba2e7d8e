#include "nn/metrics_log.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"

namespace bragg::nn {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
}

std::string lines_up_to(const std::filesystem::path& path, std::uint64_t last_step) {
  std::ifstream in(path);
  std::string kept, line;
  while (std::getline(in, line)) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("step") && json["step"].is_number_unsigned() &&
        json["step"].get<std::uint64_t>() <= last_step)
      kept += line + '\n';
  }
  return kept;
}

/// "held_out_crystal_system_loss" and "..._accuracy".
void add_heads(ordered_json& line, const std::string& before, const std::vector<HeadMetrics>& heads) {
  for (const HeadMetrics& one : heads) {
    line[before + one.head + "_loss"] = one.loss;
    line[before + one.head + "_accuracy"] = one.accuracy;
  }
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, std::uint64_t last_step) : path_(path) {
  if (std::filesystem::exists(path)) write_file(path, lines_up_to(path, last_step));
  file_ = std::fopen(path.c_str(), "a");
  if (!file_) fail(path_);
}

MetricsLog::~MetricsLog() {
  std::fclose(file_);
}

void MetricsLog::write_line(const std::string& line) {
  if (std::fputs((line + '\n').c_str(), file_) < 0 || std::fflush(file_) != 0) fail(path_);
}

void MetricsLog::write(const TrainMetrics& m) {
  ordered_json line{{"step", m.step},
                    {"loss", m.loss},
                    {"accuracy", m.accuracy},
                    {"patterns_per_s", m.patterns_per_s},
                    {"elapsed_s", m.elapsed_s}};
  add_heads(line, "", m.others);
  write_line(line.dump());
}

void MetricsLog::write(const HeldOutMetrics& m) {
  ordered_json line{{"step", m.step},
                    {"held_out_loss", m.loss},
                    {"held_out_accuracy", m.accuracy},
                    {"elapsed_s", m.elapsed_s}};
  add_heads(line, "held_out_", m.others);
  write_line(line.dump());
}

}  // namespace bragg::nn
