#include "xrd/cif/grammar.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <gemmi/cif.hpp>

#include "xrd/cif/repair.h"

namespace bragg::xrd {
namespace {

namespace pegtl = tao::pegtl;
namespace rules = gemmi::cif::rules;

class TooLarge : public Error {
 public:
  using Error::Error;
};

struct State {
  std::string_view parsed, original;  ///< of one length: what is kept are views into the original
  std::vector<CifBlock> blocks;
  bool in_frame = false;  ///< of a save frame nothing is kept
  CifLoop frame_loop;
  CifItem frame_item;
  std::size_t values = 0;

  template <class Input>
  std::string_view view(const Input& in) const {
    return original.substr(static_cast<std::size_t>(in.begin() - parsed.data()), in.size());
  }
  void count(std::size_t more) {
    if ((values += more) > most_cif_values)
      throw TooLarge(fmt::format("more than {} tags and values", most_cif_values));
  }
  CifLoop& loop() { return in_frame ? frame_loop : blocks.back().loops.back(); }
  CifItem& item() { return in_frame ? frame_item : blocks.back().items.back(); }
};

template <class Input>
int line_of(const Input& in) {
  return static_cast<int>(in.iterator().line);
}

template <class Input>
CifValue value_of(const Input& in, const State& state) {
  std::string_view text = state.view(in);
  CifValue value{text, line_of(in), false};
  if (text.size() < 2) return value;
  const char first = text.front();
  if ((first == '\'' || first == '"') && text.back() == first) {
    value = {text.substr(1, text.size() - 2), value.line, true};
  } else if (first == ';' && text.back() == ';' && text[text.size() - 2] == '\n') {
    text = text.substr(1, text.size() - 3);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    value = {text, value.line, true};
  }
  return value;
}

template <class Rule>
struct Action : pegtl::nothing<Rule> {};

template <>
struct Action<rules::datablockname> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    CifBlock& block = state.blocks.emplace_back();
    block.name = state.view(in);
    block.line = line_of(in);
  }
};
template <>
struct Action<rules::str_global> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    CifBlock& block = state.blocks.emplace_back();
    block.name = "global_";
    block.line = line_of(in);
  }
};
template <>
struct Action<rules::framename> {
  template <class Input>
  static void apply(const Input&, State& state) {
    state.in_frame = true;
  }
};
template <>
struct Action<rules::endframe> {
  template <class Input>
  static void apply(const Input&, State& state) {
    state.in_frame = false;
  }
};
template <>
struct Action<rules::item_tag> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.count(2);
    if (!state.in_frame) state.blocks.back().items.emplace_back();
    state.item() = {state.view(in), {}};
  }
};
template <>
struct Action<rules::item_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.item().value = value_of(in, state);
  }
};
template <>
struct Action<rules::missing_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    const std::string what = fmt::format("{} has no value", state.item().tag);
    if (state.in_frame || is_structural(state.item().tag)) throw pegtl::parse_error(what, in);
    state.blocks.back().notes.push_back({line_of(in), what});
    state.blocks.back().items.pop_back();
  }
};
template <>
struct Action<rules::str_loop> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.count(8);  // as much memory as that many values
    if (state.in_frame)
      state.frame_loop = {};
    else
      state.blocks.back().loops.emplace_back();
    state.loop().line = line_of(in);
  }
};
template <>
struct Action<rules::loop_tag> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.count(1);
    state.loop().tags.push_back(state.view(in));
  }
};
template <>
struct Action<rules::loop_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.count(1);
    state.loop().values.push_back(value_of(in, state));
  }
};
template <>
struct Action<rules::loop> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    const CifLoop& loop = state.loop();
    if (!loop.values.empty() && loop.values.size() % loop.tags.size() == 0) return;
    std::string what = fmt::format("truncated loop: {} values for the {} tags from {} on", loop.values.size(),
                                   loop.tags.size(), loop.tags.front());
    if (std::any_of(loop.tags.begin(), loop.tags.end(), is_structural)) throw pegtl::parse_error(what, in);
    if (state.in_frame) return;
    CifBlock& block = state.blocks.back();
    if (!loop.values.empty()) block.notes.push_back({loop.line, what + "; it is left out", true});
    block.loops.pop_back();
  }
};

}  // namespace

bool same_tag(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto plain = [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c + 32);
    return c == '.' ? '_' : c;
  };
  // Tags differ at their ends sooner than at their beginnings.
  for (std::size_t i = a.size(); i-- > 0;)
    if (plain(a[i]) != plain(b[i])) return false;
  return true;
}

bool is_structural(std::string_view tag) {
  constexpr std::array<std::string_view, 9> starts{
      "_cell_length",      "_cell_angle",      "_atom_site_",
      "_symmetry_equiv",   "_symmetry_space",  "_symmetry_Int_Tables",
      "_space_group_name", "_space_group_sym", "_space_group_IT_number"};
  return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) {
    return tag.size() >= start.size() && same_tag(tag.substr(0, start.size()), start);
  });
}

namespace {

/// The text as gemmi's rules read it; `original` is what it was before repairs.
std::vector<CifBlock> parse_strictly(std::string_view text, std::string_view original, int first_line) {
  State state;
  state.parsed = text;
  state.original = original;
  pegtl::memory_input<> in(text.data(), text.data() + text.size(), "", 0,
                           static_cast<std::size_t>(first_line), 1);
  const auto block_name = [&] { return state.blocks.empty() ? std::string() : state.blocks.back().name; };
  try {
    const bool any = pegtl::parse<rules::file, Action, gemmi::cif::Errors>(in, state);
    if (!any)
      throw CifGrammarError("", static_cast<int>(in.iterator().line), "expected block header (data_)");
  } catch (const TooLarge& e) {
    throw CifGrammarError(block_name(), static_cast<int>(in.iterator().line), e.what(), 0, true);
  } catch (const pegtl::parse_error& e) {
    const auto& position = e.positions().front();
    const std::size_t byte = std::min(position.byte, text.size());
    // What stands there helps more than the name of a rule.
    constexpr std::size_t longest_excerpt = 40;
    std::string_view rest = original.substr(byte);
    rest = rest.substr(0, std::min(rest.find_first_of("\r\n"), longest_excerpt));
    std::string message(e.message());
    if (message == "parse error") message = "neither a tag nor a loop nor a block";
    if (!rest.empty()) message += fmt::format(" at '{}'", rest);
    throw CifGrammarError(block_name(), static_cast<int>(position.line), message, byte);
  }
  return std::move(state.blocks);
}

}  // namespace

std::vector<CifBlock> parse_blocks(std::string_view text, int first_line) {
  try {
    return parse_strictly(text, text, first_line);
  } catch (const CifGrammarError& e) {
    if (e.is_too_large) throw;
  }
  CifRepair repair(text, first_line);
  for (;;) {
    try {
      std::vector<CifBlock> blocks = parse_strictly(repair.text(), text, first_line);
      for (const CifNote& note : repair.notes())
        blocks.front().notes.push_back(note);
      return blocks;
    } catch (const CifGrammarError& e) {
      if (e.is_too_large || !repair.pass_over(e.byte, e.line))
        throw CifGrammarError(e.block, e.line, repair.explain(e.what()), e.byte, e.is_too_large);
    }
  }
}

}  // namespace bragg::xrd
