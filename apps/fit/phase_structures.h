// The phases that a user names, as the structures that they may be.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/library/joined_library.h"
#include "xrd/crystal.h"

namespace bragg::apps {

struct PhaseStructure {
  xrd::Crystal crystal;
  std::string name, formula;  ///< name: mineral or common name, else the CIF's block
  std::string source, entry;  ///< "AMCSD", "AMCSD 0000098"; of a CIF the file and its block
};

/// What --phase names.
struct NamedPhase {
  std::string given;
  std::vector<PhaseStructure> structures;          ///< at least one
  std::vector<std::string> remarks;                ///< what is to be said whichever of them it is
  std::optional<std::array<int, 3>> march_axis{};  ///< as data::PhaseToFit has it
};

/// Whether both are the same structures, by entry, formula and cell, whatever they were called.
bool are_the_same(const NamedPhase&, const NamedPhase&);

/// Whether --phase names a file: there is one, or the name ends as those of CIFs do.
bool names_a_cif(const std::string& given);

/// The first block of a CIF that is a crystal. Throws Error naming the file where none is.
NamedPhase read_phase(const std::string& cif);

/// Structures of the libraries by name, formula ("SiO2", "O2 Si") or entry ("AMCSD 0000098", with or without its source),
/// letter case aside: those that are called just so, else those whose names have all of its words, at most
/// data::most_tried_structures. Throws UsageError where there are none.
NamedPhase find_phase(const std::string& name, const data::JoinedLibrary&);

}  // namespace bragg::apps
