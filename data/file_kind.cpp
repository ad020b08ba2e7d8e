#include "data/file_kind.h"

namespace bragg::data {

std::string kind_of(const SafetensorsFile& file) {
  const auto& metadata = file.metadata();
  const auto content = metadata.find("content");
  if (content != metadata.end() && content->second == "crystals") return "a crystal set";
  if (metadata.contains("model")) {
    const auto kind = metadata.find("kind");
    return kind != metadata.end() && kind->second == "checkpoint" ? "a checkpoint" : "a model";
  }
  if (file.has("patterns")) return "a pattern set";
  return "no file of bragg's";
}

}  // namespace bragg::data
