#include "xrd/cif/cif.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "xrd/cif/file.h"
#include "xrd/cif/numbers.h"
#include "xrd/cif/reader.h"

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
  for (const CifItem& item : block.items)
    if (is_structural(item.tag)) return false;
  for (const CifLoop& loop : block.loops)
    if (std::any_of(loop.tags.begin(), loop.tags.end(), is_structural)) return false;
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
  constexpr std::array<std::string_view, 16> names{"unreadable_file",
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
                                                   "bad_displacement",
                                                   "too_large"};
  return names.at(static_cast<std::size_t>(fault));
}

CifError::CifError(CifFault fault_, std::string file_, std::string block_, int line_, std::string detail_)
    : Error(message(fault_, file_, block_, line_, detail_)),
      fault(fault_),
      file(std::move(file_)),
      block(std::move(block_)),
      line(line_),
      detail(std::move(detail_)) {}

namespace {

bool repeats(const CifColumn& a, const CifColumn& b) {
  if (a.rows() != b.rows()) return false;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    if (a[i].text == b[i].text) continue;
    const auto x = parse_cif_number(a[i].text), y = parse_cif_number(b[i].text);
    if (!x || !y || *x != *y) return false;
  }
  return true;
}

}  // namespace

CifColumn CifReader::find(std::initializer_list<std::string_view> tags) const {
  for (const std::string_view tag : tags) {
    CifColumn found;
    const auto take = [&](const CifColumn& column, int line) {
      if (!found) {
        found = column;
      } else if (!repeats(found, column)) {
        fail(CifFault::grammar, line, fmt::format("{} is there twice, with other values", tag));
      } else if (told_.insert(std::string(tag)).second) {
        warn(line, fmt::format("{} is there twice, with the same values", tag));
      }
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

const CifValue* CifReader::any_value(std::string_view tag) const {
  for (const CifItem& item : block_.items)
    if (same_tag(item.tag, tag)) return item.value.is_null() ? nullptr : &item.value;
  for (const CifLoop& loop : block_.loops)
    for (std::size_t i = 0; i < loop.tags.size(); ++i)
      if (same_tag(loop.tags[i], tag) && loop.rows() > 0)
        return loop.at(0, i).is_null() ? nullptr : &loop.at(0, i);
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
    return reject(CifError(e.is_too_large ? CifFault::too_large : CifFault::grammar, file,
                           e.block.empty() ? heading_of(text.text) : e.block, e.line, e.what()));
  }
  for (const CifBlock& block : blocks) {
    if (describes_no_crystal(block)) {
      if (handlers.no_crystal) handlers.no_crystal(file, block.name);
      continue;
    }
    try {
      const CifReader reader(block, file, handlers);
      for (const CifNote& note : block.notes)
        reader.warn(note.line, note.text);
      Crystal crystal = read_crystal(reader);
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
    CifFile file(path);
    while (const auto portion = file.next())
      for (const CifBlockText& block : portion->blocks)
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
