// Whose structures a library may hold, and what is known of each block: tables that are read when one is
// built.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/library/library.h"

namespace bragg::data {

/// What a table says of a block of a CIF; texts are empty where it says nothing.
struct BlockFacts {
  std::string source, entry, name, citation;
  std::string title;  ///< its name, whatever it is called elsewhere
  StructureKind kind = StructureKind::experimental;
  bool is_measured_or_known =
      true;  ///< false: a DFT structure whose composition and space group nobody found
};

/// Tables with a column `block`, and of `kind` (dft: relaxed; anything else: experimental), `known`,
/// `source`, `source_id`, `name`, `citation` and `title` those that they have. Without `known` all are.
class BlockTables {
 public:
  /// Throws UsageError naming `file` where it has no column `block`. A text that an earlier table gives of a
  /// block stays.
  void add(std::string_view table, const std::string& file);
  const BlockFacts* find(const std::string& block) const;

 private:
  std::unordered_map<std::string, BlockFacts> facts_;
};

/// How well a structure is known, the better first: from a publication or a database of them; compiled by
/// hand; among the test files of a program; adapted from a relaxed cell.
enum class SourceTier { published, compiled, tests, adapted };

/// A source of structures as its row says.
struct SourceRule {
  std::string source;   ///< as in BlockFacts::source
  std::string entries;  ///< regular expression for the whole entry; which it holds for
  bool is_taken = false;
  SourceTier tier = SourceTier::published;
  std::optional<StructureKind> kind;  ///< where the tables say otherwise
  std::string entry;                  ///< what the entry is called, with $1 ... of `entries`; empty: as it is
  std::string parent;                 ///< the block that an adapted structure is made from, likewise
  LibrarySource shown;
};

/// The rows of data/library/sources.tsv: source, entries, take (yes or no), tier, kind, entry, parent, name,
/// licence_class, terms. Of several rows of a source the first that the entry fits counts.
class SourceRules {
 public:
  /// Throws UsageError naming `file` and line: a missing column, an unknown word, a bad expression.
  SourceRules(std::string_view table, const std::string& file);
  /// nullptr: the source is none of them, or the entry fits no row.
  const SourceRule* find(const std::string& source, const std::string& entry) const;
  /// The entry as the rule calls it; the block of its parent, empty where the rule names none.
  std::string entry_text(const SourceRule&, const std::string& entry) const;
  std::string parent_block(const SourceRule&, const std::string& entry) const;
  const std::vector<SourceRule>& rules() const { return rules_; }

 private:
  std::string replaced(const SourceRule&, const std::string& entry, const std::string& format) const;

  std::vector<SourceRule> rules_;
  std::vector<std::regex> expressions_;  ///< by rule
};

}  // namespace bragg::data
