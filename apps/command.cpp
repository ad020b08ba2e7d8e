#include "apps/command.h"

#include <cstdio>
#include <filesystem>
#include <new>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "apps/help.h"
#include "apps/stamp.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

/// The subcommand that parsing had reached.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
    for (const std::string& name : option->get_snames())
      names.push_back("-" + name);
  }
  return names;
}

std::vector<std::string> subcommands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(subcommand->get_name());
  }
  return names;
}

/// What was wrong with the command line, in one sentence.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& reached = innermost(app);
  const std::vector<std::string> unknown = app.remaining(true);
  const std::vector<std::string> subcommands = subcommands_of(reached);
  if (!unknown.empty() && unknown.front().starts_with("-") && unknown.front().size() > 1) {
    const std::string flag = unknown.front().substr(0, unknown.front().find('='));
    const std::string near = near_name(flag, flags_of(reached));
    return fmt::format("unknown flag {}{}", flag, near.empty() ? "" : "; the nearest is " + near);
  }
  if (!unknown.empty() && !subcommands.empty())
    return fmt::format("unknown subcommand {}{}", unknown.front(), suggestion(unknown.front(), subcommands));
  if (!subcommands.empty()) {
    return fmt::format("a subcommand is needed: {}", fmt::join(subcommands, ", "));
  }
  if (!unknown.empty()) return fmt::format("unexpected argument {}", unknown.front());
  return error.what();
}

/// Messages quote files and paths: line by line without control characters.
std::string shown(std::string_view message) {
  std::string text;
  while (true) {
    const std::size_t end = message.find('\n');
    text += printable(message.substr(0, end));
    if (end == std::string_view::npos) return text;
    text += '\n';
    message.remove_prefix(end + 1);
  }
}

}  // namespace

int told_refusals(std::int64_t refused, std::int64_t all) {
  if (refused == 0) return exit_success;
  std::fflush(stdout);
  fmt::print(stderr, "{} of {} refused\n", refused, all);
  return exit_failure;
}

CommandLine::CommandLine() : app_("Powder X-ray diffraction: simulate, train, identify", "bragg") {
  app_.require_subcommand(1);
  app_.formatter(help_formatter());
  app_.option_defaults()->always_capture_default();
  app_.set_version_flag("--version", name_and_version());
}

CLI::App* CommandLine::add(const std::string& name, const std::string& description, Run run,
                           CLI::App* parent) {
  CLI::App* command = (parent != nullptr ? parent : &app_)->add_subcommand(name, description);
  command->add_option("--device", common_.device,
                      "where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1 ... or reference");
  command
      ->add_option("--threads", common_.threads, "threads of a CPU to use; 0: all that this process may use")
      ->check(CLI::Range(0, 1024));
  command->callback([this, run = std::move(run)] { run_ = run; });
  return command;
}

CLI::App* CommandLine::add_group(const std::string& name, const std::string& description) {
  CLI::App* group = app_.add_subcommand(name, description);
  group->require_subcommand(1);
  return group;
}

int CommandLine::main(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", help_of(innermost(app_)));
    return exit_success;
  } catch (const CLI::CallForVersion& version_text) {
    fmt::print("{}\n", version_text.what());
    return exit_success;
  } catch (const CLI::ParseError& error) {
    const std::string name = full_name(innermost(app_));
    fmt::print(stderr, "{}: {} (see {} --help)\n", name, explain(app_, error), name);
    return exit_usage;
  }
  const std::string name = full_name(innermost(app_));
  try {
    const int code = run_(common_);
    if (std::fflush(stdout) != 0) throw Error("standard output: cannot write");
    return code;
  } catch (const UsageError& error) {
    fmt::print(stderr, "{}: {}\n", name, shown(error.what()));
    return exit_usage;
  } catch (const std::filesystem::filesystem_error& error) {
    fmt::print(stderr, "{}: {}: {}\n", name, printable(error.path1().string()), error.code().message());
    return exit_failure;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "{}: out of memory\n", name);
    return exit_failure;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, shown(error.what()));
    return exit_failure;
  }
}

CLI::Option* add_precision(CLI::App* command, std::string& precision) {
  return command
      ->add_option(
          "--precision", precision,
          "of the network: fp32; bf16 on a GPU or a CPU with AVX512-BF16, or tf32 on a GPU, else the "
          "device's own")
      ->check(CLI::IsMember({"fp32", "bf16", "tf32"}));
}

void add_scan(CLI::App* command, std::optional<int>& scan) {
  command
      ->add_option("--scan", scan, "the only scan that is read of each file, from 1 (default: all of them)")
      ->check(CLI::Range(1, 1'000'000));
}

std::unique_ptr<Backend> make_backend(const CommonOptions& common, const std::string& precision) {
  DeviceOptions options{.device = choose_device(common.device).device,
                        .threads = common.threads,
                        .instruction_set = {},
                        .precision = precision};
  if (const std::string why = precision_lacks(options); !why.empty()) {
    fmt::print(stderr, "{}; it computes in its own\n", why);
    options.precision = "fp32";
  }
  return bragg::make_backend(options);
}

std::string describe_device(const CommonOptions& common, const Backend& backend) {
  const std::string because = choose_device(common.device).no_gpu_because;
  return because.empty() ? backend.description()
                         : fmt::format("{} (no GPU: {})", backend.description(), because);
}

}  // namespace bragg::apps
