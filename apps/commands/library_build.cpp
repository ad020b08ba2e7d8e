// bragg library build: crystal sets into one library of structures, cleaned.
#include "data/library/library_build.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "data/crystals/block_filter.h"
#include "data/library/library_writer.h"
#include "data/text_source.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

struct BuildOptions {
  std::vector<std::string> sets, tables, without;
  std::string sources, output, left_out;
};

constexpr std::uintmax_t largest_table = std::uintmax_t{1} << 30;

struct NamedSet {
  std::string path, source;
};

/// "minerals.safetensors:amcsd" is a set of that source; a set without one is its own source.
NamedSet named_set(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text))
    return {text, std::filesystem::path(text).stem().string()};
  if (colon + 1 == text.size()) throw UsageError(fmt::format("{}: expected SET or SET:SOURCE", text));
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string left_out_table(const std::vector<data::LeftOut>& left_out) {
  std::string text = "block\treason\tin_favour_of\n";
  for (const data::LeftOut& row : left_out)
    text += fmt::format("{}\t{}\t{}\n", row.block, row.reason, row.in_favour_of);
  return text;
}

void print_report(const data::LibraryBuildReport& report, const std::string& output) {
  fmt::print(stderr, "{} structures in {}: {} experimental, {} relaxed by DFT\n",
             report.experimental + report.dft, output, report.experimental, report.dft);
  std::map<std::string, std::int64_t> reasons;
  for (const data::LeftOut& row : report.left_out)
    ++reasons[row.reason];
  fmt::print(stderr, "{} left out:\n", report.left_out.size());
  for (const auto& [reason, count] : reasons)
    fmt::print(stderr, "  {:6} {}\n", count, reason);
}

int build(const BuildOptions& options, const CommonOptions& common) {
  std::vector<NamedSet> named;
  std::vector<NamedPath> inputs;
  for (const std::string& text : options.sets) {
    named.push_back(named_set(text));
    inputs.push_back({"SET", named.back().path});
  }
  for (const std::string& table : options.tables)
    inputs.push_back({"--table", table});
  for (const std::string& list : options.without)
    inputs.push_back({"--without", list});
  if (!options.sources.empty()) inputs.push_back({"--sources", options.sources});
  check_outputs({{"-o", options.output}, {"--left-out", options.left_out}}, inputs);

  data::LibraryBuildInput input;
  for (const std::string& table : options.tables)
    input.tables.add(data::read_text_source(table, largest_table), table);
  for (const std::string& list : options.without)
    input.without.leave_out(data::read_text_source(list, largest_table), list);
  if (!options.sources.empty())
    input.rules.emplace(data::read_text_source(options.sources, largest_table), options.sources);
  std::vector<std::unique_ptr<data::CrystalSet>> sets;
  for (const NamedSet& set : named) {
    sets.push_back(std::make_unique<data::CrystalSet>(set.path));
    input.sets.push_back({sets.back().get(), set.source});
  }
  const auto backend = make_backend(common);
  data::LibraryWriter library;
  const data::LibraryBuildReport report = data::build_library(input, *backend, library);
  if (!options.left_out.empty()) write_file(options.left_out, left_out_table(report.left_out));
  if (library.size() == 0)
    throw Error(fmt::format("no structure is left: {} were left out", report.left_out.size()));
  library.write(options.output);
  print_report(report, options.output);
  return exit_success;
}

}  // namespace

void add_library_build(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* command = line.add(
      "build", "Crystal sets into one library: duplicates merged, relaxed cells of measured structures out",
      [options](const CommonOptions& common) { return build(*options, common); }, group);
  command
      ->add_option("SET", options->sets,
                   "sets made by crystals import; SET:SOURCE says whose the crystals are that no table names")
      ->required();
  command->add_option(
      "--table", options->tables,
      "what is known of blocks: columns block and any of kind, known, source, source_id, name, "
      "citation; may be repeated");
  command->add_option(
      "--sources", options->sources,
      "which sources are taken and what they are called: data/library/sources.tsv; without it "
      "all are, under the names that they have");
  command->add_option("--without", options->without, "table whose blocks stay out; may be repeated");
  command->add_option("-o,--output", options->output, "the library")->required();
  command->add_option("--left-out", options->left_out,
                      "table of what stayed out, why, and in favour of what");
}

}  // namespace bragg::apps
