// What the tests of all instrument formats ask of a reader: one scan or a reason, no silent part of a file that is cut
// off, an answer for damaged bytes.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "data/formats/format.h"

namespace bragg::data::tests {

/// Each scan with the file's warnings beside its own.
std::vector<Scan> read_as(const Format&, const std::string& bytes);
/// The message of the Error; empty where the file is read.
std::string refusal_of(const Format&, const std::string& bytes);
/// Whether it is a FormatRefused.
bool is_refused_by_name(const Format&, const std::string& bytes);

/// Every prefix in steps of `step` bytes is an error or gives scans that have a warning each which the whole file has not,
/// but for ends that lie behind `whole` bytes.
void expect_no_silent_prefix(const Format&, const std::string& bytes, std::size_t step, std::size_t whole);
/// Changes bytes, cuts and doubles pieces: an Error or scans that hold together.
void expect_answer_for_mutants(const Format&, const std::string& bytes, int mutants);

/// A file of fixed places, little-endian.
class BinaryFile {
 public:
  explicit BinaryFile(std::size_t size) : bytes_(size, '\0') {}
  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void text(std::size_t at, const std::string& text) {
    std::memcpy(bytes_.data() + at, text.data(), text.size());
  }
  template <class T>
  void append(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void append(const std::string& text) { bytes_ += text; }
  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace bragg::data::tests
