#include "kernels/base/file_signature.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace bragg {
namespace {

bool begins_with_word(std::string_view line, std::string_view word) {
  return line.size() >= word.size() && std::equal(word.begin(), word.end(), line.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

}  // namespace

bool looks_like_cif(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.find('=') != std::string_view::npos) continue;
    for (const std::string_view word : {"data_", "loop_", "_cell_length_a"})
      if (begins_with_word(line, word)) return true;
  }
  return false;
}

bool looks_like_safetensors(std::string_view bytes) {
  return bytes.size() > 10 && bytes[8] == '{' && bytes[9] == '"' && bytes[5] == 0 && bytes[6] == 0 &&
         bytes[7] == 0;
}

std::string resembled_kind(std::string_view bytes) {
  constexpr std::pair<std::string_view, const char*> signatures[] = {
      {"\x1f\x8b", "a gzip file"},
      {"PK\x03\x04", "a zip archive (PyTorch writes such models)"},
      {"\x89HDF", "an HDF5 file"},
      {"%PDF", "a PDF"},
      {"\x80\x02", "a Python pickle"},
      {"\x93NUMPY", "a NumPy array"},
      {"SQLite", "a database"},
      {"\x89PNG", "a picture"},
      {"\x7f"
       "ELF",
       "a program"}};
  for (const auto& [start, what] : signatures)
    if (bytes.starts_with(start)) return what;
  constexpr std::size_t looked_at = 4096;
  const std::string_view text = bytes.substr(0, looked_at);
  const auto is_text = [](unsigned char c) {
    return (c >= 32 && c < 0xf8) || c == '\t' || c == '\n' || c == '\r';
  };
  if (!std::all_of(text.begin(), text.end(), is_text)) return {};
  if (looks_like_cif(text)) return "a CIF";
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '<') return "XML or HTML";
  if (first != std::string_view::npos && text[first] == '{') return "JSON";
  return "text";
}

}  // namespace bragg
