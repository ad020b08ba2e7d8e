// Is a page complete in itself? For the HTML that bragg writes, which is written as XML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bragg::apps::tests {

/// Empty where every element is closed in order, every attribute quoted and every & an entity; else what is
/// wrong.
inline std::string why_not_well_formed(std::string_view html) {
  std::vector<std::string> open;
  const auto near = [&](std::size_t at) { return " near '" + std::string(html.substr(at, 60)) + "'"; };
  for (std::size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '&') {
      const std::size_t end = html.find_first_of("; <\n", i);
      if (end == std::string_view::npos || html[end] != ';') return "bare &" + near(i);
      continue;
    }
    if (html[i] == '>') return "bare >" + near(i);
    if (html[i] != '<') continue;
    std::size_t end = i + 1;
    char quote = 0;
    for (; end < html.size() && (quote || html[end] != '>'); ++end) {
      if (quote ? html[end] == quote : html[end] == '"') quote = quote ? 0 : html[end];
      if (html[end] == '<') return "< inside a tag" + near(i);
    }
    if (end == html.size()) return "tag without end" + near(i);
    const std::string_view tag = html.substr(i + 1, end - i - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" \n/", 1)));
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "closed out of order" + near(i);
      open.pop_back();
    } else if (!tag.starts_with("!DOCTYPE") && !tag.ends_with("/")) {
      open.push_back(name);
      // CSS and scripts hold < and > of their own.
      if (name == "style" || name == "script") end = html.find("</" + name + ">", end) - 1;
    }
    for (std::size_t equals = tag.find('='); equals != std::string_view::npos;
         equals = tag.find('=', equals)) {
      if (equals + 1 >= tag.size() || tag[equals + 1] != '"') return "attribute without quotes" + near(i);
      equals = tag.find('"', equals + 2);
      if (equals == std::string_view::npos) return "attribute without end" + near(i);
    }
    i = end;
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

/// The first thing that would make a browser fetch something or run a script; empty where there is none.
inline std::string external_reference(std::string_view html) {
  for (const std::string_view sign :
       {"src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<object", "<embed", "<base",
        "<form", "javascript:", " onload", " onclick", "srcset="}) {
    if (html.find(sign) != std::string_view::npos) return std::string(sign);
  }
  return "";
}

}  // namespace bragg::apps::tests
