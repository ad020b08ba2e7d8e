// An XML file as instruments write it, read by pugixml in bounded time and memory. Not installed: it shows pugixml.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <pugixml.hpp>

#include "kernels/base/error.h"

namespace bragg::data {

using Xml = pugi::xml_node;

/// More signs of either kind ('<', '=') are refused before anything is parsed: a node costs up to 16 times its text.
inline constexpr std::size_t most_xml_tags = 2'000'000;
inline constexpr int deepest_xml = 64;

/// Of an XML file: the message says the place already.
class XmlError : public Error {
 public:
  using Error::Error;
};

class XmlDocument {
 public:
  /// `name` is for messages. Throws Error "NAME:LINE: reason": not well-formed, cut off, several roots, a document type
  /// declaration (entities are not read), NUL bytes, nested more than deepest_xml deep, more than most_xml_tags.
  XmlDocument(std::string_view text, std::string name);
  XmlDocument(const XmlDocument&) = delete;
  XmlDocument& operator=(const XmlDocument&) = delete;

  Xml root() const { return document_.document_element(); }
  const std::string& name() const { return name_; }
  /// Throws XmlError "NAME:LINE: reason".
  [[noreturn]] void fail(Xml at, const std::string& reason) const;
  /// "line 12"; "<scan>" where the line can't be told (UTF-16).
  std::string place(Xml) const;

  /// The finite number that is an element's text. Throws Error with the text.
  double number(Xml) const;
  /// The same; empty where `element` is null or has no text.
  std::optional<double> optional_number(Xml element) const;
  /// The finite numbers that are its text, separated by blanks. Throws Error with what is none.
  std::vector<double> numbers(Xml) const;
  std::vector<double> numbers(Xml at, std::string_view text) const;

 private:
  std::size_t line_of(Xml) const;  ///< 0: it can't be told
  void check_shape();

  std::string_view text_;
  std::string name_;
  bool is_utf8_ = true;
  std::vector<std::size_t> line_ends_;  ///< offsets
  pugi::xml_document document_;
};

/// Without the prefix of a namespace.
std::string_view local_name(Xml);
/// The first child element of that local name; null where there is none.
Xml child(Xml, std::string_view name);
/// Down a path of local names, first ones each: {"header", "startTimeStamp"}.
Xml descend(Xml, std::initializer_list<std::string_view> names);
std::vector<Xml> children(Xml, std::string_view name);
/// The first element of that name below `top`, at any depth, in the document's order; and all of them.
Xml first_below(Xml top, std::string_view name);
std::vector<Xml> all_below(Xml top, std::string_view name);
/// All text directly in an element, trimmed: comments in it split it into nodes. Control characters other than blanks are
/// '?' here and in attributes.
std::string text_of(Xml);
/// Value of the attribute of that local name, trimmed; empty where there is none.
std::string attribute(Xml, std::string_view name);
/// Lower-case ASCII letters and digits alone, to compare names that are written differently: "2Theta/Omega" "2thetaomega".
std::string letters_of(std::string_view);

}  // namespace bragg::data
