// Long sentences in lines of whole words.
#pragma once

#include <string>
#include <vector>

namespace bragg::apps {

/// The words of a text in lines of at most `width` characters; a longer word has a line of its own. One empty
/// line where there is no word.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

}  // namespace bragg::apps
