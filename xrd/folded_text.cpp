#include "xrd/folded_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace bragg::xrd {
namespace {

struct Decoded {
  std::uint32_t code;
  std::size_t length;
};

/// One character at the start of `text`; what is no UTF-8 is taken as Latin-1.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
  if (length == 1 || first > 0xF4 || text.size() < length) return {first, 1};
  std::uint32_t code = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {first, 1};
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {code, length};
}

struct Named {
  std::uint32_t code;
  const char* ascii;
};
constexpr Named signs[] = {
    {0xA0, " "},       {0x2002, " "},     {0x2003, " "},    {0x2009, " "},    {0x200A, " "},
    {0x202F, " "},     {0xC5, "A"},       {0xE5, "A"},      {0x212B, "A"},    {0xB0, "deg"},
    {0xBA, "deg"},     {0xB5, "u"},       {0x3BC, "u"},     {0xB1, "+-"},     {0xB7, "."},
    {0x22C5, "."},     {0x2219, "."},     {0xD7, "x"},      {0x2212, "-"},    {0x2010, "-"},
    {0x2011, "-"},     {0x2013, "-"},     {0x2014, "-"},    {0x3B1, "alpha"}, {0x3B2, "beta"},
    {0xDF, "ss"},      {0x3B8, "theta"},  {0x398, "theta"}, {0x3D1, "theta"}, {0x3F4, "theta"},
    {0x3BB, "lambda"}, {0x39B, "lambda"}, {0x3C9, "omega"}, {0x3C6, "phi"},   {0x3C7, "chi"},
    {0x394, "delta"},  {0x3C3, "sigma"},  {0x3C0, "pi"},    {0x2032, "'"},    {0x2018, "'"},
    {0x2019, "'"},     {0x201C, "\""},    {0x201D, "\""},   {0xFF1A, ":"},    {0xFF1D, "="},
    {0x2044, "/"},     {0x2215, "/"},     {0xAD, ""},       {0x200B, ""},     {0xFEFF, ""},
    {0x30A, ""},       {0x301, ""},       {0x308, ""},
};
constexpr Named superscripts[] = {{0xB9, "1"},   {0xB2, "2"},   {0xB3, "3"},   {0x2070, "0"},
                                  {0x2074, "4"}, {0x2075, "5"}, {0x2076, "6"}, {0x2077, "7"},
                                  {0x2078, "8"}, {0x2079, "9"}, {0x207B, "-"}};

const char* find(const Named* begin, const Named* end, std::uint32_t code) {
  const Named* found = std::find_if(begin, end, [&](const Named& n) { return n.code == code; });
  return found == end ? nullptr : found->ascii;
}

/// The base letters of U+00C0..U+00FF.
constexpr std::string_view latin1 = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The sign that a backslash introduces at the start of `text`: LaTeX's \AA, CIF's \a; empty where it is part
/// of a word ("\lambda").
std::pair<std::string_view, std::size_t> escaped_sign(std::string_view text) {
  using Pair = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Pair, 8> known = {{{"\\AA", "A"},
                                          {"\\%A", "A"},
                                          {"\\%a", "A"},
                                          {"\\a", "alpha"},
                                          {"\\b", "beta"},
                                          {"\\l", "lambda"},
                                          {"\\q", "theta"},
                                          {"\\circ", "deg"}}};
  for (const auto& [written, meant] : known) {
    if (!text.starts_with(written)) continue;
    if (text.size() > written.size() && is_letter(text[written.size()])) continue;
    return {meant, written.size()};
  }
  return {{}, 1};
}

}  // namespace

std::string fold_to_ascii(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool raised = false;  // inside a run of superscripts
  while (!text.empty()) {
    const char c = text.front();
    if (c == '\\') {
      const auto [sign, length] = escaped_sign(text);
      result += sign;
      text.remove_prefix(length);
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x80) {
      raised = false;
      if (std::string_view("${}~").find(c) == std::string_view::npos) result += c;
      text.remove_prefix(1);
      continue;
    }
    const auto [code, length] = decode(text);
    text.remove_prefix(length);
    if (const char* digit = find(std::begin(superscripts), std::end(superscripts), code)) {
      if (!raised) result += '^';
      raised = true;
      result += digit;
      continue;
    }
    raised = false;
    if (const char* sign = find(std::begin(signs), std::end(signs), code)) {
      result += sign;
    } else if (code >= 0xC0 && code <= 0xFF) {
      result += latin1[code - 0xC0];
    } else if (code >= 0x2080 && code <= 0x2089) {
      result += static_cast<char>('0' + (code - 0x2080));
    } else {
      result += '?';
    }
  }
  return result;
}

std::string lower_case(std::string_view ascii) {
  std::string result(ascii);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace bragg::xrd
