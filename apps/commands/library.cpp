// bragg library show; build is in a file of its own
#include "data/library/library.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "data/library/built_in_library.h"
#include "data/library/library_names.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"

namespace bragg::apps {
namespace {

struct ShowOptions {
  std::string library, name;
  bool table = false;
};

constexpr const char* table_header =
    "title\tformula\tspace_group\thm\ta\tb\tc\talpha\tbeta\tgamma\tkind\tsource\tentry\tcitation\n";

void print_row(const data::Library& library, std::int64_t i) {
  const data::LibraryEntry entry = library.entry(i);
  const xrd::Crystal crystal = library.crystal(i);
  const xrd::UnitCell& cell = crystal.cell;
  fmt::print("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", entry.title, entry.formula,
             crystal.group.number, crystal.group.hm, cell.a, cell.b, cell.c, cell.alpha, cell.beta,
             cell.gamma, name_of(entry.kind), entry.source.name, entry.entry, entry.citation);
}

void print_named(const data::Library& library, const std::string& name) {
  const data::LibraryNames names(library);
  const std::vector<std::int64_t> found = names.find(name);
  if (found.empty()) {
    throw UsageError(fmt::format("{}: no structure is called {}{}", library.name(), name,
                                 suggestion(name, names.names())));
  }
  fmt::print("{}", table_header);
  for (const std::int64_t i : found)
    print_row(library, i);
}

void print_summary(const data::Library& library) {
  std::map<std::string, std::int64_t> of_source;
  std::int64_t relaxed = 0, named = 0;
  for (std::int64_t i = 0; i < library.size(); ++i) {
    const data::LibraryEntry entry = library.entry(i);
    ++of_source[entry.source.name];
    relaxed += entry.kind == data::StructureKind::dft;
    named += !entry.name.empty();
  }
  fmt::print("{}: {} structures, content {}\n", library.name(), library.size(), library.content_hash());
  fmt::print("{} experimental, {} relaxed by DFT; {} have a name\n", library.size() - relaxed, relaxed,
             named);
  for (const data::LibrarySource& source : library.sources())
    fmt::print("  {:8} {} ({}: {})\n", of_source[source.name], source.name, source.licence_class,
               source.terms);
}

std::shared_ptr<const data::Library> shown_library(const std::string& path) {
  if (!path.empty()) return std::make_shared<const data::Library>(std::filesystem::path(path));
  auto library = data::built_in_library();
  if (!library) throw UsageError("this bragg was built without a library: --library FILE names one");
  return library;
}

int show(const ShowOptions& options) {
  const auto shown = shown_library(options.library);
  const data::Library& library = *shown;
  if (!options.name.empty()) {
    print_named(library, options.name);
  } else if (options.table) {
    fmt::print("{}", table_header);
    for (std::int64_t i = 0; i < library.size(); ++i)
      print_row(library, i);
  } else {
    print_summary(library);
  }
  return exit_success;
}

}  // namespace

void add_library(CommandLine& line) {
  CLI::App* group =
      line.add_group("library", "Libraries of known structures, to look up measured patterns in");
  add_library_build(line, group);

  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = line.add(
      "show", "What a library holds, or the structures of one name",
      [options](const CommonOptions&) { return show(*options); }, group);
  CLI::Option* name =
      command->add_option("NAME", options->name, "name, formula (\"O2 Si\" as shown) or entry of structures");
  command->add_option("--library", options->library, "a library made by build, in place of the built-in one");
  command->add_flag("--table", options->table, "one line a structure, tab-separated")->excludes(name);
}

}  // namespace bragg::apps
