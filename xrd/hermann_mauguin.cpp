// Space groups by name and number: Hermann-Mauguin symbols as people write them, full, short and old.
#include <algorithm>
#include <cctype>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "xrd/space_groups.h"
#include "xrd/symmetry_tables.h"

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

/// A name taken apart: lower case, old and typographic forms made plain.
struct Name {
  std::vector<std::string> tokens;
  char extension = 0;

  explicit Name(std::string_view text) {
    std::string s;
    for (const char c : text)
      s += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    take_remark(s, "(hexagonal axes)", 'H');
    take_remark(s, "(rhombohedral axes)", 'R');
    take_remark(s, "(origin choice 1)", '1');
    take_remark(s, "(origin choice 2)", '2');
    if (const auto brace = s.find('{'); brace != std::string::npos) s.resize(brace);
    if (const auto colon = s.find(':'); colon != std::string::npos) {
      const std::string suffix = join(split(s.substr(colon + 1)));
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
    // As ICSD writes them: "F d -3 m S" and "Z" are origin choices 1 and 2, "R -3 m H" and "R".
    if (tokens.size() > 2 && tokens.back().size() == 1) {
      const auto at = std::string_view("szhr").find(tokens.back()[0]);
      if (at != std::string_view::npos) {
        extension = "12HR"[at];
        tokens.pop_back();
      }
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
  if (found.empty() && key[0] == 'r' && (key.back() == 'h' || key.back() == 'r')) {  // "R-3mH"
    extension = static_cast<char>(key.back() - 32);
    key.pop_back();
    found = look_up(key);
  }
  const auto has_extension = [](const TabulatedSetting* t) { return t->extension != 0; };
  if (extension != 0 && std::any_of(found.begin(), found.end(), has_extension))
    std::erase_if(found, [&](const TabulatedSetting* t) { return t->extension != extension; });
  return found;
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
