#include "data/formats/xml_document.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/header_radiation.h"  // for quoted_line
#include "data/formats/text_rows.h"

namespace bragg::data {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// With '?' for control characters (U+007F to U+009F among them), which XML forbids and a terminal would obey. Blanks stay.
std::string without_controls(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_blank = byte == '\t' || byte == '\n' || byte == '\r';
    const bool is_c1 =
        byte >= 0x80 && byte < 0xa0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xc2;
    if (is_c1) text[i - 1] = '?';
    if (is_c1 || byte == 0x7f || (byte < 0x20 && !is_blank)) text[i] = '?';
  }
  return text;
}

std::string_view without_prefix(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// The next element below `top` in the document's order. Not recursive: the depth is the file's.
Xml next_below(Xml top, Xml node) {
  if (node.first_child()) return node.first_child();
  while (node != top && !node.next_sibling())
    node = node.parent();
  return node == top ? Xml() : node.next_sibling();
}

/// Other texts are converted before they are parsed: places in them are not those of the file.
bool is_utf8(std::string_view text) {
  if (text.substr(0, 2) == "\xff\xfe" || text.substr(0, 2) == "\xfe\xff") return false;
  const std::string_view declaration = text.substr(0, std::min<std::size_t>(text.find("?>"), 200));
  return declaration.find("8859") == std::string_view::npos &&
         declaration.find("atin1") == std::string_view::npos;
}

}  // namespace

XmlDocument::XmlDocument(std::string_view text, std::string name)
    : text_(text), name_(std::move(name)), is_utf8_(is_utf8(text)) {
  const auto refuse = [&](std::size_t byte, const std::string& reason) {
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(byte), '\n') + 1;
    throw Error(fmt::format("{}:{}: {}", name_, line, reason));
  };
  for (const char sign : {'<', '='}) {
    const auto count = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), sign));
    if (count > most_xml_tags)
      refuse(0, fmt::format("{} of '{}' in the XML; at most {} are read", count, sign, most_xml_tags));
  }
  if (is_utf8_ && text_.find('\0') != std::string_view::npos)
    refuse(text_.find('\0'), "a NUL byte in the XML");
  if (text_.find("<!DOCTYPE") != std::string_view::npos)
    refuse(text_.find("<!DOCTYPE"),
           "a document type declaration, which no instrument writes: it is not read");
  const pugi::xml_parse_result result =
      document_.load_buffer(text_.data(), text_.size(), pugi::parse_default);
  if (!result) {
    const auto at = static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0));
    refuse(std::min(at, text_.size()),
           fmt::format("the XML is cut off or damaged: {}", result.description()));
  }
  for (std::size_t at = text_.find('\n'); at != std::string_view::npos; at = text_.find('\n', at + 1))
    line_ends_.push_back(at);
  check_shape();
}

void XmlDocument::check_shape() {
  const auto roots = std::count_if(document_.begin(), document_.end(),
                                   [](Xml node) { return node.type() == pugi::node_element; });
  if (roots != 1) throw Error(fmt::format("{}:1: {} elements at the top of the XML, not one", name_, roots));
  int depth = 0;
  const Xml top = document_;
  for (Xml node = document_.first_child(); node;) {
    if (depth > deepest_xml) fail(node, fmt::format("elements are nested more than {} deep", deepest_xml));
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node != top && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node == top) break;
    node = node.next_sibling();
  }
}

std::size_t XmlDocument::line_of(Xml node) const {
  const std::ptrdiff_t offset = node.offset_debug();
  if (!is_utf8_ || offset < 0 || static_cast<std::size_t>(offset) > text_.size()) return 0;
  const auto end = std::lower_bound(line_ends_.begin(), line_ends_.end(), static_cast<std::size_t>(offset));
  return static_cast<std::size_t>(end - line_ends_.begin()) + 1;
}

std::string XmlDocument::place(Xml node) const {
  const std::size_t line = line_of(node);
  return line == 0 ? fmt::format("<{}>", local_name(node)) : fmt::format("line {}", line);
}

void XmlDocument::fail(Xml at, const std::string& reason) const {
  const std::size_t line = line_of(at);
  if (line == 0) throw XmlError(fmt::format("{}: <{}>: {}", name_, local_name(at), reason));
  throw XmlError(fmt::format("{}:{}: {}", name_, line, reason));
}

double XmlDocument::number(Xml element) const {
  const std::string text = text_of(element);
  const auto value = parse_number(text, '.');
  if (!value || !std::isfinite(*value))
    fail(element, fmt::format("<{}> is {}, not a finite number", local_name(element), quoted_line(text)));
  return *value;
}

std::optional<double> XmlDocument::optional_number(Xml element) const {
  if (!element || text_of(element).empty()) return std::nullopt;
  return number(element);
}

std::vector<double> XmlDocument::numbers(Xml element) const {
  for (const Xml below : element) {
    if (below.type() == pugi::node_element)
      fail(below, fmt::format("<{}> inside the numbers of <{}>", local_name(below), local_name(element)));
  }
  return numbers(element, text_of(element));
}

std::vector<double> XmlDocument::numbers(Xml at, std::string_view text) const {
  std::vector<double> values;
  for (std::size_t begin = text.find_first_not_of(blanks); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(blanks, begin), text.size());
    const std::string_view field = text.substr(begin, end - begin);
    const auto value = parse_number(field, '.');
    if (!value || !std::isfinite(*value)) {
      fail(at, fmt::format("number {} of <{}> is {}, not a finite number", values.size() + 1, local_name(at),
                           quoted_line(field)));
    }
    values.push_back(*value);
    begin = text.find_first_not_of(blanks, end);
  }
  return values;
}

std::string_view local_name(Xml node) {
  return without_prefix(node.name());
}

Xml child(Xml node, std::string_view name) {
  for (const Xml below : node) {
    if (below.type() == pugi::node_element && local_name(below) == name) return below;
  }
  return {};
}

Xml descend(Xml node, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    node = child(node, name);
  return node;
}

std::vector<Xml> children(Xml node, std::string_view name) {
  std::vector<Xml> found;
  for (const Xml below : node) {
    if (below.type() == pugi::node_element && local_name(below) == name) found.push_back(below);
  }
  return found;
}

Xml first_below(Xml top, std::string_view name) {
  for (Xml node = top.first_child(); node; node = next_below(top, node)) {
    if (node.type() == pugi::node_element && local_name(node) == name) return node;
  }
  return {};
}

std::vector<Xml> all_below(Xml top, std::string_view name) {
  std::vector<Xml> found;
  for (Xml node = top.first_child(); node; node = next_below(top, node)) {
    if (node.type() == pugi::node_element && local_name(node) == name) found.push_back(node);
  }
  return found;
}

std::string text_of(Xml node) {
  std::string text;
  for (const Xml below : node) {
    if (below.type() == pugi::node_pcdata || below.type() == pugi::node_cdata) text += below.value();
  }
  return without_controls(std::string(without_blanks(text)));
}

std::string attribute(Xml node, std::string_view name) {
  for (const pugi::xml_attribute found : node.attributes()) {
    if (without_prefix(found.name()) == name)
      return without_controls(std::string(without_blanks(found.value())));
  }
  return {};
}

std::string letters_of(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') letters += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters += c;
  }
  return letters;
}

}  // namespace bragg::data
