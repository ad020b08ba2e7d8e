// What a block calls its crystal, and where it was published.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "xrd/cif/reader.h"

namespace bragg::xrd {
namespace {

/// Longer names are cut: they are texts in the wrong place.
constexpr std::size_t longest_name = 400;

/// Length of the UTF-8 sequence that begins at `i`; 0 where none does.
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u; };
  const unsigned first = byte(i);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t k = 1; k < length; ++k)
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(i + 1);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return is_overlong || is_no_character ? 0 : length;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

/// One line of UTF-8: runs of blanks and control characters become one blank; what is no UTF-8 is Latin-1.
std::string one_line(std::string_view text) {
  const bool is_unicode = is_utf8(text);
  std::string out;
  bool is_cut = false;
  for (std::size_t i = 0; i < text.size() && !is_cut;) {
    const auto code = static_cast<unsigned char>(text[i]);
    const std::size_t length = is_unicode ? utf8_length(text, i) : 1;
    if (code <= ' ' || code == 0x7f) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (code < 0x80 || is_unicode) {
      out += text.substr(i, length);
    } else {
      out += static_cast<char>(0xc0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
    i += length;
    is_cut = out.size() >= longest_name;
  }
  while (out.ends_with(' '))
    out.pop_back();
  return is_cut ? out + "..." : out;
}

/// Programs write these where they know nothing.
bool says_nothing(std::string_view text) {
  return text.empty() || text == "?" || text == "." || same_tag(text, "<missing>") ||
         same_tag(text, "missing") || same_tag(text, "none") || same_tag(text, "unknown") ||
         same_tag(text, "n/a") || text.find_first_not_of(" ?.-_'\"") == std::string_view::npos;
}

std::string name_of(const CifReader& reader, std::initializer_list<std::string_view> tags) {
  for (const std::string_view tag : tags) {
    const CifValue* value = reader.any_value(tag);
    if (!value) continue;
    std::string name = one_line(value->text);
    if (!says_nothing(name)) return name;
  }
  return {};
}

std::string database_code(const CifReader& reader) {
  struct Database {
    std::string_view tag, name;
  };
  constexpr std::array<Database, 8> databases{{{"_database_code_AMCSD", "AMCSD"},
                                               {"_cod_database_code", "COD"},
                                               {"_database_code_COD", "COD"},
                                               {"_database_code_ICSD", "ICSD"},
                                               {"_database_code_CSD", "CSD"},
                                               {"_database_code_depnum_ccdc_archive", "CCDC"},
                                               {"_database_code_PDF", "PDF"},
                                               {"_database_code_NBS", "NBS"}}};
  for (const Database& database : databases)
    if (const std::string code = name_of(reader, {database.tag}); !code.empty())
      return code.starts_with(database.name) ? code : fmt::format("{} {}", database.name, code);
  return {};
}

/// Without what makes an address of it.
std::string doi(const CifReader& reader) {
  std::string found = name_of(reader, {"_journal_paper_doi", "_citation_doi"});
  for (const std::string_view before : {"https://", "http://", "dx.", "doi.org/", "doi:", "DOI:", " "})
    if (found.starts_with(before)) found.erase(0, before.size());
  return found.starts_with("10.") ? found : "";
}

std::string citation(const CifReader& reader) {
  const std::string journal = name_of(reader, {"_journal_name_full", "_citation_journal_full",
                                               "_citation_journal_abbrev", "_journal_name_abbrev"});
  const std::string volume = name_of(reader, {"_journal_volume", "_citation_journal_volume"});
  const std::string year = name_of(reader, {"_journal_year", "_citation_year"});
  const std::string page =
      name_of(reader, {"_journal_page_first", "_citation_page_first", "_journal_paper_doi"});
  if (journal.empty()) return {};
  std::string out = name_of(reader, {"_publ_author_name", "_citation_author_name"});
  if (!out.empty()) {
    const auto has_more = [](const CifLoop& loop) {
      return loop.rows() > 1 && std::any_of(loop.tags.begin(), loop.tags.end(), [](std::string_view tag) {
               return same_tag(tag, "_publ_author_name") || same_tag(tag, "_citation_author_name");
             });
    };
    const auto& loops = reader.block().loops;
    if (std::any_of(loops.begin(), loops.end(), has_more)) out += " et al.";
    out += ", ";
  }
  out += journal;
  if (!volume.empty()) out += fmt::format(" {}", volume);
  if (!year.empty()) out += fmt::format(" ({})", year);
  if (!page.empty()) out += fmt::format(" {}", page);
  return one_line(out);
}

}  // namespace

CrystalNames read_names(const CifReader& reader) {
  return {.mineral = name_of(reader, {"_chemical_name_mineral"}),
          .common = name_of(reader, {"_chemical_name_common", "_amcsd_formula_title"}),
          .systematic = name_of(reader, {"_chemical_name_systematic"}),
          .database_code = database_code(reader),
          .doi = doi(reader),
          .citation = citation(reader)};
}

}  // namespace bragg::xrd
