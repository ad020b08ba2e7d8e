// The frame of the command line: subcommands, the flags they all take, exit codes. One subcommand a file:
// apps/NAME.cpp defines `void add_NAME(CommandLine&)`, declared at the end of this file and called by
// main.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "kernels/backend.h"

namespace bragg::apps {

/// Flags of every subcommand.
struct CommonOptions {
  std::string device = "auto";  ///< as make_backend takes it
  int threads = 0;              ///< 0: all that the process may use
};

inline constexpr int exit_success = 0, exit_failure = 1, exit_usage = 2;

/// The exit code of a command that took some of `all` files or patterns: a failure where any was refused, whose number
/// goes to the standard error.
int told_refusals(std::int64_t refused, std::int64_t all);

class CommandLine {
 public:
  /// What a subcommand does once the whole line has been understood; returns the exit code. UsageError
  /// becomes exit code 2 and any other exception 1, each with one line on stderr.
  using Run = std::function<int(const CommonOptions&)>;

  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Adds a subcommand (of `parent`, if given) with --device and --threads; the caller adds its own flags:
  ///
  ///   void add_predict(CommandLine& line) {
  ///     auto options = std::make_shared<PredictOptions>();
  ///     CLI::App* app =
  ///         line.add("predict", "Name the space group of measured patterns",
  ///                  [options](const CommonOptions& common) { return predict(*options, common); });
  ///     app->add_option("FILE", options->files, "patterns: text or safetensors")->required();
  ///   }
  CLI::App* add(const std::string& name, const std::string& description, Run run, CLI::App* parent = nullptr);
  /// Adds a subcommand that only holds others.
  CLI::App* add_group(const std::string& name, const std::string& description);

  /// Parses and runs; returns the exit code.
  int main(int argc, char** argv);

 private:
  CLI::App app_;
  CommonOptions common_;
  Run run_;
};

/// Adds --precision, of the network that the command runs.
CLI::Option* add_precision(CLI::App* command, std::string& precision);
/// Adds --scan, which of a file's scans is meant.
void add_scan(CLI::App* command, std::optional<int>& scan);
/// The backend that the flags ask for, with DeviceOptions::precision where the device has it; another computes in
/// its own (a CPU in fp32), which it says on stderr.
std::unique_ptr<Backend> make_backend(const CommonOptions&, const std::string& precision = "fp32");
/// What it is, and where a program that could use a GPU was to choose and found none, why.
std::string describe_device(const CommonOptions&, const Backend&);

void add_compact(CommandLine&);
void add_crystals(CommandLine&);
void add_crystals_generate(CommandLine&, CLI::App* group);
void add_crystals_hold_out(CommandLine&, CLI::App* group);
void add_crystals_split(CommandLine&, CLI::App* group);
void add_library(CommandLine&);
void add_library_build(CommandLine&, CLI::App* group);
void add_simulate(CommandLine&);
void add_train(CommandLine&);
void add_evaluate(CommandLine&);
void add_predict(CommandLine&);
void add_identify(CommandLine&);
void add_fit(CommandLine&);
void add_patterns(CommandLine&);
void add_patterns_convert(CommandLine&, CLI::App* group);
void add_patterns_join(CommandLine&, CLI::App* group);
void add_patterns_show(CommandLine&, CLI::App* group);
void add_recipe(CommandLine&);
void add_info(CommandLine&);

}  // namespace bragg::apps
