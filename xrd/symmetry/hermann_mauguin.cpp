// Space groups by name and number: Hermann-Mauguin symbols as people write them, full, short and old.
#include <algorithm>
#include <cctype>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Settings = std::vector<const TabulatedSetting*>;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;
  for (const char c : text) {
    if (c == ' ') {
      open = false;
    } else {
      if (!open) out.emplace_back();
      open = true;
      out.back() += c;
    }
  }
  return out;
}

std::string join(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens)
    out += token;
  return out;
}

/// "P 1 21/c 1" -> "p21/c"; empty where the name is not of that form.
std::string monoclinic_short(const std::vector<std::string>& tokens) {
  if (tokens.size() != 4 || std::count(tokens.begin() + 1, tokens.end(), "1") != 2) return {};
  for (std::size_t i = 1; i < 4; ++i)
    if (tokens[i] != "1") return tokens[0] + tokens[i];
  return {};
}

void replace_all(std::string& s, std::string_view what, std::string_view by) {
  for (auto at = s.find(what); at != std::string::npos; at = s.find(what, at + by.size()))
    s = s.substr(0, at).append(by).append(s, at + what.size());
}

/// What word processors, web pages and LaTeX make of a symbol, as plain characters: "P6<sub>3</sub>/mmc",
/// "P6_{3}/mmc", "P6sub(3)/mmc", subscript digits, bars over and before digits, long minus signs.
void make_plain(std::string& s) {
  const bool is_plain = s.find_first_of("<\\{$") == std::string::npos && s.find("sub") == std::string::npos &&
                        s.find("bar") == std::string::npos &&
                        std::none_of(s.begin(), s.end(), [](char c) { return (c & 0x80) != 0; });
  if (is_plain) return;
  for (auto open = s.find('<'); open != std::string::npos; open = s.find('<', open)) {
    const auto close = s.find('>', open);
    if (close == std::string::npos) break;
    s.erase(open, close - open + 1);
  }
  replace_all(s, "\\bar{3}", "-3");
  for (const std::string_view digit : {"1", "2", "3", "4", "6"}) {
    const std::string d(digit);
    for (const std::string& bar :
         {"\\bar{" + d + "}", "\\overline{" + d + "}", "bar" + d, "bar " + d, d + "\xcc\x84", d + "\xcc\x85"})
      replace_all(s, bar, "-" + d);
    for (const std::string& index : {"_{" + d + "}", "sub(" + d + ")", "sub" + d,
                                     "\xe2\x82" + std::string(1, static_cast<char>(0x80 + d[0] - '0'))})
      replace_all(s, index, d);
  }
  replace_all(s, "_{5}", "5");
  replace_all(s, "sub5", "5");
  replace_all(s, "sub(5)", "5");
  replace_all(s, "\xe2\x82\x85", "5");
  for (const std::string_view minus : {"\xe2\x88\x92", "\xe2\x80\x93", "\xe2\x80\x90"})
    replace_all(s, minus, "-");
  replace_all(s, "\xc2\xa0", " ");
  std::erase(s, '$');
}

/// A name taken apart: lower case, old and typographic forms made plain.
struct Name {
  std::vector<std::string> tokens;
  char extension = 0;
  int number = 0;  ///< "P -6 2 c (190)"; 0: none given

  explicit Name(std::string_view text) {
    std::string s;
    for (const char c : text)
      s += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    make_plain(s);
    take_remark(s, "(hexagonal axes)", 'H');
    take_remark(s, "(rhombohedral axes)", 'R');
    if (s.find("origin") != std::string::npos || s.find("choice") != std::string::npos)
      for (const char choice : {'1', '2'})
        for (const std::string_view words : {"origin choice ", "origin ", "origin", "choice "}) {
          take_remark(s, fmt::format("({}{})", words, choice), choice);
          take_remark(s, fmt::format("{}{}", words, choice), choice);
        }
    take_number(s);
    if (const auto brace = s.find('{'); brace != std::string::npos) s.resize(brace);
    if (const auto colon = s.find(':'); colon != std::string::npos) {
      std::string suffix = join(split(s.substr(colon + 1)));
      if (suffix.size() == 2 && suffix[0] == 'o') suffix.erase(0, 1);
      if (suffix == "1" || suffix == "2") extension = suffix[0];
      if (suffix == "h" || suffix == "r") extension = static_cast<char>(suffix[0] - 32);
      s.resize(colon);
    }
    std::string plain;
    for (std::size_t i = 0; i < s.size(); ++i) {
      const char c = s[i];
      if (c == '(' || c == ')' || c == '~' || c == '*' || c == '\'' || c == '"') continue;
      // "2_1" is a screw axis; elsewhere "_" stands for a blank.
      const bool screw = c == '_' && i > 0 && i + 1 < s.size() &&
                         std::isdigit(static_cast<unsigned char>(s[i - 1])) &&
                         std::isdigit(static_cast<unsigned char>(s[i + 1]));
      if (screw) continue;
      plain += c == '_' || c == '\t' ? ' ' : c;
    }
    tokens = split(plain);
    // As ICSD writes them: "F d -3 m S" and "Z" are origin choices 1 and 2, "R -3 m H" and "R"; "O1", "O2".
    if (tokens.size() > 2 && tokens.back().size() == 1) {
      const auto at = std::string_view("szhr").find(tokens.back()[0]);
      if (at != std::string_view::npos) {
        extension = "12HR"[at];
        tokens.pop_back();
      }
    } else if (tokens.size() > 1 && (tokens.back() == "o1" || tokens.back() == "o2")) {
      extension = tokens.back()[1];
      tokens.pop_back();
    }
    // As the PDB writes them: "H 3", "H 3 2".
    if (const std::string all = join(tokens); all == "h3" || all == "h32") {
      tokens[0][0] = 'r';
      extension = 'H';
    }
  }

 private:
  void take_remark(std::string& s, std::string_view remark, char meaning) {
    const auto at = s.find(remark);
    if (at == std::string::npos) return;
    extension = meaning;
    s.erase(at, remark.size());
  }

  /// "(227)", "[227]", "(No. 227)", "#227", "no. 227" at the end.
  void take_number(std::string& s) {
    std::size_t end = s.find_last_not_of(" )]");
    if (end == std::string::npos || !std::isdigit(static_cast<unsigned char>(s[end]))) return;
    std::size_t begin = end;
    while (begin > 0 && std::isdigit(static_cast<unsigned char>(s[begin - 1])))
      --begin;
    std::size_t mark = begin;
    for (const std::string_view word : {" ", ".", "no", " ", "#", " "})
      if (mark >= word.size() && s.compare(mark - word.size(), word.size(), word) == 0) mark -= word.size();
    const bool in_brackets = mark > 0 && (s[mark - 1] == '(' || s[mark - 1] == '[');
    const bool is_marked = s.find("no", mark) < begin || s.find('#', mark) < begin;
    // "P 6(3)" and "P 2 (1)" hold screw axes: a smaller number after that of a rotation.
    const auto axis = mark > 1 ? s.find_last_not_of(' ', mark - 2) : std::string::npos;
    const bool is_screw = in_brackets && !is_marked && end == begin && axis != std::string::npos &&
                          std::string_view("2346").find(s[axis]) != std::string_view::npos &&
                          s[begin] < s[axis];
    if (!(in_brackets || is_marked) || is_screw || end - begin > 2) return;
    number = std::stoi(s.substr(begin, end - begin + 1));
    s.resize(in_brackets ? mark - 1 : mark);
  }
};

/// "P 21/n 21/m 21/a" -> "P n m a", "F 4/m -3 2/m" -> "F m -3 m", "P 42/m 21/b 2/c" -> "P 42/m b c".
std::vector<std::string> short_symbol(std::vector<std::string> tokens) {
  if (tokens.size() < 3 || (tokens.size() == 4 && std::count(tokens.begin(), tokens.end(), "1") == 2))
    return {};
  bool changed = false;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    const auto slash = tokens[i].find('/');
    if (slash == std::string::npos) continue;
    const bool principal = i == 1 && (tokens[i][0] == '4' || tokens[i][0] == '6') && tokens[2] != "-3";
    if (principal) continue;
    tokens[i].erase(0, slash + 1);
    changed = true;
  }
  return changed ? tokens : std::vector<std::string>{};
}

const std::unordered_map<std::string, Settings>& name_index() {
  static const auto index = [] {
    std::unordered_map<std::string, Settings> map;
    const auto add = [&](const std::string& key, const TabulatedSetting& t) {
      Settings& list = map[key];
      if (!key.empty() && std::find(list.begin(), list.end(), &t) == list.end()) list.push_back(&t);
    };
    const auto add_name = [&](std::string_view hm, const TabulatedSetting& t) {
      const auto tokens = Name(hm).tokens;
      const std::string full = join(tokens);
      add(full, t);
      const int number = t.setting.number;
      if (t.is_in_tables && crystal_system(number) == CrystalSystem::monoclinic)
        add(monoclinic_short(tokens), t);
      // The old names of the centrosymmetric cubic groups have no bar: Fd3m, Ia3d, Pa3.
      if ((number >= 200 && number <= 206) || number >= 221) {
        std::string old = full;
        std::erase(old, '-');
        add(old, t);
      }
    };
    const auto& settings = tabulated_settings();
    for (const TabulatedSetting& t : settings)
      add_name(t.hm, t);
    for (const AlternativeName& name : alternative_names())
      add_name(name.hm, settings.at(name.setting));
    return map;
  }();
  return index;
}

Settings look_up(const std::string& key) {
  const auto found = name_index().find(key);
  return found == name_index().end() ? Settings{} : found->second;
}

/// "P63mmc" for "P 63/m m c": names without their slash, where that leaves the group open to one.
Settings look_up_without_slash(const std::string& key) {
  static const auto index = [] {
    std::unordered_map<std::string, Settings> map;
    for (const auto& [name, settings] : name_index()) {
      if (name.find('/') == std::string::npos) continue;
      std::string bare = name;
      std::erase(bare, '/');
      Settings& list = map[bare];
      list.insert(list.end(), settings.begin(), settings.end());
    }
    return map;
  }();
  const auto found = index.find(key);
  if (found == index.end()) return {};
  const int number = found->second.front()->setting.number;
  const bool is_one = std::all_of(found->second.begin(), found->second.end(),
                                  [&](const TabulatedSetting* t) { return t->setting.number == number; });
  return is_one ? found->second : Settings{};
}

std::string names_of(const Settings& settings) {
  std::vector<std::string> names;
  for (const TabulatedSetting* t : settings)
    names.push_back(t->setting.hm);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The one setting that fits the cell.
SpaceGroupSetting choose(Settings settings, const UnitCell& cell, const std::string& what) {
  const std::string all = names_of(settings);
  std::erase_if(settings, [&](const TabulatedSetting* t) {
    return !cell_deviation(cell, t->setting.operators).is_tolerated();
  });
  if (settings.empty())
    throw CellMismatch(fmt::format("the cell {} {} {} {} {} {} does not fit {} ({})", cell.a, cell.b, cell.c,
                                   cell.alpha, cell.beta, cell.gamma, what, all));
  const OperatorKey key = operator_key(settings[0]->setting.operators);
  const bool same = std::all_of(settings.begin() + 1, settings.end(), [&](const TabulatedSetting* t) {
    return operator_key(t->setting.operators) == key;
  });
  if (!same) throw AmbiguousSetting(fmt::format("{} can mean {}", what, names_of(settings)));
  return settings[0]->setting;
}

}  // namespace

std::vector<const TabulatedSetting*> settings_named(std::string_view text) {
  const Name name(text);
  if (name.tokens.empty()) return {};
  char extension = name.extension;
  std::string key = join(name.tokens);
  Settings found = look_up(key);
  if (found.empty()) found = look_up(join(short_symbol(name.tokens)));
  // "R-3mH", "Fd-3mZ".
  const auto at = std::string_view("szhr").find(key.back());
  if (found.empty() && key.size() > 2 && at != std::string_view::npos && (at < 2 || key[0] == 'r')) {
    const char last = "12HR"[at];
    Settings shorter = look_up(key.substr(0, key.size() - 1));
    const bool has_it = std::any_of(shorter.begin(), shorter.end(),
                                    [&](const TabulatedSetting* t) { return t->extension == last; });
    if (has_it) {
      extension = last;
      found = std::move(shorter);
    }
  }
  if (found.empty()) found = look_up_without_slash(key);
  if (name.number != 0) {
    const auto is_other = [&](const TabulatedSetting* t) { return t->setting.number != name.number; };
    // "F d -3 m (2)" is an origin choice where it cannot be the number.
    if (name.number <= 2 && extension == 0 && std::all_of(found.begin(), found.end(), is_other)) {
      extension = static_cast<char>('0' + name.number);
    } else {
      std::erase_if(found, is_other);
    }
  }
  const auto has_extension = [](const TabulatedSetting* t) { return t->extension != 0; };
  if (extension != 0 && std::any_of(found.begin(), found.end(), has_extension))
    std::erase_if(found, [&](const TabulatedSetting* t) { return t->extension != extension; });
  return found;
}

bool names_origin(std::string_view text) {
  return text.find(':') != std::string_view::npos || Name(text).extension != 0;
}

std::vector<const TabulatedSetting*> settings_numbered(int number) {
  Settings found;
  for (const TabulatedSetting& t : tabulated_settings())
    if (t.setting.number == number && t.is_in_tables) found.push_back(&t);
  return found;
}

SpaceGroupSetting setting_from_hm(std::string_view name, const UnitCell& cell) {
  Settings settings = settings_named(name);
  const std::string what = fmt::format("the space group name '{}'", name);
  if (settings.empty()) throw UnknownName(fmt::format("{} is not known", what));
  const bool right = cell.alpha == 90 && cell.beta == 90 && cell.gamma == 90;
  if (settings.size() > 1 && right &&
      crystal_system(settings[0]->setting.number) == CrystalSystem::monoclinic) {
    const auto is_unique_b = [](const TabulatedSetting* t) {
      const auto tokens = split(t->hm);
      return tokens.size() == 4 && tokens[1] == "1" && tokens[3] == "1";
    };
    if (std::any_of(settings.begin(), settings.end(), is_unique_b))
      std::erase_if(settings, [&](const TabulatedSetting* t) { return !is_unique_b(t); });
  }
  return choose(std::move(settings), cell, what);
}

SpaceGroupSetting setting_from_number(int number, const UnitCell& cell) {
  if (number < 1 || number > space_group_count)
    throw UnknownName(
        fmt::format("the space group number {} is not within 1..{}", number, space_group_count));
  return choose(settings_numbered(number), cell, fmt::format("the space group number {}", number));
}

}  // namespace bragg::xrd
