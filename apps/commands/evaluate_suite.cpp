#include "apps/commands/evaluate_suite.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/output_paths.h"
#include "apps/report/suite_page.h"
#include "apps/stamp.h"
#include "apps/suite/suite.h"
#include "apps/suite/suite_json.h"
#include "apps/suite/suite_set.h"
#include "apps/suite/suite_text.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

std::string command_of(const SuiteOptions& options) {
  const LookupOptions& common = options.common;
  std::string command = "bragg evaluate";
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", flag, value);
  };
  for (const std::string& folder : options.folders)
    add("--suite", folder);
  add("--model", common.model);
  for (const std::string& library : common.libraries)
    add("--library", library);
  if (common.no_model) command += " --no-model";
  if (common.no_built_in) command += " --no-builtin-library";
  if (common.precision != "fp32") add("--precision", common.precision);
  add("--json", common.json);
  add("--report", options.report);
  return command;
}

/// Refuses what would overwrite data of the suite.
void check_suite_outputs(const SuiteOptions& options, const SuiteFolders& folders) {
  std::vector<NamedPath> inputs{{"--model", options.common.model}};
  for (const std::string& library : options.common.libraries)
    inputs.push_back({"--library", library});
  std::vector<std::string_view> files(std::begin(reference_crystals), std::end(reference_crystals));
  for (const SuitePart& part : suite_parts())
    files.insert(files.end(), part.files.begin(), part.files.end());
  for (const std::string_view file : files) {
    if (const auto path = folders.find(file)) inputs.push_back({"--suite", *path});
  }
  check_outputs({{"--json", options.common.json}, {"--report", options.report}}, inputs);
}

/// Throws UsageError where the folders hold nothing that the suite asks about.
void require_some_part(const SuiteFolders& folders) {
  const auto is_there = [&](const SuitePart& part) {
    return !part.files.empty() &&
           std::all_of(part.files.begin(), part.files.end(),
                       [&](std::string_view file) { return folders.find(file).has_value(); });
  };
  if (std::none_of(suite_parts().begin(), suite_parts().end(), is_there))
    throw UsageError(
        fmt::format("--suite {}: holds no data of the suite: neither {} nor any other file of its parts",
                    fmt::join(folders.folders(), ", "), suite_parts().front().files.front()));
}

std::optional<data::PatternSet> references_of(Backend& backend, const SuiteFolders& folders,
                                              SuiteResult& result) {
  std::vector<std::string> paths;
  for (const std::string_view file : reference_crystals) {
    if (const auto path = folders.find(file))
      paths.push_back(*path);
    else
      result.absent_references.emplace_back(file);
  }
  if (paths.empty()) return std::nullopt;
  std::optional<data::PatternSet> references = reference_patterns(backend, paths);
  result.references = references->size();
  return references;
}

}  // namespace

int evaluate_suite(const SuiteOptions& options, const CommonOptions& common) {
  const auto begin = std::chrono::steady_clock::now();
  const LookupOptions& lookup = options.common;
  const SuiteFolders folders(options.folders);
  check_suite_outputs(options, folders);
  require_some_part(folders);
  const auto backend = make_backend(common, lookup.precision);
  // Similarities are computed in the device's own.
  const auto exact = lookup.precision == "fp32" ? nullptr : make_backend(common);
  Identifier identifier(*backend, {.libraries = lookup.libraries,
                                   .built_in = !lookup.no_built_in,
                                   .model = lookup.model,
                                   .with_network = !lookup.no_model,
                                   .cache = {.enabled = !lookup.no_cache},
                                   .threads = common.threads});
  SuiteResult result{.folders = options.folders, .model = identifier.network()};
  result.library_size = identifier.library().size();
  result.library_content = identifier.library().content_hash();
  const std::optional<data::PatternSet> references =
      references_of(exact ? *exact : *backend, folders, result);
  const SuiteTools tools{*backend,     exact ? *exact : *backend,           identifier,
                         lookup.model, references ? &*references : nullptr, common.threads};
  result.parts = run_suite(tools, folders, [](const PartResult& part) {
    fmt::print("{}\n", to_text(part));
    std::fflush(stdout);
  });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.command = command_of(options);
  result.date = minute_of_now();
  result.bragg = name_and_version();
  if (!lookup.json.empty())
    write_file(lookup.json,
               to_json(result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (!options.report.empty()) write_file(options.report, report::suite_page(result));
  fmt::print("{}", to_text(result));
  for (const std::string& file : {lookup.json, options.report}) {
    if (!file.empty()) fmt::print("wrote {}\n", file);
  }
  const auto failed = std::find_if(result.parts.begin(), result.parts.end(),
                                   [](const PartResult& part) { return !part.failed.empty(); });
  if (failed == result.parts.end()) return exit_success;
  fmt::print(stderr, "{} failed: {}\n", failed->part->name, failed->failed);
  return exit_failure;
}

}  // namespace bragg::apps
