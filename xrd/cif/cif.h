// CIF -> Crystal. gemmi parses the grammar; what the tags mean, and every check, is ours.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"
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
  too_large,  ///< more bytes, values, sites or contacts than are read
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
  /// A block without any tag of a crystal: texts, powder data, references.
  std::function<void(const std::string& file, const std::string& block)> no_crystal = {};
  /// Hydrogen closer to another atom than minimum_distance gets a warning in place of the refusal: it hardly
  /// scatters, and computed positions are often off.
  bool accept_close_hydrogen = false;
};

/// Atoms closer than this, A, are an error unless their occupancies add up to at most 1.
inline constexpr double minimum_distance = 0.4;

/// Largest decompressed size of a file, and of one block, that is read.
inline constexpr std::size_t maximum_cif_bytes = std::size_t{1} << 30,
                             maximum_block_bytes = std::size_t{1} << 26;
/// Blocks of one file, sites of one block, atoms of one cell, pairs of atoms closer than minimum_distance:
/// what is beyond is refused as too_large.
inline constexpr std::size_t maximum_blocks = 1'000'000, maximum_sites = 250'000, maximum_atoms = 4'000'000,
                             maximum_contacts = 4'000'000;

/// One data block's text within a file's.
struct CifBlockText {
  std::string_view text;
  int first_line;  ///< 1-based, in the file
};

/// Some blocks of a file, in order, and the text that they are views into.
struct CifPortion {
  std::shared_ptr<const std::string> text;
  std::vector<CifBlockText> blocks;
};

/// A file of CIF, plain or .gz, read a few MiB at a time: memory is bounded by its largest block. Without its
/// byte order mark; lone carriage returns become line feeds.
class CifFile {
 public:
  /// Throws CifError(unreadable_file) for a file that is absent or a folder.
  explicit CifFile(const std::filesystem::path&);
  ~CifFile();
  CifFile(const CifFile&) = delete;
  CifFile& operator=(const CifFile&) = delete;

  /// The next blocks; none at the end. Blocks are independent of each other: callers may read them on several
  /// threads. Throws CifError: unreadable_file for what is empty, binary, UTF-16 or broken; too_large beyond
  /// maximum_cif_bytes, maximum_block_bytes or maximum_blocks, and for more than 64 MiB unpacked from 1/200
  /// of it, which is taken for a decompression bomb. What came before it is sound.
  std::optional<CifPortion> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Cuts a text where lines open data blocks (not within text fields), in order; views into `text`.
std::vector<CifBlockText> split_blocks(std::string_view text);
/// One of them (thread-safe; handlers are called on the calling thread).
void read_cif_block(const CifBlockText&, const std::string& file, const CifHandlers&);

/// Every data block of a file (plain or .gz) in order. Blocks without any cell, symmetry and atom tags at all
/// (text blocks) go to `no_crystal`. A bad block goes to `rejected` and the rest go on.
void read_cif(const std::filesystem::path&, const CifHandlers&);
/// The same from memory; `name` stands in messages for the file.
void read_cif_text(std::string_view text, const std::string& name, const CifHandlers&);
/// The only crystal of a file. Throws CifError (or Error where it holds none or several).
Crystal read_crystal(const std::filesystem::path&);

}  // namespace bragg::xrd
