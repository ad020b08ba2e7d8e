// What the readers of a block's parts share: look-up of tags, refusals and warnings with file, block and
// line.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/cif/cif.h"
#include "xrd/cif/grammar.h"

namespace bragg::xrd {

/// A column of a loop, or a tag outside of loops as a column of one row.
struct CifColumn {
  const CifLoop* loop = nullptr;  ///< null: `item` holds the only value
  std::size_t index = 0;
  const CifItem* item = nullptr;

  explicit operator bool() const { return loop || item; }
  std::string_view tag() const { return loop ? loop->tags[index] : item->tag; }
  std::size_t rows() const { return loop ? loop->rows() : 1; }
  const CifValue& operator[](std::size_t row) const { return loop ? loop->at(row, index) : item->value; }
};

class CifReader {
 public:
  CifReader(const CifBlock& block, const std::string& file, const CifHandlers& handlers)
      : block_(block), file_(file), handlers_(handlers) {}

  /// The column of the first of these tags that the block has. Throws where one is there twice with different
  /// values.
  CifColumn find(std::initializer_list<std::string_view> tags) const;
  /// The value outside of loops, or in the first row of one; null where absent, `?` or `.`.
  const CifValue* value(std::initializer_list<std::string_view> tags, std::string_view* tag = nullptr) const;
  /// The same for a tag on which no crystal depends: the first one where it is there twice.
  const CifValue* any_value(std::string_view tag) const;
  /// A number of a column. Throws `fault` naming tag and value.
  double number(const CifColumn&, std::size_t row, CifFault fault) const;

  [[noreturn]] void fail(CifFault fault, int line, std::string detail) const;
  void warn(int line, std::string detail) const;

  const CifBlock& block() const { return block_; }
  bool accepts_close_hydrogen() const { return handlers_.accept_close_hydrogen; }

 private:
  const CifBlock& block_;
  const std::string& file_;
  const CifHandlers& handlers_;
  mutable std::set<std::string> told_;  ///< repeated tags that have their warning
};

/// The names that a block gives its crystal, see CrystalNames.
CrystalNames read_names(const CifReader&);

/// Throws CifError for a block that is not as it should be. cif_crystal.cpp; the parts: cif_symmetry.cpp,
/// cif_sites.cpp.
Crystal read_crystal(const CifReader&);
UnitCell read_cell(const CifReader&);
/// Also brings the cell to the group's metric where it is off within the tolerances.
SpaceGroupSetting read_symmetry(const CifReader&, UnitCell& cell);
std::vector<Site> read_sites(const CifReader&, const UnitCell&, const SpaceGroupSetting&);

}  // namespace bragg::xrd
