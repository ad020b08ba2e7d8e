// The tensors of a crystal set that hold xrd::CrystalNames.
#pragma once

#include <array>
#include <string>

#include "xrd/crystal.h"

namespace bragg::data {

struct NameColumn {
  const char* tensor;
  std::string xrd::CrystalNames::*name;
};
inline constexpr std::array<NameColumn, 5> name_columns{{{"mineral", &xrd::CrystalNames::mineral},
                                                         {"common_name", &xrd::CrystalNames::common},
                                                         {"systematic_name", &xrd::CrystalNames::systematic},
                                                         {"database_code", &xrd::CrystalNames::database_code},
                                                         {"citation", &xrd::CrystalNames::citation}}};

}  // namespace bragg::data
