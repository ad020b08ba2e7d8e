#include "nn/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <list>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/safetensors.h"
#include "kernels/ops/step_state.h"

namespace bragg::nn {
namespace {

/// An arena of a model and what lies in it.
struct Tensors {
  Tensor arena;
  const std::vector<ParameterInfo>& table;
};
Tensors weights_of(const Parameters& p) {
  return {p.weights(), p.table()};
}
Tensors statistics_of(const Parameters& p) {
  return {p.statistics(), p.statistics_table()};
}

/// Adds the tensors of one arena; each comes to the host when it is written, so that only one is there at a
/// time.
void add_tensors(SafetensorsWriter& writer, const std::filesystem::path& path, const Parameters& parameters,
                 const Tensors& tensors, const std::string& suffix) {
  for (const ParameterInfo& info : tensors.table) {
    const std::string name = info.name + suffix;
    writer.add<float>(
        name, info.shape, [&parameters, path, name, arena = tensors.arena, &info](const auto& sink) {
          std::vector<float> values(static_cast<std::size_t>(info.count()));
          parameters.download(arena, info, values);
          for (std::size_t i = 0; i < values.size(); ++i)
            if (!std::isfinite(values[i]))
              throw NotFiniteError(
                  fmt::format("{}: not written: element {} of {} is {}", path.string(), i, name, values[i]));
          sink(values);
        });
  }
}

/// What a training keeps, with what the tensors' names end in.
std::vector<std::pair<Tensors, const char*>> tensors_of(const Parameters& p) {
  std::vector<std::pair<Tensors, const char*>> all{
      {weights_of(p), ""}, {statistics_of(p), ""}, {{p.m(), p.table()}, ".m"}, {{p.v(), p.table()}, ".v"}};
  if (p.average()) all.push_back({{p.average(), p.table()}, ".ema"});
  return all;
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

bool is_rounded(const SafetensorsFile& file, const std::string& name) {
  const auto found = file.tensors().find(name);
  return found != file.tensors().end() && found->second.dtype == DType::bf16;
}

/// A model may be a rounded one; a checkpoint has every bit.
enum class Weights { exact, maybe_rounded };

/// What can be wrong with the tensors of an arena, before any of them is loaded.
void check_tensors(const SafetensorsFile& file, const std::vector<ParameterInfo>& table,
                   const std::string& suffix, Weights weights) {
  for (const ParameterInfo& info : table) {
    const std::string name = info.name + suffix;
    const bool rounded = weights == Weights::maybe_rounded && is_rounded(file, name);
    const TensorInfo& found = file.tensor(name, rounded ? DType::bf16 : DType::f32, info.shape.size());
    if (found.shape != info.shape)
      throw Error(fmt::format("{}: {} is [{}], the model's is [{}]", file.path().string(), name,
                              fmt::join(found.shape, ", "), fmt::join(info.shape, ", ")));
  }
}

/// The elements of a tensor of f32 or bf16.
std::vector<float> floats_of(const SafetensorsFile& file, const std::string& name, std::size_t rank) {
  if (!is_rounded(file, name)) return file.copy<float>(name, rank);
  const std::span<const std::byte> bytes = file.tensor(name, DType::bf16, rank).bytes;
  std::vector<BFloat16> rounded(bytes.size() / sizeof(BFloat16));
  if (!rounded.empty()) std::memcpy(rounded.data(), bytes.data(), bytes.size());
  std::vector<float> values(rounded.size());
  std::transform(rounded.begin(), rounded.end(), values.begin(), to_float);
  return values;
}

void load_tensors(const SafetensorsFile& file, Parameters& parameters, const Tensors& tensors,
                  const std::string& suffix) {
  for (const ParameterInfo& info : tensors.table)
    parameters.upload(floats_of(file, info.name + suffix, info.shape.size()), tensors.arena, info);
}

std::vector<BFloat16> rounded_tensor(const SafetensorsFile& file, const std::string& name, std::size_t rank) {
  std::vector<BFloat16> rounded;
  for (const float value : file.copy<float>(name, rank)) {
    rounded.push_back(to_bfloat16(value));
    if (!std::isfinite(to_float(rounded.back())))
      throw NotFiniteError(fmt::format("{}: element {} of {} is {}, which bf16 does not hold",
                                       file.path().string(), rounded.size() - 1, name, value));
  }
  return rounded;
}

}  // namespace

void save_model(const std::filesystem::path& path, const Model& model, const Parameters& parameters,
                const Metadata& metadata) {
  SafetensorsWriter writer;
  add_metadata(writer, model, metadata, "model");
  add_tensors(writer, path, parameters, weights_of(parameters), "");
  add_tensors(writer, path, parameters, statistics_of(parameters), "");
  writer.write(path);
}

LoadedModel read_model(const SafetensorsFile& file) {
  check_format_version(file);
  try {
    return {make_model(model_config_from_json(file.metadata("model"))), file.metadata()};
  } catch (const UsageError& e) {  // a config that no bragg wrote: the file's fault, not the caller's
    throw Error(fmt::format("{}: {}", file.path().string(), e.what()));
  }
}

LoadedModel read_model(const std::filesystem::path& path) {
  return read_model(SafetensorsFile(path));
}

void load_weights(const SafetensorsFile& file, Parameters& parameters) {
  check_format_version(file);
  check_tensors(file, parameters.table(), "", Weights::maybe_rounded);
  check_tensors(file, parameters.statistics_table(), "", Weights::maybe_rounded);
  load_tensors(file, parameters, weights_of(parameters), "");
  load_tensors(file, parameters, statistics_of(parameters), "");
}

void load_weights(const std::filesystem::path& path, Parameters& parameters) {
  load_weights(SafetensorsFile(path), parameters);
}

void save_rounded(const std::filesystem::path& from, const std::filesystem::path& to,
                  const Metadata& metadata) {
  const SafetensorsFile file(from);
  check_format_version(file);
  if (file.metadata("kind") != "model")
    throw Error(
        fmt::format("{}: a {}, not a model: it is not rounded", from.string(), file.metadata("kind")));
  SafetensorsWriter writer;
  for (const auto& [key, value] : metadata)
    writer.metadata(key, value);
  for (const char* key : {"format_version", "kind", "model"})
    writer.metadata(key, file.metadata(key));
  std::list<std::vector<BFloat16>> matrices;  // where they are until they are written
  for (const auto& [name, info] : file.tensors()) {
    if (info.shape.size() < 2 || info.dtype == DType::bf16) {
      writer.add(name, info.dtype, info.shape, info.bytes);
      continue;
    }
    const auto& matrix = matrices.emplace_back(rounded_tensor(file, name, info.shape.size()));
    writer.add(name, DType::bf16, info.shape, std::as_bytes(std::span(matrix)));
  }
  writer.write(to);
}

void save_checkpoint(const std::filesystem::path& path, const Model& model, const Parameters& parameters,
                     const StepState& state, const Metadata& metadata) {
  SafetensorsWriter writer;
  add_metadata(writer, model, metadata, "checkpoint");
  writer.metadata("step", std::to_string(state.step));
  writer.metadata("first_index", std::to_string(state.first_index));
  for (const auto& [tensors, suffix] : tensors_of(parameters))
    add_tensors(writer, path, parameters, tensors, suffix);
  writer.write(path);
}

StepState load_checkpoint(const std::filesystem::path& path, Parameters& parameters) {
  const SafetensorsFile file(path);
  check_format_version(file);
  if (file.metadata("kind") != "checkpoint")
    throw Error(fmt::format("{}: a {}, not a checkpoint: it cannot be continued", path.string(),
                            file.metadata("kind")));
  for (const auto& [tensors, suffix] : tensors_of(parameters))
    check_tensors(file, tensors.table, suffix, Weights::exact);
  const StepState state{file.count("step"), file.count("first_index")};
  for (const auto& [tensors, suffix] : tensors_of(parameters))
    load_tensors(file, parameters, tensors, suffix);
  return state;
}

}  // namespace bragg::nn
