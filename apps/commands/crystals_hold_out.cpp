// bragg crystals hold-out: the list of what is held out for good, once, before anything is learnt.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "apps/version.h"
#include "data/crystals/crystal_set.h"
#include "data/held_out_list.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

struct Options {
  std::vector<std::string> minerals, others;
  std::string output, note;
  data::HeldOutShares shares;
};

struct Sets {
  std::vector<data::CrystalSet> sets;
  std::vector<const data::CrystalSet*> all;

  explicit Sets(const std::vector<std::string>& paths) {
    for (const std::string& path : paths)
      sets.emplace_back(path);
    for (const data::CrystalSet& set : sets)
      all.push_back(&set);
  }
};

/// How the list was made, so that it can be made again.
std::string comment_of(const Options& options, const Sets& minerals, const Sets& others,
                       const data::HeldOutList& list) {
  std::string text = fmt::format(
      "Crystals that no training draws, for good: names of minerals, structures (space group, thousandths "
      "of\nthe atoms without hydrogen, A^3 of cell an atom) and structure types. Never to be changed.\n"
      "bragg {}: crystals hold-out --names {} --types {} --seed {}, of the sets (content)\n",
      version(), options.shares.minerals, options.shares.types, options.shares.seed);
  const auto add = [&](const char* kind, const Sets& sets) {
    for (const data::CrystalSet* set : sets.all) {
      text += fmt::format("  {} {}: {} crystals, {}\n", kind, as_utf8(set->path().filename().string()),
                          set->size(), set->content_hash());
    }
  };
  add("minerals", minerals);
  add("others", others);
  text += fmt::format("{} names, {} structures, {} types", list.names.size(), list.structures.size(),
                      list.types.size());
  if (!options.note.empty()) text += '\n' + as_utf8(options.note);
  return text;
}

int hold_out(const Options& options) {
  std::vector<NamedPath> inputs;
  for (const auto& [flag, paths] :
       {std::pair("--minerals", options.minerals), {"--others", options.others}}) {
    for (const std::string& path : paths)
      inputs.push_back({flag, path});
  }
  check_outputs({{"-o", options.output}}, inputs);
  std::error_code none;
  if (std::filesystem::exists(options.output, none))
    throw UsageError(
        fmt::format("-o {}: is there already; a list of what is held out never changes", options.output));
  const Sets minerals(options.minerals), others(options.others);
  const data::HeldOutList list = data::make_held_out_list(data::crystals_of(minerals.all),
                                                          data::crystals_of(others.all), options.shares);
  write_file(options.output, data::to_text(list, comment_of(options, minerals, others, list)));
  fmt::print(stderr, "{}: {} names of minerals, {} structures, {} structure types\n", options.output,
             list.names.size(), list.structures.size(), list.types.size());
  return exit_success;
}

}  // namespace

void add_crystals_hold_out(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "hold-out", "The list of crystals that are held out for good: what `crystals split --list` goes by",
      [options](const CommonOptions&) { return hold_out(*options); }, group);
  command->add_option("--minerals", options->minerals, "sets of minerals, drawn by name")->required();
  command->add_option("--others", options->others, "sets of other crystals, drawn by structure type");
  command->add_option("--names", options->shares.minerals, "share of the minerals' names that is held out")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option(
          "--types", options->shares.types,
          "share of the other crystals that is held out, by whole structure types that no mineral has")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", options->shares.seed, "decides which");
  command->add_option("--note", options->note, "stands in the list's first lines: sources, licences");
  command->add_option("-o,--output", options->output, "the list, a text; one that is there is not replaced")
      ->required();
}

}  // namespace bragg::apps
