#include "nn/checkpoint.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/safetensors.h"

namespace bragg::nn {
namespace {

/// Adds the tensors of one arena; `values` (Parameters::download) must outlive the writer.
void add_tensors(SafetensorsWriter& writer, const std::filesystem::path& path, const Parameters& parameters,
                 const std::vector<float>& values, const std::string& suffix) {
  std::size_t at = 0;
  for (const ParameterInfo& info : parameters.table()) {
    const auto piece = std::span(values).subspan(at, static_cast<std::size_t>(info.count()));
    for (std::size_t i = 0; i < piece.size(); ++i)
      if (!std::isfinite(piece[i]))
        throw NotFiniteError(fmt::format("{}: not written: element {} of {} is {}", path.string(), i,
                                         info.name + suffix, piece[i]));
    writer.add<float>(info.name + suffix, info.shape, piece);
    at += piece.size();
  }
}

void add_metadata(SafetensorsWriter& writer, const Model& model, const Metadata& metadata, const char* kind) {
  for (const auto& [key, value] : metadata)
    writer.metadata(key, value);
  writer.metadata("format_version", std::to_string(model_format_version));
  writer.metadata("kind", kind);
  writer.metadata("model", to_json(model.config));
}

void check_format_version(const SafetensorsFile& file) {
  const std::string& version = file.metadata("format_version");
  if (version != std::to_string(model_format_version))
    throw Error(fmt::format("{}: format_version {} is not known, this program reads {}", file.path().string(),
                            version, model_format_version));
}

std::vector<float> read_tensors(const SafetensorsFile& file, const Parameters& parameters,
                                const std::string& suffix) {
  std::vector<float> values;
  for (const ParameterInfo& info : parameters.table()) {
    const std::string name = info.name + suffix;
    if (file.has(name) && file.tensors().at(name).shape != info.shape)
      throw Error(fmt::format("{}: {} is [{}], the model's is [{}]", file.path().string(), name,
                              fmt::join(file.tensors().at(name).shape, ", "), fmt::join(info.shape, ", ")));
    const auto piece = file.copy<float>(name, info.shape.size());
    values.insert(values.end(), piece.begin(), piece.end());
  }
  return values;
}

std::uint64_t read_count(const SafetensorsFile& file, const std::string& key) {
  const std::string& text = file.metadata(key);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("{}: {} '{}' is not a count", file.path().string(), key, text));
  return value;
}

}  // namespace

void save_model(const std::filesystem::path& path, const Model& model, const Parameters& parameters,
                const Metadata& metadata) {
  SafetensorsWriter writer;
  add_metadata(writer, model, metadata, "model");
  const auto weights = parameters.download(parameters.weights());
  add_tensors(writer, path, parameters, weights, "");
  writer.write(path);
}

LoadedModel read_model(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  check_format_version(file);
  try {
    return {make_model(model_config_from_json(file.metadata("model"))), file.metadata()};
  } catch (const UsageError& e) {  // a config that no bragg wrote: the file's fault, not the caller's
    throw Error(fmt::format("{}: {}", path.string(), e.what()));
  }
}

void load_weights(const std::filesystem::path& path, Parameters& parameters) {
  const SafetensorsFile file(path);
  check_format_version(file);
  parameters.upload(read_tensors(file, parameters, ""), parameters.weights());
}

void save_checkpoint(const std::filesystem::path& path, const Model& model, const Parameters& parameters,
                     const StepState& state, const Metadata& metadata) {
  SafetensorsWriter writer;
  add_metadata(writer, model, metadata, "checkpoint");
  writer.metadata("step", std::to_string(state.step));
  writer.metadata("first_index", std::to_string(state.first_index));
  const auto weights = parameters.download(parameters.weights());
  const auto m = parameters.download(parameters.m());
  const auto v = parameters.download(parameters.v());
  add_tensors(writer, path, parameters, weights, "");
  add_tensors(writer, path, parameters, m, ".m");
  add_tensors(writer, path, parameters, v, ".v");
  writer.write(path);
}

StepState load_checkpoint(const std::filesystem::path& path, Parameters& parameters) {
  const SafetensorsFile file(path);
  check_format_version(file);
  if (file.metadata("kind") != "checkpoint")
    throw Error(fmt::format("{}: a {}, not a checkpoint: it cannot be continued", path.string(),
                            file.metadata("kind")));
  const auto weights = read_tensors(file, parameters, "");
  const auto m = read_tensors(file, parameters, ".m");
  const auto v = read_tensors(file, parameters, ".v");
  const StepState state{read_count(file, "step"), read_count(file, "first_index")};
  parameters.upload(weights, parameters.weights());
  parameters.upload(m, parameters.m());
  parameters.upload(v, parameters.v());
  return state;
}

}  // namespace bragg::nn
