#include "apps/fit/phase_structures.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "data/library/library_names.h"
#include "data/refinement/phase_fit.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/base/utf8.h"
#include "xrd/cif/cif.h"
#include "xrd/scattering/species.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// "SiO2" as libraries write it: reduced, by Hill's order, "O2 Si". Empty where it is no formula of whole numbers.
std::optional<std::string> library_formula(std::string_view text) {
  xrd::Composition count{};
  int divisor = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    if (text[i] < 'A' || text[i] > 'Z') return {};
    while (end < text.size() && text[end] >= 'a' && text[end] <= 'z')
      ++end;
    const auto species = xrd::parse_species(text.substr(i, end - i));
    if (!species || xrd::element_symbol(species->atomic_number) != text.substr(i, end - i)) return {};
    int number = 0;
    for (i = end; i < text.size() && text[i] >= '0' && text[i] <= '9' && number < 10000; ++i)
      number = 10 * number + (text[i] - '0');
    if (i == end) number = 1;
    if (number == 0) return {};
    count[species->atomic_number] += number;
  }
  for (const double n : count)
    divisor = std::gcd(divisor, static_cast<int>(n));
  std::string formula;
  for (const int z : xrd::hill_order(count)) {
    const double number = count[static_cast<std::size_t>(z)] / divisor;
    formula += fmt::format("{}{}{}", formula.empty() ? "" : " ", xrd::element_symbol(z),
                           number == 1 ? "" : fmt::format("{}", number));
  }
  if (formula.empty()) return {};
  return formula;
}

PhaseStructure structure_of(const data::Library& library, std::int64_t i) {
  const data::LibraryEntry entry = library.entry(i);
  return {library.crystal(i), entry.title, entry.formula, entry.source.name, entry.entry};
}

bool is_called(const data::LibraryEntry& entry, const std::string& name,
               const std::optional<std::string>& formula) {
  return lower(entry.title) == name || lower(entry.entry) == name ||
         lower(entry.source.name + " " + entry.entry) == name || lower(entry.formula) == name ||
         (formula && entry.formula == *formula);
}

}  // namespace

bool are_the_same(const NamedPhase& a, const NamedPhase& b) {
  return std::equal(a.structures.begin(), a.structures.end(), b.structures.begin(), b.structures.end(),
                    [](const PhaseStructure& one, const PhaseStructure& other) {
                      return one.entry == other.entry && one.formula == other.formula &&
                             one.crystal.cell.metric() == other.crystal.cell.metric();
                    });
}

bool names_a_cif(const std::string& given) {
  std::error_code none;
  const std::string name = lower(given);
  return fs::is_regular_file(given, none) || name.ends_with(".cif") || name.ends_with(".cif.gz");
}

NamedPhase read_phase(const std::string& cif) {
  NamedPhase phase{.given = cif, .structures = {}, .remarks = {}};
  std::int64_t crystals = 0;
  std::optional<std::string> why;
  xrd::read_cif(cif, {.crystal =
                          [&](xrd::Crystal&& crystal) {
                            if (++crystals > 1) return;
                            const std::string& mineral = crystal.names.mineral;
                            std::string name = !mineral.empty() ? mineral : crystal.names.common;
                            if (name.empty()) name = crystal.name;
                            std::string formula = data::reduced_formula(crystal), block = crystal.name;
                            phase.structures.push_back({std::move(crystal), std::move(name),
                                                        std::move(formula), cif, std::move(block)});
                          },
                      .rejected =
                          [&](const xrd::CifError& error) {
                            if (!why) why = error.what();
                          },
                      .warning =
                          [&](const xrd::CifWarning& warning) {
                            if (crystals == 0)
                              phase.remarks.push_back(fmt::format("{}: {}", warning.file, warning.detail));
                          },
                      .accept_close_hydrogen = true});
  if (crystals == 0) throw Error(why ? *why : fmt::format("{}: no block of it is a crystal", cif));
  if (why) phase.remarks.push_back(fmt::format("{}: a block was left out: {}", cif, *why));
  if (crystals > 1)
    phase.remarks.push_back(fmt::format("{}: {} blocks are crystals, the first ({}) is refined", cif,
                                        crystals, phase.structures.front().entry));
  return phase;
}

NamedPhase find_phase(const std::string& name, const data::JoinedLibrary& libraries) {
  NamedPhase phase{.given = name, .structures = {}, .remarks = {}};
  const std::string small = lower(name);
  const auto formula = library_formula(name);
  std::vector<PhaseStructure> like;
  std::vector<std::string> names;
  for (const auto& library : libraries.libraries()) {
    const data::LibraryNames known(*library);
    const std::vector<std::int64_t> of_words = known.find(name);
    std::vector<std::int64_t> found = of_words;
    const auto add = [&](const std::string& text) {
      const std::vector<std::int64_t> more = known.find(text);
      found.insert(found.end(), more.begin(), more.end());
    };
    if (formula) add(*formula);
    // An entry behind the name of its source.
    if (const std::size_t blank = name.find(' '); blank != std::string::npos) add(name.substr(blank + 1));
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    for (const std::int64_t i : found)
      if (is_called(library->entry(i), small, formula)) phase.structures.push_back(structure_of(*library, i));
    for (const std::int64_t i : of_words)
      like.push_back(structure_of(*library, i));
    names.insert(names.end(), known.names().begin(), known.names().end());
  }
  if (phase.structures.empty()) phase.structures = std::move(like);
  if (phase.structures.empty())
    throw UsageError(fmt::format("--phase {}: no file and no structure of the libraries is called so{}",
                                 printable(name), suggestion(name, names)));
  if (phase.structures.size() > data::most_tried_structures) {
    phase.remarks.push_back(
        fmt::format("{}: {} structures are called so, the first {} are tried; an entry names one", name,
                    phase.structures.size(), data::most_tried_structures));
    phase.structures.resize(data::most_tried_structures);
  }
  return phase;
}

}  // namespace bragg::apps
