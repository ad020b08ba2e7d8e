#include "xrd/cif.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "xrd/cif_file.h"
#include "xrd/cif_numbers.h"
#include "xrd/cif_reader.h"

namespace bragg::xrd {
namespace {

std::string message(CifFault fault, const std::string& file, const std::string& block, int line,
                    const std::string& detail) {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}", line);
  if (!block.empty()) out += fmt::format(": data_{}", block);
  return fmt::format("{}: {}: {}", out, name_of(fault), detail);
}

/// A block about something else than a crystal: texts, powder data, references.
bool describes_no_crystal(const CifBlock& block) {
  const auto is_ours = [](std::string_view tag) {
    for (const std::string_view start : {"_cell", "_symmetry", "_space_group", "_atom_site"})
      if (tag.size() >= start.size() && same_tag(tag.substr(0, start.size()), start)) return true;
    return false;
  };
  for (const CifItem& item : block.items)
    if (is_ours(item.tag)) return false;
  for (const CifLoop& loop : block.loops)
    for (const std::string_view tag : loop.tags)
      if (is_ours(tag)) return false;
  return true;
}

/// The name of the block that a text opens first, for messages about texts without a readable grammar.
std::string heading_of(std::string_view text) {
  for (std::size_t i = 0; i + 5 < text.size(); ++i) {
    if ((i == 0 || text[i - 1] == '\n') && same_tag(text.substr(i, 5), "data_")) {
      const auto end = text.find_first_of(" \t\r\n", i);
      return std::string(text.substr(i + 5, end == std::string_view::npos ? end : end - i - 5));
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(CifFault fault) {
  constexpr std::array<std::string_view, 15> names{"unreadable_file",
                                                   "grammar",
                                                   "no_cell",
                                                   "bad_cell",
                                                   "no_symmetry",
                                                   "bad_symmetry",
                                                   "contradictory_symmetry",
                                                   "ambiguous_symmetry",
                                                   "no_sites",
                                                   "bad_number",
                                                   "bad_coordinates",
                                                   "unknown_species",
                                                   "bad_occupancy",
                                                   "atoms_too_close",
                                                   "bad_displacement"};
  return names.at(static_cast<std::size_t>(fault));
}

CifError::CifError(CifFault fault_, std::string file_, std::string block_, int line_, std::string detail_)
    : Error(message(fault_, file_, block_, line_, detail_)),
      fault(fault_),
      file(std::move(file_)),
      block(std::move(block_)),
      line(line_),
      detail(std::move(detail_)) {}

CifColumn CifReader::find(std::initializer_list<std::string_view> tags) const {
  for (const std::string_view tag : tags) {
    CifColumn found;
    const auto take = [&](const CifColumn& column, int line) {
      if (found) fail(CifFault::grammar, line, fmt::format("{} is there twice", tag));
      found = column;
    };
    for (const CifItem& item : block_.items)
      if (same_tag(item.tag, tag)) take({nullptr, 0, &item}, item.value.line);
    for (const CifLoop& loop : block_.loops)
      for (std::size_t i = 0; i < loop.tags.size(); ++i)
        if (same_tag(loop.tags[i], tag)) take({&loop, i, nullptr}, loop.line);
    if (found) return found;
  }
  return {};
}

const CifValue* CifReader::value(std::initializer_list<std::string_view> tags, std::string_view* tag) const {
  for (const std::string_view one : tags) {
    const CifColumn column = find({one});
    if (!column || column.rows() == 0 || column[0].is_null()) continue;
    if (tag) *tag = column.tag();
    return &column[0];
  }
  return nullptr;
}

double CifReader::number(const CifColumn& column, std::size_t row, CifFault fault) const {
  const CifValue& value = column[row];
  const auto number = parse_cif_number(value.text);
  if (!number) fail(fault, value.line, fmt::format("{} '{}' is no number", column.tag(), value.text));
  return *number;
}

void CifReader::fail(CifFault fault, int line, std::string detail) const {
  throw CifError(fault, file_, block_.name, line, std::move(detail));
}

void CifReader::warn(int line, std::string detail) const {
  if (handlers_.warning) handlers_.warning({file_, block_.name, line, std::move(detail)});
}

void read_cif_block(const CifBlockText& text, const std::string& file, const CifHandlers& handlers) {
  const auto reject = [&](const CifError& error) {
    if (handlers.rejected) handlers.rejected(error);
  };
  std::vector<CifBlock> blocks;
  try {
    blocks = parse_blocks(text.text, text.first_line);
  } catch (const CifGrammarError& e) {
    return reject(CifError(CifFault::grammar, file, e.block.empty() ? heading_of(text.text) : e.block, e.line,
                           e.what()));
  }
  for (const CifBlock& block : blocks) {
    if (describes_no_crystal(block)) continue;
    try {
      Crystal crystal = read_crystal(CifReader(block, file, handlers));
      if (handlers.crystal) handlers.crystal(std::move(crystal));
    } catch (const CifError& error) {
      reject(error);
    }
  }
}

void read_cif_text(std::string_view text, const std::string& name, const CifHandlers& handlers) {
  try {
    const std::string bytes = check_cif_text(text, name);
    for (const CifBlockText& block : split_blocks(bytes))
      read_cif_block(block, name, handlers);
  } catch (const CifError& error) {
    if (handlers.rejected) handlers.rejected(error);
  }
}

void read_cif(const std::filesystem::path& path, const CifHandlers& handlers) {
  try {
    const std::string bytes = read_cif_bytes(path);
    for (const CifBlockText& block : split_blocks(bytes))
      read_cif_block(block, path.string(), handlers);
  } catch (const CifError& error) {
    if (handlers.rejected) handlers.rejected(error);
  }
}

Crystal read_crystal(const std::filesystem::path& path) {
  std::vector<Crystal> crystals;
  std::vector<CifError> errors;
  read_cif(path, {.crystal = [&](Crystal&& crystal) { crystals.push_back(std::move(crystal)); },
                  .rejected = [&](const CifError& error) { errors.push_back(error); },
                  .warning = {}});
  if (!errors.empty()) throw errors.front();
  if (crystals.size() != 1)
    throw Error(fmt::format("{}: {} crystals where one was expected", path.string(), crystals.size()));
  return std::move(crystals.front());
}

}  // namespace bragg::xrd
