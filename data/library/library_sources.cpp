#include "data/library/library_sources.h"

#include <span>

#include <fmt/format.h>

#include "data/text_table.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

StructureKind kind_of(const std::string& word) {
  return word == "dft" ? StructureKind::dft : StructureKind::experimental;
}

/// The position of a word in a list, or an error that names both.
std::size_t one_of(const std::string& word, std::span<const std::string_view> words,
                   const std::string& where) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return i;
  throw UsageError(fmt::format("{}: '{}' is none of {}", where, word, fmt::join(words, ", ")));
}

}  // namespace

void BlockTables::add(std::string_view table, const std::string& file) {
  const std::string_view header = table.substr(0, table.find('\n'));
  const auto has = [&](std::string_view column) { return header.find(column) != std::string_view::npos; };
  const bool says_kind = has("\tkind"), says_known = has("\tknown");
  const auto fill = [](std::string& text, const std::string& cell) {
    if (text.empty()) text = cell;
  };
  for_rows(table, file, {{"block"}, {"kind", "known", "source", "source_id", "name", "citation", "title"}},
           [&](std::size_t, std::span<const std::string> cells) {
             BlockFacts& facts = facts_[cells[0]];
             fill(facts.source, cells[3]);
             fill(facts.entry, cells[4]);
             fill(facts.name, cells[5]);
             fill(facts.citation, cells[6]);
             fill(facts.title, cells[7]);
             if (says_kind) facts.kind = kind_of(cells[1]);
             if (says_known)
               facts.is_measured_or_known = facts.kind == StructureKind::experimental || !cells[2].empty();
           });
}

const BlockFacts* BlockTables::find(const std::string& block) const {
  const auto found = facts_.find(block);
  return found == facts_.end() ? nullptr : &found->second;
}

SourceRules::SourceRules(std::string_view table, const std::string& file) {
  static constexpr std::array<std::string_view, 2> yes_no{"yes", "no"};
  static constexpr std::array<std::string_view, 4> tiers{"published", "compiled", "tests", "adapted"};
  static constexpr std::array<std::string_view, 3> kinds{"", "experimental", "dft"};
  for_rows(
      table, file,
      {{"source", "entries", "take", "tier", "kind", "entry", "parent", "name", "licence_class", "terms"}},
      [&](std::size_t line, std::span<const std::string> cells) {
        const std::string where = fmt::format("{}:{}", file, line);
        SourceRule rule{.source = cells[0],
                        .entries = cells[1],
                        .kind = {},
                        .entry = cells[5],
                        .parent = cells[6],
                        .shown = {cells[7], cells[8], cells[9]}};
        rule.is_taken = one_of(cells[2], yes_no, where) == 0;
        rule.tier = static_cast<SourceTier>(one_of(cells[3], tiers, where));
        if (const std::size_t kind = one_of(cells[4], kinds, where); kind > 0)
          rule.kind = kind_of(std::string(kinds[kind]));
        try {
          expressions_.emplace_back(rule.entries.empty() ? ".*" : rule.entries);
        } catch (const std::regex_error& error) {
          throw UsageError(fmt::format("{}: entries '{}': {}", where, rule.entries, error.what()));
        }
        rules_.push_back(std::move(rule));
      });
}

const SourceRule* SourceRules::find(const std::string& source, const std::string& entry) const {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (rules_[i].source == source && (rules_[i].entries.empty() || std::regex_match(entry, expressions_[i])))
      return &rules_[i];
  return nullptr;
}

std::string SourceRules::replaced(const SourceRule& rule, const std::string& entry,
                                  const std::string& format) const {
  return std::regex_replace(entry, expressions_[static_cast<std::size_t>(&rule - rules_.data())], format,
                            std::regex_constants::format_first_only);
}

std::string SourceRules::entry_text(const SourceRule& rule, const std::string& entry) const {
  return rule.entry.empty() ? entry : replaced(rule, entry, rule.entry);
}

std::string SourceRules::parent_block(const SourceRule& rule, const std::string& entry) const {
  return rule.parent.empty() ? "" : replaced(rule, entry, rule.parent);
}

}  // namespace bragg::data
