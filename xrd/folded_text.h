// Text in whatever encoding and notation, as plain ASCII that a grammar can read.
#pragma once

#include <string>
#include <string_view>

namespace bragg::xrd {

/// Signs of crystallography in UTF-8, Latin-1, LaTeX and CIF notation as ASCII: Angstrom "A", Greek letters
/// by name, degree "deg", superscripts "^-1", subscripts as digits, accents dropped, other blanks as ' '.
/// Unknown signs become '?'. ASCII stays as it is, but for \ $ { } ~.
std::string fold_to_ascii(std::string_view);

std::string lower_case(std::string_view ascii);

}  // namespace bragg::xrd
