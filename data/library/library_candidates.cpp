#include "data/library/library_candidates.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>

namespace bragg::data {
namespace {

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}

char to_small(char c) {
  return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
/// Whatever is beyond ASCII is part of one.
bool is_letter(char c) {
  return is_capital(c) || is_small(c) || static_cast<unsigned char>(c) >= 0x80;
}
/// "PLAGIOCLASE", not a formula or an abbreviation.
bool is_shouted(std::string_view word) {
  return word.size() >= 5 && std::all_of(word.begin(), word.end(), is_capital);
}

/// Rotations, each once.
int point_group_order(const xrd::SpaceGroupSetting& group) {
  std::set<std::array<std::int8_t, 9>> rotations;
  for (const SymmetryOperator& op : group.operators)
    rotations.insert(op.rotation);
  return static_cast<int>(rotations.size());
}

std::string first_name(const xrd::Crystal& crystal, const BlockFacts& facts) {
  if (!facts.title.empty()) return facts.title;
  for (const std::string& name : {crystal.names.mineral, crystal.names.common, facts.name}) {
    std::string tidy = name == facts.entry || name == crystal.name ? "" : tidy_name(name);
    if (!tidy.empty()) return tidy;
  }
  return {};
}

/// What is taken from a set, or why it is not.
class Selection {
 public:
  Selection(const BlockTables& tables, const SourceRules* rules, const BlockFilter& without)
      : tables_(tables), rules_(rules), without_(without) {}

  std::optional<LibraryCandidate> take(xrd::Crystal crystal, const std::string& set_source,
                                       std::string& why) const {
    const BlockFacts* stated = tables_.find(crystal.name);
    BlockFacts facts = stated ? *stated : BlockFacts{};
    if (facts.source.empty()) facts.source = set_source;
    if (facts.entry.empty() && stated) facts.entry = crystal.names.database_code;
    if (facts.entry.empty()) facts.entry = crystal.name;
    if (!without_.takes(crystal.name)) return refuse(why, "on the list of what stays out");
    if (!facts.is_measured_or_known) return refuse(why, "calculated, of unknown composition and space group");
    LibraryCandidate out;
    out.entry.kind = facts.kind;
    out.entry.entry = facts.entry;
    out.entry.source = {facts.source, "", ""};
    if (rules_) {
      const SourceRule* rule = rules_->find(facts.source, facts.entry);
      if (!rule || !rule->is_taken)
        return refuse(why, fmt::format("source {}{}", facts.source, rule ? "" : " is not listed"));
      if (const std::string parent = rules_->parent_block(*rule, facts.entry); !parent.empty()) {
        const BlockFacts* known = tables_.find(parent);
        if (!known || !known->is_measured_or_known)
          return refuse(why, "adapted from a calculated structure of unknown composition and space group");
      }
      out.entry.source = rule->shown;
      out.entry.entry = rules_->entry_text(*rule, facts.entry);
      out.entry.kind = rule->kind.value_or(facts.kind);
      out.tier = rule->tier;
    }
    out.entry.name = first_name(crystal, facts);
    // A name that is no mineral's is a common one, also where a table alone says it.
    if (tidy_name(crystal.names.mineral).empty()) crystal.names.mineral.clear();
    out.entry.citation = !crystal.names.citation.empty() ? crystal.names.citation : facts.citation;
    out.crystal = std::move(crystal);
    return out;
  }

 private:
  static std::nullopt_t refuse(std::string& why, std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  }

  const BlockTables& tables_;
  const SourceRules* rules_;
  const BlockFilter& without_;
};

void describe(LibraryCandidate& candidate) {
  const xrd::Crystal& crystal = candidate.crystal;
  candidate.key = structure_key(crystal);
  candidate.symmetry = point_group_order(crystal.group);
  for (const xrd::Site& site : crystal.sites) {
    candidate.has_hydrogen = candidate.has_hydrogen || site.species.atomic_number == 1;
    candidate.has_displacements = candidate.has_displacements || site.u_iso > 0 || site.u_aniso;
  }
}

/// Lines of all, in portions: the backend takes crystals that lie one after the other.
void add_lines(std::vector<LibraryCandidate>& candidates, Backend& backend) {
  constexpr std::size_t portion = 2048;
  for (std::size_t first = 0; first < candidates.size(); first += portion) {
    const std::size_t count = std::min(portion, candidates.size() - first);
    std::vector<xrd::Crystal> crystals;
    for (std::size_t i = 0; i < count; ++i)
      crystals.push_back(candidates[first + i].crystal);
    std::vector<StructureLines> lines = structure_lines(backend, crystals);
    for (std::size_t i = 0; i < count; ++i)
      candidates[first + i].lines = std::move(lines[i]);
  }
}

}  // namespace

std::string tidy_name(std::string_view name) {
  if (name.starts_with('<')) return {};
  std::string text;
  int small_before = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool blank = c == '_' || c == ' ';
    // "TridymiteLow" is two words, "CaSO4" is none.
    const bool next_word = is_capital(c) && small_before >= 4 && i + 1 < name.size() && is_small(name[i + 1]);
    small_before = is_small(c) ? small_before + 1 : 0;
    if ((blank || next_word) && !text.empty() && text.back() != ' ') text += ' ';
    if (!blank) text += next_word ? to_small(c) : c;
  }
  while (text.ends_with(' '))
    text.pop_back();
  const auto letters = std::count_if(text.begin(), text.end(), is_letter);
  if (letters < 2) return {};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (is_shouted(std::string_view(text).substr(begin, end - begin)))
      std::transform(text.begin() + static_cast<std::ptrdiff_t>(begin + (begin == 0)),
                     text.begin() + static_cast<std::ptrdiff_t>(end),
                     text.begin() + static_cast<std::ptrdiff_t>(begin + (begin == 0)), to_small);
    begin = end + 1;
  }
  return text;
}

std::vector<LibraryCandidate> library_candidates(const std::vector<LibraryInput>& inputs,
                                                 const BlockTables& tables, const SourceRules* rules,
                                                 const BlockFilter& without, Backend& backend,
                                                 std::vector<LeftOut>& left_out) {
  const Selection selection(tables, rules, without);
  std::vector<LibraryCandidate> candidates;
  for (const LibraryInput& input : inputs) {
    for (std::int64_t i = 0; i < input.set->size(); ++i) {
      std::string why;
      if (auto candidate = selection.take(input.set->crystal(i), input.source, why)) {
        describe(*candidate);
        candidates.push_back(std::move(*candidate));
      } else {
        left_out.push_back({input.set->name(i), why, ""});
      }
    }
  }
  add_lines(candidates, backend);
  const auto has_no_line = [&](const LibraryCandidate& candidate) {
    if (!candidate.lines.position.empty()) return false;
    left_out.push_back({candidate.crystal.name, "no line between 1.25 and 25 A", ""});
    return true;
  };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), has_no_line), candidates.end());
  return candidates;
}

}  // namespace bragg::data
