// Which blocks of CIF files are imported, by tables that name blocks.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace bragg::data {

/// Tables are text with tabs and a header line, with a column `block`; `source` names them in errors. A block
/// that no table names is taken.
class BlockFilter {
 public:
  /// Leaves out every block that the table names. Throws UsageError where it is no such table.
  void leave_out(std::string_view table, const std::string& source);
  /// Leaves out the blocks that the table names and that have nothing in its `column`. Throws likewise, also
  /// for a table without the column.
  void require(std::string_view table, const std::string& source, const std::string& column);

  bool is_empty() const { return left_out_.empty(); }
  /// `name`: what follows data_, up to the first blank.
  bool takes(std::string_view name) const { return !left_out_.contains(std::string(name)); }

 private:
  std::unordered_set<std::string> left_out_;
};

/// The name of a block by its text: what follows the first data_ at the beginning of a line; empty without
/// one.
std::string_view block_name(std::string_view block);

}  // namespace bragg::data
