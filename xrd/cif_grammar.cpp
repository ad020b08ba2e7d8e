#include "xrd/cif_grammar.h"

#include <algorithm>

#include <fmt/format.h>

#include <gemmi/cif.hpp>

namespace bragg::xrd {
namespace {

namespace pegtl = tao::pegtl;
namespace rules = gemmi::cif::rules;

struct State {
  std::vector<CifBlock> blocks;
  bool in_frame = false;  ///< of a save frame nothing is kept
  CifLoop frame_loop;
  CifItem frame_item;

  CifLoop& loop() { return in_frame ? frame_loop : blocks.back().loops.back(); }
  CifItem& item() { return in_frame ? frame_item : blocks.back().items.back(); }
};

template <class Input>
std::string_view view(const Input& in) {
  return {in.begin(), in.size()};
}

template <class Input>
int line_of(const Input& in) {
  return static_cast<int>(in.iterator().line);
}

template <class Input>
CifValue value_of(const Input& in) {
  std::string_view text = view(in);
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
    block.name = view(in);
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
    if (!state.in_frame) state.blocks.back().items.emplace_back();
    state.item() = {view(in), {}};
  }
};
template <>
struct Action<rules::item_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.item().value = value_of(in);
  }
};
template <>
struct Action<rules::missing_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    throw pegtl::parse_error(fmt::format("{} has no value", state.item().tag), in);
  }
};
template <>
struct Action<rules::str_loop> {
  template <class Input>
  static void apply(const Input& in, State& state) {
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
    state.loop().tags.push_back(view(in));
  }
};
template <>
struct Action<rules::loop_value> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    state.loop().values.push_back(value_of(in));
  }
};
template <>
struct Action<rules::loop> {
  template <class Input>
  static void apply(const Input& in, State& state) {
    const CifLoop& loop = state.loop();
    if (loop.values.empty() || loop.values.size() % loop.tags.size() != 0)
      throw pegtl::parse_error(fmt::format("truncated loop: {} values for the {} tags from {} on",
                                           loop.values.size(), loop.tags.size(), loop.tags.front()),
                               in);
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

std::vector<CifBlock> parse_blocks(std::string_view text, int first_line) {
  State state;
  pegtl::memory_input<> in(text.data(), text.data() + text.size(), "", 0,
                           static_cast<std::size_t>(first_line), 1);
  try {
    const bool any = pegtl::parse<rules::file, Action, gemmi::cif::Errors>(in, state);
    if (!any)
      throw CifGrammarError("", static_cast<int>(in.iterator().line), "expected block header (data_)");
  } catch (const pegtl::parse_error& e) {
    const auto& position = e.positions().front();
    const std::string block = state.blocks.empty() ? "" : state.blocks.back().name;
    // What stands there helps more than the name of a rule.
    constexpr std::size_t longest_excerpt = 40;
    std::string_view rest = text.substr(std::min(position.byte, text.size()));
    rest = rest.substr(0, std::min(rest.find_first_of("\r\n"), longest_excerpt));
    std::string message(e.message());
    if (message == "parse error") message = "neither a tag nor a loop nor a block";
    if (!rest.empty()) message += fmt::format(" at '{}'", rest);
    throw CifGrammarError(block, static_cast<int>(position.line), message);
  }
  return std::move(state.blocks);
}

}  // namespace bragg::xrd
