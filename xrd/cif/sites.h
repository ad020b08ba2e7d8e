// What the readers of atom sites share: rows, species, displacement parameters.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <vector>

#include "xrd/cif/reader.h"

namespace bragg::xrd {

/// A site as it is read, and what of its text is needed to judge it.
struct CifSite {
  Site site;
  int line = 0;
  std::array<double, 3> last_decimals{};  ///< units of the coordinates' last decimals, where
                                          ///< the occupancy is not 1
  double shift = 0;                       ///< A, to the special position that it is put on
  double parts = 1;                       ///< images of a split atom that meet there
};

/// Species of the columns _atom_site_type_symbol and _atom_site_label, either of which may be absent.
class CifSpecies {
 public:
  CifSpecies(const CifReader&, const CifColumn& type, const CifColumn& label);
  /// Of a row; nothing for a vacancy, which gets a warning. Throws CifError(unknown_species).
  std::optional<Species> read(std::size_t row);

 private:
  std::optional<Species> read_symbol(const CifColumn& source, const CifValue& value, bool is_type);

  const CifReader& reader_;
  const CifColumn &type_, &label_;
  std::optional<std::array<double, 99>> formula_;
  std::set<Species> known_fallbacks_;
  std::set<std::string, std::less<>> told_;  ///< symbols that have their warning
};

/// U_iso, else B_iso, of rows of the site loop; `rows[i]` is of loop row `loop_rows[i]`. B values in a U
/// column are found by their size. Throws CifError(bad_displacement).
void read_isotropic(const CifReader&, std::vector<CifSite>& rows, const std::vector<std::size_t>& loop_rows);
/// U_ij, else B_ij, else beta_ij, by label.
void read_tensors(const CifReader&, const UnitCell&, std::vector<CifSite>& rows);

}  // namespace bragg::xrd
