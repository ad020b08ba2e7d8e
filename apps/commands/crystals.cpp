// bragg crystals import | info; generate, split and hold-out are in files of their own
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "data/crystals/crystal_import.h"
#include "data/crystals/crystal_set.h"
#include "data/text_source.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_search.h"

namespace bragg::apps {
namespace {

// ---- import ----

struct ImportOptions {
  std::vector<std::string> paths, leave_out, require;
  std::string output, rejected;
  bool keep_declared_symmetry = false;
};

void print_summary(const data::ImportReport& report, std::int64_t imported, const std::string& output) {
  fmt::print(stderr, "{} crystals imported into {}\n", imported, output);
  std::map<std::string_view, std::int64_t> reasons;
  for (const xrd::CifError& error : report.rejected)
    ++reasons[xrd::name_of(error.fault)];
  if (!report.rejected.empty()) fmt::print(stderr, "{} blocks or files rejected:\n", report.rejected.size());
  for (const auto& [reason, count] : reasons)
    fmt::print(stderr, "  {:6} {}\n", count, reason);
  if (report.without_crystal > 0)
    fmt::print(stderr, "{} blocks hold no crystal (no cell, symmetry or atoms)\n", report.without_crystal);
  if (report.left_out > 0)
    fmt::print(stderr, "{} blocks left out by --leave-out and --require\n", report.left_out);
  if (report.more_symmetric > 0) {
    fmt::print(stderr,
               "{} crystals have more symmetry than declared (within {} A) and are stored with it: {} with "
               "another space group, {} declared P1\n",
               report.more_symmetric, xrd::symmetry_tolerance, report.other_number, report.more_from_p1);
  }
  if (report.search_given_up > 0) {
    fmt::print(stderr, "{} crystals keep their declared symmetry: too large to search\n",
               report.search_given_up);
  }
  constexpr std::size_t shown = 3;
  if (!report.warnings.empty()) fmt::print(stderr, "{} warnings\n", report.warnings.size());
  for (std::size_t i = 0; i < std::min(shown, report.warnings.size()); ++i) {
    const xrd::CifWarning& warning = report.warnings[i];
    fmt::print(stderr, "  {}:{} ({}): {}\n", warning.file, warning.line, warning.block, warning.detail);
  }
  if (report.warnings.size() > shown) fmt::print(stderr, "  and {} more\n", report.warnings.size() - shown);
}

/// What --leave-out and --require say.
data::BlockFilter filter_of(const ImportOptions& options) {
  constexpr std::uintmax_t largest_table = std::uintmax_t{1} << 30;
  data::BlockFilter filter;
  for (const std::string& table : options.leave_out)
    filter.leave_out(data::read_text_source(table, largest_table), table);
  for (const std::string& text : options.require) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size())
      throw UsageError(fmt::format("--require {}: expected TABLE:COLUMN", text));
    const std::string table = text.substr(0, colon);
    filter.require(data::read_text_source(table, largest_table), table, text.substr(colon + 1));
  }
  return filter;
}

int import(const ImportOptions& options, const CommonOptions& common) {
  if (!options.output.ends_with(".safetensors")) {
    throw UsageError(fmt::format("-o {}: the name of a set ends in .safetensors", options.output));
  }
  std::vector<NamedPath> inputs;
  for (const std::string& path : options.paths)
    inputs.push_back({"PATH", path});
  check_outputs({{"-o", options.output}, {"--rejected", options.rejected}}, inputs);
  const data::BlockFilter filter = filter_of(options);
  ThreadPool pool(common.threads);
  data::CrystalSetWriter set;
  const data::ImportReport report = data::import_crystals(
      {options.paths.begin(), options.paths.end()}, pool, set, {},
      options.keep_declared_symmetry ? data::Symmetry::declared : data::Symmetry::found, filter);
  if (!options.rejected.empty()) write_file(options.rejected, data::rejected_table(report.rejected));
  if (set.size() == 0) {
    for (std::size_t i = 0; i < std::min<std::size_t>(report.rejected.size(), 3); ++i) {
      fmt::print(stderr, "  {}\n", report.rejected[i].what());
    }
    throw Error(fmt::format(
        "nothing could be imported: {} blocks or files rejected, {} blocks without cell, symmetry or atoms",
        report.rejected.size(), report.without_crystal));
  }
  set.write(options.output);
  print_summary(report, set.size(), options.output);
  return exit_success;
}

// ---- info ----

struct InfoOptions {
  std::string set;
  bool json = false, table = false;
};

/// At most three decimals, none where they are zeros.
std::string three_decimals(double value) {
  return fmt::format("{}", std::round(value * 1000) / 1000);
}

void print_table(const data::CrystalSet& set) {
  fmt::print(
      "name\tspace_group\thm\tcrystal_system\tatoms_per_cell\tvolume\tformula\tspace_group_declared\t"
      "mineral\ttitle\n");
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const xrd::Crystal crystal = set.crystal(i);
    fmt::print("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", crystal.name, crystal.group.number,
               crystal.group.hm, xrd::name_of(xrd::crystal_system(crystal.group.number)),
               three_decimals(crystal.atoms_per_cell()), three_decimals(crystal.cell.volume()),
               crystal.formula(), crystal.declared_number(), crystal.names.mineral, crystal.names.title());
  }
}

struct Range {
  double least = 0, median = 0, greatest = 0;

  explicit Range(std::vector<double> values) {
    if (values.empty()) return;
    std::sort(values.begin(), values.end());
    least = values.front();
    median = values[values.size() / 2];
    greatest = values.back();
  }
};

struct Summary {
  std::array<std::int64_t, xrd::crystal_system_count> systems{};
  std::map<int, std::int64_t> groups;            ///< by number
  std::map<std::string, std::int64_t> elements;  ///< crystals that hold the element
  std::int64_t with_partial_occupancy = 0, with_displacements = 0;
  std::vector<double> atoms, volume;
};

Summary summarize(const data::CrystalSet& set) {
  Summary summary;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const xrd::Crystal crystal = set.crystal(i);
    ++summary.systems[static_cast<std::size_t>(xrd::crystal_system(crystal.group.number))];
    ++summary.groups[crystal.group.number];
    std::set<int> elements;
    bool partial = false, displaced = false;
    for (const xrd::Site& site : crystal.sites) {
      elements.insert(site.species.atomic_number);
      partial = partial || site.occupancy < 1;
      displaced = displaced || site.u_iso != 0 || site.u_aniso;
    }
    for (const int element : elements)
      ++summary.elements[std::string(xrd::element_symbol(element))];
    summary.with_partial_occupancy += partial;
    summary.with_displacements += displaced;
    summary.atoms.push_back(crystal.atoms_per_cell());
    summary.volume.push_back(crystal.cell.volume());
  }
  return summary;
}

void print_json(const data::CrystalSet& set, const Summary& summary) {
  using nlohmann::ordered_json;
  const auto range = [](const std::vector<double>& values) {
    const Range r(values);
    return ordered_json{{"min", r.least}, {"median", r.median}, {"max", r.greatest}};
  };
  ordered_json systems = ordered_json::object(), groups = ordered_json::object(),
               elements = ordered_json::object();
  for (int s = 0; s < xrd::crystal_system_count; ++s) {
    systems[std::string(xrd::name_of(static_cast<xrd::CrystalSystem>(s)))] = summary.systems[s];
  }
  for (const auto& [number, count] : summary.groups)
    groups[std::to_string(number)] = count;
  for (const auto& [symbol, count] : summary.elements)
    elements[symbol] = count;
  const ordered_json out{{"crystals", set.size()},
                         {"content_hash", set.content_hash()},
                         {"crystal_systems", systems},
                         {"space_groups", groups},
                         {"elements", elements},
                         {"with_partial_occupancy", summary.with_partial_occupancy},
                         {"with_displacements", summary.with_displacements},
                         {"atoms_per_cell", range(summary.atoms)},
                         {"volume", range(summary.volume)}};
  fmt::print("{}\n", out.dump());
}

void print_text(const data::CrystalSet& set, const Summary& summary) {
  fmt::print("{}: {} crystals, {} space groups, content {}\n", set.path().string(), set.size(),
             summary.groups.size(), set.content_hash());
  for (int s = 0; s < xrd::crystal_system_count; ++s) {
    fmt::print("  {:12} {:8}\n", xrd::name_of(static_cast<xrd::CrystalSystem>(s)), summary.systems[s]);
  }
  const Range atoms(summary.atoms), volume(summary.volume);
  fmt::print("atoms per cell {:.6g} .. {:.6g}, median {:.6g}\n", atoms.least, atoms.greatest, atoms.median);
  fmt::print("cell volume {:.6g} .. {:.6g} A^3, median {:.6g}\n", volume.least, volume.greatest,
             volume.median);
  fmt::print("with partial occupancies {}, with displacement parameters {}\n", summary.with_partial_occupancy,
             summary.with_displacements);
  std::vector<std::pair<std::string, std::int64_t>> elements(summary.elements.begin(),
                                                             summary.elements.end());
  std::stable_sort(elements.begin(), elements.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  fmt::print("{} elements:", elements.size());
  for (const auto& [symbol, count] : elements)
    fmt::print(" {} {}", symbol, count);
  fmt::print("\n");
}

int info(const InfoOptions& options) {
  const data::CrystalSet set(options.set);
  if (options.table) {
    print_table(set);
  } else if (options.json) {
    print_json(set, summarize(set));
  } else {
    print_text(set, summarize(set));
  }
  return exit_success;
}

}  // namespace

void add_crystals(CommandLine& line) {
  CLI::App* group = line.add_group("crystals", "Sets of crystals from CIF files");

  auto import_options = std::make_shared<ImportOptions>();
  CLI::App* import_command = line.add(
      "import", "CIF files and folders into one set; invalid blocks are reported and skipped",
      [import_options](const CommonOptions& common) { return import(*import_options, common); }, group);
  import_command->add_option("PATH", import_options->paths, "CIF files (plain or .gz), or folders of them")
      ->required();
  import_command->add_option("-o,--output", import_options->output, "the set: a .safetensors file")
      ->required();
  import_command->add_option("--rejected", import_options->rejected,
                             "table of what was refused and why (.tsv)");
  import_command
      ->add_option("--leave-out", import_options->leave_out,
                   "table (tabs, a header line, also .gz): the blocks in its column `block` are left out")
      ->allow_extra_args(false);
  import_command
      ->add_option(
          "--require", import_options->require,
          "TABLE:COLUMN: of the blocks that the table names, only those with something in the column")
      ->allow_extra_args(false);
  import_command->add_flag("--keep-declared-symmetry", import_options->keep_declared_symmetry,
                           "the symmetry that a file declares, without a look at what its atoms have");

  auto info_options = std::make_shared<InfoOptions>();
  CLI::App* info_command = line.add(
      "info", "What a set holds", [info_options](const CommonOptions&) { return info(*info_options); },
      group);
  info_command->add_option("SET", info_options->set, "a set made by import")->required();
  CLI::Option* json = info_command->add_flag("--json", info_options->json, "the summary as one JSON object");
  info_command->add_flag("--table", info_options->table, "a line per crystal, tab-separated")->excludes(json);

  add_crystals_generate(line, group);
  add_crystals_split(line, group);
  add_crystals_hold_out(line, group);
}

}  // namespace bragg::apps
