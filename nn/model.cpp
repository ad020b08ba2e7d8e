#include "nn/model.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"

namespace bragg::nn {
namespace {

constexpr const char* first_head = "class";

/// Takes the paper's list where none is given; a list that the paper's model lacks has no meaning there.
template <typename T>
void fill(const std::string& model, const char* key, std::vector<T>& given, const std::vector<T>& paper) {
  if (given.empty())
    given = paper;
  else if (paper.empty())
    throw UsageError(fmt::format("[model] {} has no {}", model, key));
}

template <typename T>
void equal_length(const char* key, const std::vector<T>& list, const char* other_key, std::size_t other) {
  if (list.size() != other)
    throw UsageError(
        fmt::format("[model] {} values of {}, but {} of {}", list.size(), key, other, other_key));
}

void positive(const char* key, const std::vector<int>& list) {
  for (const int value : list)
    if (value < 1) throw UsageError(fmt::format("[model] {} {} < 1", key, value));
}

/// The same of a number; `none` stands for one that is not given, or that the model lacks.
void fill_one(const std::string& model, const char* key, int& given, int paper, int none) {
  if (given == none)
    given = paper;
  else if (paper == none)
    throw UsageError(fmt::format("[model] {} has no {}", model, key));
}

/// A head beside the first, which asks for the class.
void check_head(const Head& head, const ModelConfig& c) {
  const auto same = std::count_if(c.more_heads.begin(), c.more_heads.end(),
                                  [&](const Head& other) { return other.name == head.name; });
  if (head.name.empty() || head.name == first_head || same > 1)
    throw UsageError(fmt::format("[model] a head's name '{}' is empty or taken", head.name));
  if (head.classes < 2)
    throw UsageError(fmt::format("[model] head {}: classes {} < 2", head.name, head.classes));
  if (!(head.weight >= 0) || !std::isfinite(head.weight))
    throw UsageError(fmt::format("[model] head {}: weight {} is no weight", head.name, head.weight));
  if (std::ssize(head.class_of) != c.classes)
    throw UsageError(fmt::format("[model] head {}: a table of {} for {} classes", head.name,
                                 head.class_of.size(), c.classes));
  for (const std::int32_t one : head.class_of)
    if (one < 0 || one >= head.classes)
      throw UsageError(
          fmt::format("[model] head {}: class {} outside 0..{}", head.name, one, head.classes - 1));
}

void probability(const char* key, double p) {
  if (!(p >= 0 && p < 1)) throw UsageError(fmt::format("[model] {} {} outside [0, 1)", key, p));
}

}  // namespace

ModelConfig with_defaults(ModelConfig c, const ModelConfig& paper) {
  if (c.classes < 2) throw UsageError(fmt::format("[model] classes {} < 2", c.classes));
  if (c.points < 1) throw UsageError(fmt::format("[model] points {} < 1", c.points));
  fill(c.name, "channels", c.channels, paper.channels);
  fill(c.name, "kernels", c.kernels, paper.kernels);
  fill(c.name, "strides", c.strides, paper.strides);
  fill(c.name, "pool_kernels", c.pool_kernels, paper.pool_kernels);
  fill(c.name, "pool_strides", c.pool_strides, paper.pool_strides);
  fill(c.name, "dense", c.dense, paper.dense);
  fill(c.name, "blocks", c.blocks, paper.blocks);
  fill_one(c.name, "block_kernel", c.block_kernel, paper.block_kernel, 0);
  fill_one(c.name, "bottleneck", c.bottleneck, paper.bottleneck, -1);
  // One dropout for all dense layers, as in the CNNs, serves any number of them.
  const auto& dropouts = paper.dense_dropout;
  const bool uniform = std::equal(dropouts.begin() + 1, dropouts.end(), dropouts.begin());
  if (c.dense_dropout.empty() && !uniform && c.dense.size() != dropouts.size())
    throw UsageError(
        fmt::format("[model] {} widths of dense: dropout has to be given, too, {}'s own is for {}",
                    c.dense.size(), c.name, dropouts.size()));
  if (c.dense_dropout.empty())
    c.dense_dropout = uniform ? std::vector<double>(c.dense.size(), dropouts.front()) : dropouts;

  equal_length("kernels", c.kernels, "channels", c.channels.size());
  equal_length("strides", c.strides, "channels", c.channels.size());
  if (!paper.pool_kernels.empty()) {
    equal_length("pool_kernels", c.pool_kernels, "channels", c.channels.size());
    equal_length("pool_strides", c.pool_strides, "channels", c.channels.size());
  }
  if (!paper.blocks.empty()) equal_length("blocks", c.blocks, "channels", c.channels.size());
  equal_length("dense_dropout", c.dense_dropout, "dense", c.dense.size());
  positive("channels", c.channels);
  positive("kernels", c.kernels);
  positive("strides", c.strides);
  positive("pool_kernels", c.pool_kernels);
  positive("pool_strides", c.pool_strides);
  positive("dense", c.dense);
  positive("blocks", c.blocks);
  if (!paper.blocks.empty()) positive("block_kernel", {c.block_kernel});
  if (c.bottleneck < -1) throw UsageError(fmt::format("[model] bottleneck {} < 0", c.bottleneck));
  for (const Head& head : c.more_heads)
    check_head(head, c);

  if (c.conv_dropout == -1) c.conv_dropout = paper.conv_dropout;
  if (!c.channels.empty())
    probability("conv_dropout", c.conv_dropout);
  else if (c.conv_dropout != -1)
    throw UsageError(fmt::format("[model] {} has no conv_dropout", c.name));
  for (const double p : c.dense_dropout)
    probability("dense_dropout", p);
  return c;
}

void classify(Model& model, Value x) {
  const ModelConfig& c = model.config;
  Graph& g = model.graph;
  for (std::size_t i = 0; i < c.dense.size(); ++i)
    x = g.relu(g.dense(x, c.dense[i]), c.dense_dropout[i]);
  g.head({first_head, c.classes, 1, {}}, g.dense(x, c.classes));
  for (const Head& head : c.more_heads)
    g.head(head, g.dense(x, head.classes));
}

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> names = {"scnn", "npcnn", "mlp", "resnet"};
  return names;
}

Model make_model(const ModelConfig& config) {
  if (config.name == "scnn") return scnn(config);
  if (config.name == "npcnn") return npcnn(config);
  if (config.name == "mlp") return mlp(config);
  if (config.name == "resnet") return resnet(config);
  throw UsageError(
      fmt::format("[model] unknown name '{}'{}", config.name, suggestion(config.name, model_names())));
}

std::string to_json(const ModelConfig& c) {
  nlohmann::ordered_json json = {{"name", c.name},
                                 {"classes", c.classes},
                                 {"points", c.points},
                                 {"channels", c.channels},
                                 {"kernels", c.kernels},
                                 {"strides", c.strides},
                                 {"pool_kernels", c.pool_kernels},
                                 {"pool_strides", c.pool_strides},
                                 {"conv_dropout", c.conv_dropout},
                                 {"dense", c.dense},
                                 {"dense_dropout", c.dense_dropout}};
  if (!c.blocks.empty()) {
    json["blocks"] = c.blocks;
    json["block_kernel"] = c.block_kernel;
    json["bottleneck"] = c.bottleneck;
  }
  if (!c.more_heads.empty()) json["heads"] = nlohmann::ordered_json::array();
  for (const Head& head : c.more_heads)
    json["heads"].push_back({{"name", head.name},
                             {"classes", head.classes},
                             {"weight", head.weight},
                             {"class_of", head.class_of}});
  return json.dump();
}

namespace {

/// A value of a stored config in a type that holds it. Throws Error: 7.5 is no count, nor is 2^31 for an int.
template <typename T>
void read_exact(const nlohmann::json& json, const char* key, T& value) {
  if constexpr (std::is_integral_v<T>) {
    const bool fits = json.is_number_unsigned()  ? std::in_range<T>(json.get<std::uint64_t>())
                      : json.is_number_integer() ? std::in_range<T>(json.get<std::int64_t>())
                                                 : false;
    if (!fits)
      throw Error(fmt::format("[model] {} {} is no {}-bit integer", key, json.dump(), 8 * sizeof(T)));
    value = json.get<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) throw Error(fmt::format("[model] {} {} is no number", key, json.dump()));
    value = json.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    json.get_to(value);
  } else {
    if (!json.is_array()) throw Error(fmt::format("[model] {} {} is no list", key, json.dump()));
    value.clear();
    for (const nlohmann::json& one : json)
      read_exact(one, key, value.emplace_back());
  }
}

std::vector<Head> heads_from(const nlohmann::json& all) {
  if (!all.is_array()) throw Error(fmt::format("[model] heads {} is no list", all.dump().substr(0, 200)));
  std::vector<Head> heads;
  for (const nlohmann::json& one : all) {
    Head& head = heads.emplace_back();
    read_exact(one.at("name"), "heads", head.name);
    read_exact(one.at("classes"), "heads", head.classes);
    read_exact(one.at("weight"), "heads", head.weight);
    read_exact(one.at("class_of"), "heads", head.class_of);
    if (one.size() != 4) throw Error(fmt::format("[model] a head of {} fields, not 4", one.size()));
  }
  return heads;
}

}  // namespace

ModelConfig model_config_from_json(const std::string& text) {
  ModelConfig c;
  try {
    auto json = nlohmann::json::parse(text);
    const auto take = [&](const char* key, auto& value) {
      read_exact(json.at(key), key, value);
      json.erase(key);
    };
    take("name", c.name);
    take("classes", c.classes);
    take("points", c.points);
    take("channels", c.channels);
    take("kernels", c.kernels);
    take("strides", c.strides);
    take("pool_kernels", c.pool_kernels);
    take("pool_strides", c.pool_strides);
    take("conv_dropout", c.conv_dropout);
    take("dense", c.dense);
    take("dense_dropout", c.dense_dropout);
    if (json.contains("blocks")) {
      take("blocks", c.blocks);
      take("block_kernel", c.block_kernel);
      take("bottleneck", c.bottleneck);
    }
    if (json.contains("heads")) c.more_heads = heads_from(json.at("heads"));
    json.erase("heads");
    if (!json.empty()) throw Error(fmt::format("[model] unknown field '{}'", json.begin().key()));
  } catch (const nlohmann::json::exception& e) {
    throw Error(fmt::format("[model] the config {} cannot be read: {}", text.substr(0, 200), e.what()));
  }
  return c;
}

}  // namespace bragg::nn
