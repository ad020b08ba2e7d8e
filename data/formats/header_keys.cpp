#include "data/formats/header_keys.h"

#include <algorithm>
#include <array>
#include <optional>

namespace bragg::data {
namespace {

using Kind = RadiationKey::Kind;

bool starts(std::string_view lower, std::size_t i, std::string_view word) {
  return lower.substr(std::min(i, lower.size()), word.size()) == word;
}

std::size_t skip(std::string_view text, std::size_t i, std::string_view signs) {
  while (i < text.size() && signs.find(text[i]) != std::string_view::npos)
    ++i;
  return i;
}

/// "1", "alpha1", "Ka 2" glued to a word or behind it; '\0' and `end` unchanged where none stands there.
void scan_label(const std::string& line, const std::string& lower, RadiationKey& key) {
  const std::size_t at = skip(lower, key.end, " _-");
  std::size_t digit = at;
  if (starts(lower, at, "alpha")) digit = skip(lower, at + 5, " _-");
  if (const auto k_line = xrd::scan_k_line(line, at)) {
    key.alpha1 |= k_line->line == xrd::KLine::alpha1;
    key.alpha2 |= k_line->line == xrd::KLine::alpha2;
    key.beta |= k_line->line == xrd::KLine::beta;
    key.end = k_line->end;
    return;
  }
  const char sign = char_at(lower, digit);
  const char after = char_at(lower, digit + 1);
  if (sign < '1' || sign > '3' || is_digit(after) || is_letter(after)) return;
  const bool glued = lower[digit - 1] != ' ';  // "lambda1,1.54" has a label, "lambda 1,54" none
  if ((after == '.' || (after == ',' && !glued)) && is_digit(char_at(lower, digit + 2))) return;
  key.alpha1 |= sign == '1';
  key.alpha2 |= sign == '2';
  key.beta |= sign == '3';
  key.end = digit + 1;
}

std::optional<RadiationKey> wavelength_key(const std::string& line, const std::string& lower, std::size_t i) {
  constexpr std::array<std::string_view, 9> words = {"wavelengths",     "wavelength",       "wave_length",
                                                     "wave length",     "wave-length",      "wellenlange",
                                                     "longueur d'onde", "longitud de onda", "wellenlaenge"};
  for (const std::string_view word : words) {
    if (!starts(lower, i, word)) continue;
    RadiationKey key{Kind::wavelength, i, i + word.size()};
    scan_label(line, lower, key);
    if (key.end == i + word.size() && is_letter(char_at(lower, key.end))) return std::nullopt;
    return key;
  }
  if (i > 0 && is_letter(lower[i - 1])) return std::nullopt;
  for (const std::string_view word : {"lambda", "labda", "lam", "wl"}) {
    if (!starts(lower, i, word)) continue;
    RadiationKey key{Kind::lambda, i, i + word.size()};
    scan_label(line, lower, key);
    if (key.end == i + word.size() && is_letter(char_at(lower, key.end)) &&
        !xrd::scan_spectral_line(line, key.end))
      continue;
    return key;
  }
  return std::nullopt;
}

/// "K-Alpha1", "Ka2", "alpha 1" (but no "alpha: 90").
std::optional<RadiationKey> k_line_key(const std::string& line, const std::string& lower, std::size_t i) {
  if (i > 0 && is_letter(lower[i - 1])) return std::nullopt;
  RadiationKey key{Kind::k_line, i, i};
  if (xrd::scan_k_line(line, i)) {
    scan_label(line, lower, key);
    return key;
  }
  if (!starts(lower, i, "alpha")) return std::nullopt;
  scan_label(line, lower, key);
  if (key.end > i && !key.beta) return key;
  return std::nullopt;
}

/// "Co Ka1" anywhere; "Co radiation", "cobalt tube".
std::optional<RadiationKey> line_key(const std::string& line, const std::string& lower, std::size_t i) {
  if (i > 0 && (is_letter(lower[i - 1]) || is_digit(lower[i - 1]))) return std::nullopt;
  const auto found = xrd::scan_spectral_line(line, i);
  if (!found) return std::nullopt;
  RadiationKey key{Kind::line, i, found->end};
  key.line = *found;
  key.alpha1 = found->line == xrd::KLine::alpha1;
  key.alpha2 = found->line == xrd::KLine::alpha2;
  key.beta = found->line == xrd::KLine::beta;
  if (found->line != xrd::KLine::unnamed) {
    // "in K a", "V k b" are words.
    if (found->anode->symbol.size() == 1 && !is_letter(char_at(lower, i + 1))) return std::nullopt;
    return key;
  }
  if (line[i] < 'A' || line[i] > 'Z') {
    if (found->end - i < 3) return std::nullopt;
  } else if (found->anode->symbol == "In" && found->end - i == 2) {
    return std::nullopt;
  }
  const std::size_t behind = skip(lower, found->end, " -_");
  for (const std::string_view word :
       {"radiation", "tube", "anode", "x-ray", "xray", "strahlung", "rohre", "anticathode"}) {
    if (starts(lower, behind, word)) return key;
  }
  return std::nullopt;
}

std::optional<RadiationKey> ratio_key(const std::string& lower, std::size_t i) {
  if (i > 0 && is_letter(lower[i - 1])) return std::nullopt;
  for (const std::string_view word :
       {"i(l2)/i(l1)", "wlratio", "wl_ratio", "alpharatio", "alpha_ratio", "ratio"}) {
    if (!starts(lower, i, word)) continue;
    RadiationKey key{Kind::ratio, i, i + word.size()};
    key.alpha2 = word != "ratio";
    return key;
  }
  return std::nullopt;
}

std::optional<RadiationKey> anode_key(const std::string& lower, std::size_t i) {
  if (i > 0 && is_letter(lower[i - 1])) return std::nullopt;
  struct Word {
    std::string_view word;
    Kind kind;
  };
  constexpr Word words[] = {
      {"anodenmaterial", Kind::anode}, {"anode", Kind::anode},         {"anodes", Kind::anode},
      {"target_name", Kind::anode},    {"xg_target", Kind::anode},     {"radiation", Kind::anode},
      {"strahlung", Kind::anode},      {"rayonnement", Kind::anode},   {"anticathode", Kind::anode},
      {"target", Kind::source},        {"x-ray source", Kind::source}, {"source", Kind::source},
      {"tube", Kind::source},          {"rohre", Kind::source}};
  for (const auto& [word, kind] : words) {
    if (starts(lower, i, word) && !is_letter(char_at(lower, i + word.size())))
      return RadiationKey{kind, i, i + word.size()};
  }
  return std::nullopt;
}

/// "Energy", "photon energy": any other word before it ("threshold energy") makes it another energy.
std::optional<RadiationKey> energy_key(const std::string& lower, std::size_t i) {
  std::size_t end = 0;
  for (const std::string_view word : {"photonenergie", "energie", "energy"}) {
    if (end == 0 && starts(lower, i, word)) end = i + word.size();
  }
  if (end == 0 && lower[i] == 'e' && starts(lower, skip(lower, i + 1, " "), "=")) end = i + 1;
  if (end == 0 || is_letter(char_at(lower, end)) || (i > 0 && is_letter(lower[i - 1]))) return std::nullopt;
  std::size_t before = i;
  while (before > 0 && std::string_view(" _-").find(lower[before - 1]) != std::string_view::npos)
    --before;
  std::size_t word_begin = before;
  while (word_begin > 0 && (is_letter(lower[word_begin - 1]) || is_digit(lower[word_begin - 1])))
    --word_begin;
  const std::string_view word = std::string_view(lower).substr(word_begin, before - word_begin);
  if (word.empty())
    return RadiationKey{starts(lower, i, "photon") ? Kind::energy : Kind::bare_energy, i, end};
  for (const std::string_view known :
       {"photon", "xray", "ray", "beam", "incident", "mono", "monochromator", "radiation"}) {
    if (word == known) return RadiationKey{Kind::energy, i, end};
  }
  return std::nullopt;
}

std::optional<RadiationKey> key_at(const std::string& line, const std::string& lower, std::size_t i) {
  if (auto key = ratio_key(lower, i)) return key;
  if (auto key = wavelength_key(line, lower, i)) return key;
  if (auto key = line_key(line, lower, i)) return key;
  if (auto key = k_line_key(line, lower, i)) return key;
  if (auto key = anode_key(lower, i)) return key;
  return energy_key(lower, i);
}

/// Do two neighbours make one name, given what stands between them?
bool belong_together(const RadiationKey& a, const RadiationKey& b, std::string_view between) {
  const auto only = [&](std::string_view signs) {
    return between.find_first_not_of(signs) == std::string_view::npos;
  };
  const auto names_line = [](Kind kind) { return kind == Kind::k_line || kind == Kind::line; };
  const auto names_length = [](Kind kind) { return kind == Kind::wavelength || kind == Kind::lambda; };
  if (a.kind == Kind::ratio || b.kind == Kind::ratio) {
    const Kind other = a.kind == Kind::ratio ? b.kind : a.kind;
    return (names_line(other) || names_length(other) || other == Kind::ratio) && only(" _-()[]/:");
  }
  if (names_line(a.kind) && names_length(b.kind)) return only(" _-()[]\"'");
  if (names_length(a.kind) && names_line(b.kind)) return only(" _-()[]\"':=,;\t");
  if (names_length(a.kind) && names_length(b.kind)) return only(" _-()[]\"'");
  if (names_line(a.kind) && names_line(b.kind)) return only(" _-()[]/&+,\"'") && !between.empty();
  return false;
}

}  // namespace

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char char_at(std::string_view text, std::size_t i) {
  return i < text.size() ? text[i] : '\0';
}

std::vector<RadiationKey> radiation_keys(const std::string& line, const std::string& lower) {
  std::vector<RadiationKey> keys;
  for (std::size_t i = 0; i < line.size();) {
    auto key = is_letter(line[i]) ? key_at(line, lower, i) : std::nullopt;
    if (!key) {
      ++i;
      continue;
    }
    i = std::max(key->end, i + 1);
    if (!keys.empty()) {
      RadiationKey& last = keys.back();
      if (belong_together(last, *key, std::string_view(lower).substr(last.end, key->begin - last.end))) {
        if (key->kind == Kind::ratio || last.kind == Kind::k_line)
          last.kind = key->kind;
        else if (last.kind == Kind::line && key->kind != Kind::k_line)
          last.kind = key->kind;
        last.end = key->end;
        last.alpha1 |= key->alpha1;
        last.alpha2 |= key->alpha2;
        last.beta |= key->beta;
        if (key->line.anode) last.line = key->line;
        continue;
      }
    }
    keys.push_back(*key);
  }
  return keys;
}

}  // namespace bragg::data
