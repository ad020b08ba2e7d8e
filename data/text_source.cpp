#include "data/text_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

int open_source(const std::string& name) {
  if (name == standard_input) return dup(STDIN_FILENO);
  return open(name.c_str(), O_RDONLY | O_CLOEXEC);
}

}  // namespace

std::string read_text_source(const std::filesystem::path& path, std::uintmax_t most) {
  const std::string name = path.string();
  const auto fail = [&](const std::string& reason) { throw Error(fmt::format("{}: {}", name, reason)); };
  std::error_code code;
  if (name != standard_input) {
    if (!std::filesystem::exists(path, code)) fail(code ? code.message() : "no such file");
    if (std::filesystem::is_directory(path, code)) fail("not a file, a folder");
    if (std::filesystem::is_regular_file(path, code)) {
      const std::uintmax_t bytes = std::filesystem::file_size(path, code);
      if (!code && bytes > most) fail(fmt::format("{} bytes; at most {} are read as text", bytes, most));
    }
  }
  const int descriptor = open_source(name);
  if (descriptor < 0) fail(std::strerror(errno));
  // zlib passes through what is not compressed.
  const std::unique_ptr<gzFile_s, CloseGz> in(gzdopen(descriptor, "rb"));
  if (!in) {
    close(descriptor);
    fail("no memory to read it");
  }
  gzbuffer(in.get(), 1 << 16);
  std::string text;
  std::string portion(std::size_t{1} << 16, '\0');
  for (;;) {
    const int got = gzread(in.get(), portion.data(), static_cast<unsigned>(portion.size()));
    int fault = Z_OK;
    const char* why = gzerror(in.get(), &fault);
    // Z_BUF_ERROR at the end: the compressed stream is cut off.
    if (got < 0 || (got == 0 && fault != Z_OK)) fail(fault == Z_ERRNO ? std::strerror(errno) : why);
    if (got == 0) break;
    text.append(portion, 0, static_cast<std::size_t>(got));
    if (text.size() > most) fail(fmt::format("more than {} bytes; no more are read as text", most));
  }
  return text;
}

}  // namespace bragg::data
