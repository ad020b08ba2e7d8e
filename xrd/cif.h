// CIF -> Crystal. gemmi parses the grammar; what the tags mean, and every check, is ours.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/error.h"
#include "xrd/crystal.h"

namespace bragg::xrd {

/// Why a block was refused. The names stand in rejected tables and in import summaries.
enum class CifFault {
  unreadable_file,  ///< no such file, binary, UTF-16, empty, broken gzip
  grammar,          ///< not CIF: the parser's message
  no_cell,
  bad_cell,  ///< missing or `?` or NaN or impossible values
  no_symmetry,
  bad_symmetry,            ///< unreadable or unequal operators, not a group, unknown name
  contradictory_symmetry,  ///< operators, Hall, name, number or cell metric disagree
  ambiguous_symmetry,      ///< a name or number that leaves the setting open
  no_sites,
  bad_number,
  bad_coordinates,
  unknown_species,
  bad_occupancy,
  atoms_too_close,
  bad_displacement,
};
std::string_view name_of(CifFault);

/// One refused block.
class CifError : public Error {
 public:
  CifError(CifFault fault, std::string file, std::string block, int line, std::string detail);
  CifFault fault;
  std::string file, block;
  int line;            ///< 1-based; 0: not known
  std::string detail;  ///< names the tag and the offending value
};

/// What a block says twice and differently without being unusable: formula or density against the sites, an
/// ion without a table entry.
struct CifWarning {
  std::string file, block;
  int line;
  std::string detail;
};

struct CifHandlers {
  std::function<void(Crystal&&)> crystal;
  std::function<void(const CifError&)> rejected;
  std::function<void(const CifWarning&)> warning;
};

/// Atoms closer than this, A, are an error unless their occupancies add up to at most 1.
inline constexpr double minimum_distance = 0.4;

/// Largest decompressed size of a file that is read: more is taken for a decompression bomb.
inline constexpr std::size_t maximum_cif_bytes = std::size_t{1} << 30;

/// One data block's text within a file's.
struct CifBlockText {
  std::string_view text;
  int first_line;  ///< 1-based, in the file
};

/// The text of a file, plain or .gz, without its byte order mark; every line ending becomes a line feed where
/// the file has carriage returns alone. Throws CifError(unreadable_file) for a file that is absent, empty,
/// binary, UTF-16, broken or larger than maximum_cif_bytes.
std::string read_cif_bytes(const std::filesystem::path&);
/// Cuts a text where lines open data blocks (not within text fields), in order; views into `text`. Blocks are
/// independent of each other: callers may read them on several threads.
std::vector<CifBlockText> split_blocks(std::string_view text);
/// One of them (thread-safe; handlers are called on the calling thread).
void read_cif_block(const CifBlockText&, const std::string& file, const CifHandlers&);

/// Every data block of a file (plain or .gz) in order. Blocks without any cell, symmetry and atom tags at all
/// (text blocks) are passed over. A bad block goes to `rejected` and the rest go on.
void read_cif(const std::filesystem::path&, const CifHandlers&);
/// The same from memory; `name` stands in messages for the file.
void read_cif_text(std::string_view text, const std::string& name, const CifHandlers&);
/// The only crystal of a file. Throws CifError (or Error where it holds none or several).
Crystal read_crystal(const std::filesystem::path&);

}  // namespace bragg::xrd
