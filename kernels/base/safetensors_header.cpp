#include "kernels/base/safetensors_header.h"

#include <set>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"

namespace bragg {

using nlohmann::json;

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(fmt::format("{}: {}", path.string(), what));
}

/// Sees what a plain parser would not, before one runs: a name given twice, nesting beyond the format's, more
/// entries than any file has.
class HeaderCheck : public nlohmann::json_sax<json> {
 public:
  explicit HeaderCheck(const std::filesystem::path& path) : path_(path) {}

  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (!keys_.back().insert(name).second)
      fail(path_, fmt::format("the header has {} twice", quoted_name(name)));
    return count();
  }
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(std::int64_t) override { return count(); }
  bool number_unsigned(std::uint64_t) override { return count(); }
  bool number_float(double, const json::string_t&) override { return count(); }
  bool string(std::string&) override { return count(); }
  bool binary(json::binary_t&) override { return count(); }
  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    fail(path_, fmt::format("the header is not valid JSON: {}", e.what()));
  }

 private:
  bool open() {
    constexpr std::size_t deepest = 4;
    if (keys_.size() >= deepest) fail(path_, "the header is nested deeper than the format allows");
    keys_.emplace_back();
    return count();
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  bool count() {
    constexpr std::size_t most_entries = 4'000'000;  // about half a GB as parsed
    if (++entries_ > most_entries)
      fail(path_, fmt::format("the header has more than {} names and values", most_entries));
    return true;
  }

  const std::filesystem::path& path_;
  std::vector<std::set<std::string>> keys_;  ///< of every object that is open
  std::size_t entries_ = 0;
};

}  // namespace

std::string quoted_name(const std::string& name) {
  constexpr std::size_t longest = 80;
  const bool cut = name.size() > longest;
  return json(cut ? name.substr(0, longest) + "..." : name)
      .dump(-1, ' ', true, json::error_handler_t::replace);
}

json parse_safetensors_header(const std::filesystem::path& path, const char* begin, const char* end) {
  HeaderCheck check(path);
  json::sax_parse(begin, end, &check);
  try {
    json header = json::parse(begin, end);
    if (!header.is_object()) fail(path, "the header is not a JSON object");
    return header;
  } catch (const json::exception& e) {
    fail(path, fmt::format("the header is not valid JSON: {}", e.what()));
  }
}

}  // namespace bragg
