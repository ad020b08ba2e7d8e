#include "nn/model.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "nn/parameters.h"
#include "tests/nn/small_models.h"

namespace bragg::nn {
namespace {

ModelConfig paper(const std::string& name, int classes) {
  ModelConfig c;
  c.name = name;
  c.classes = classes;
  return c;
}

std::vector<std::int64_t> lengths(const Model& model) {
  std::vector<std::int64_t> L;
  for (const Node& node : model.graph.nodes())
    if (!node.layer || node.layer->kind() != "relu") L.push_back(node.shape.L);
  return L;
}

// Salgado et al. 2023: the layers of the three networks; counts and lengths follow by hand.
TEST(Model, ParameterCountsOfThePaper) {
  EXPECT_EQ(parameter_count(make_model(paper("scnn", 230))), 15'361'420);
  EXPECT_EQ(parameter_count(make_model(paper("npcnn", 230))), 31'369'420);
  EXPECT_EQ(parameter_count(make_model(paper("mlp", 230))), 49'993'030);
  EXPECT_EQ(parameter_count(make_model(paper("scnn", 7))), 15'104'747);
  EXPECT_EQ(parameter_count(make_model(paper("npcnn", 7))), 31'112'747);
  EXPECT_EQ(parameter_count(make_model(paper("mlp", 7))), 49'814'407);
}

// By hand: 816 + 96, 23328, 12352 + 128, 41344, 24672 + 192, 92736, 4656; 3908352 + 295296; 88550 and 2695.
TEST(Model, ResnetIsTheRecipes) {
  ModelConfig c = paper("resnet", 230);
  c.points = 1700;
  Head systems{"crystal_system", 7, 0.5, std::vector<std::int32_t>(230)};
  c.more_heads = {systems};
  const Model model = make_model(c);
  EXPECT_EQ(parameter_count(model), 4'495'213);
  std::vector<Shape> shapes;
  for (const Value conv : tests::values_of_kind(model.graph, "conv"))
    shapes.push_back(model.graph[conv].shape);
  EXPECT_EQ(shapes, (std::vector<Shape>{{425, 48},
                                        {425, 48},
                                        {425, 48},
                                        {212, 64},
                                        {212, 64},
                                        {212, 64},
                                        {106, 96},
                                        {106, 96},
                                        {106, 96},
                                        {106, 48}}));
  ASSERT_EQ(model.graph.heads().size(), 2u);
  EXPECT_EQ(model.graph.heads()[1].weight, 0.5);
  int dropouts = 0;
  for (const Node& node : model.graph.nodes())
    dropouts += node.layer && node.layer->text() == "relu, dropout 0.3";
  EXPECT_EQ(dropouts, 3);

  c.more_heads.clear();
  EXPECT_EQ(parameter_count(make_model(c)), 4'495'213 - 2695);
  c.blocks = {2, 1, 3};
  c.bottleneck = 0;
  const Model deeper = make_model(c);
  EXPECT_EQ(tests::values_of_kind(deeper.graph, "add").size(), 6u);
  EXPECT_EQ(deeper.graph.nodes()[tests::values_of_kind(deeper.graph, "dense")[0].number - 1].layer->text(),
            "relu, dropout 0.3");
}

TEST(Model, HeadsSurviveJson) {
  ModelConfig c = tests::small_config("resnet");
  c.more_heads = {{"group", 2, 0.25, {0, 1, 1, 0, 1}}};
  const ModelConfig complete = make_model(c).config;
  const std::string text = to_json(complete);
  EXPECT_EQ(model_config_from_json(text), complete);
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_THROW(make_model(model_config_from_json(changed)), Error) << changed;
  };
  refused("[0,1,1,0,1]", "[0,1,1,0]");
  refused("[0,1,1,0,1]", "[0,1,2,0,1]");
  refused("[0,1,1,0,1]", "7");
  refused("\"group\"", "\"class\"");
  refused("0.25", "-1");
  refused("0.25", "null");
  // What the paper's models write is what it was.
  EXPECT_EQ(to_json(make_model(tests::small_config("npcnn")).config).find("blocks"), std::string::npos);
}

TEST(Model, PoolStridesOfTheAuthorsCode) {
  ModelConfig c = paper("scnn", 230);
  c.pool_strides = {2, 3, 3};
  EXPECT_EQ(parameter_count(make_model(c)), 4'321'420);
}

TEST(Model, LengthsOfThePaper) {
  EXPECT_EQ(lengths(make_model(paper("scnn", 230))),
            (std::vector<std::int64_t>{8500, 1681, 840, 159, 157, 67, 65, 1, 1, 1}));
  EXPECT_EQ(lengths(make_model(paper("npcnn", 230))),
            (std::vector<std::int64_t>{8500, 1681, 327, 152, 1, 1, 1}));
  const auto flat = [](const char* name) {
    const Model model = make_model(paper(name, 230));
    const Shape s = model.graph.source_shapes(model.graph[tests::values_of_kind(model.graph, "dense")[0]])[0];
    return s.L * s.C;
  };
  EXPECT_EQ(flat("scnn"), 5200);
  EXPECT_EQ(flat("npcnn"), 12160);
}

TEST(Model, LayersOfThePaper) {
  const auto layers = [](const char* name) {
    std::vector<std::string> texts;
    const Model model = make_model(paper(name, 230));
    for (const Node& node : model.graph.nodes())
      if (node.layer) texts.push_back(node.layer->text());
    return texts;
  };
  const std::vector<std::string> dense = {"dense 2300", "relu, dropout 0.5", "dense 1150",
                                          "relu, dropout 0.5", "dense 230"};
  std::vector<std::string> scnn = {
      "conv 80 kernel 100 stride 5", "relu, dropout 0.3", "avg_pool kernel 3 stride 2",
      "conv 80 kernel 50 stride 5",  "relu, dropout 0.3", "avg_pool kernel 3 stride 1",
      "conv 80 kernel 25 stride 2",  "relu, dropout 0.3", "avg_pool kernel 3 stride 1"};
  scnn.insert(scnn.end(), dense.begin(), dense.end());
  EXPECT_EQ(layers("scnn"), scnn);
  std::erase_if(scnn, [](const std::string& text) { return text.starts_with("avg_pool"); });
  EXPECT_EQ(layers("npcnn"), scnn);
  EXPECT_EQ(layers("mlp"), (std::vector<std::string>{"dense 4000", "relu, dropout 0.6", "dense 3000",
                                                     "relu, dropout 0.5", "dense 1000", "relu, dropout 0.4",
                                                     "dense 800", "relu, dropout 0.3", "dense 230"}));
}

TEST(Model, ParameterTableHasCanonicalShapesAndAlignedOffsets) {
  const auto table = parameter_table(*make_backend({"reference", 1, ""}), make_model(paper("scnn", 230)));
  ASSERT_EQ(table.size(), 12u);
  EXPECT_EQ(table[0].name, "conv1.weights");
  EXPECT_EQ(table[0].shape, (std::vector<std::int64_t>{80, 100, 1}));
  EXPECT_EQ(table[0].fan_in, 100);
  EXPECT_EQ(table[3].name, "conv2.bias");
  EXPECT_EQ(table[3].fan_in, 4000);
  EXPECT_EQ(table[6].name, "dense1.weights");
  EXPECT_EQ(table[6].shape, (std::vector<std::int64_t>{2300, 5200}));
  EXPECT_EQ(table[11].shape, (std::vector<std::int64_t>{230}));
  auto in_memory = table;
  std::sort(in_memory.begin(), in_memory.end(),
            [](const ParameterInfo& a, const ParameterInfo& b) { return a.offset < b.offset; });
  std::size_t end = 0;
  for (const ParameterInfo& info : in_memory) {
    EXPECT_EQ(info.offset % parameter_alignment, 0u) << info.name;
    EXPECT_GE(info.offset, end) << info.name;
    end = info.offset + static_cast<std::size_t>(info.count());
  }
  for (std::size_t i = 0; i < 3; ++i)  // so that Adam may leave them out
    EXPECT_EQ(in_memory[9 + i].name, table[6 + 2 * i].name);
}

TEST(Model, ConfigSurvivesJson) {
  for (const std::string& name : model_names()) {
    const ModelConfig c = make_model(tests::small_config(name)).config;
    EXPECT_EQ(model_config_from_json(to_json(c)), c);
  }
  EXPECT_THROW(model_config_from_json("{"), Error);
  EXPECT_THROW(model_config_from_json("{}"), Error);
  std::string text = to_json(make_model(paper("mlp", 7)).config);
  text.back() = ',';
  EXPECT_THROW(model_config_from_json(text + "\"more\": 1}"), Error);
}

TEST(Model, StoredNumbersAreExact) {
  ModelConfig config;
  config.name = "mlp";
  config.points = 100;
  const std::string good = to_json(make_model(config).config);
  const auto with = [&](const std::string& key, const std::string& value) {
    const std::size_t at = good.find("\"" + key + "\":") + key.size() + 3;
    const std::size_t end = good.find_first_of(good[at] == '[' ? "]" : ",}", at) + (good[at] == '[' ? 1 : 0);
    return good.substr(0, at) + value + good.substr(end);
  };
  EXPECT_EQ(model_config_from_json(with("classes", "7")).classes, 7);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"classes", "7.5"},
                                                        {"classes", "2147483648"},
                                                        {"classes", "7.0"},
                                                        {"classes", "true"},
                                                        {"classes", "\"7\""},
                                                        {"points", "1e300"},
                                                        {"points", "18446744073709551615"},
                                                        {"dense", "[64.5]"},
                                                        {"dense", "7"},
                                                        {"dense_dropout", "[true]"},
                                                        {"conv_dropout", "\"0\""}})
    EXPECT_THROW(model_config_from_json(with(key, value)), Error) << key << " " << value;
}

TEST(Model, WrongConfigsNameBothValues) {
  struct Case {
    std::function<void(ModelConfig&)> change;
    const char* name;
    std::vector<const char*> parts;
  };
  const std::vector<Case> cases = {
      {[](auto& c) { c.name = "scn"; }, "scnn", {"scn", "the nearest is scnn"}},
      {[](auto& c) { c.classes = 1; }, "scnn", {"classes 1"}},
      {[](auto& c) { c.points = 0; }, "scnn", {"points 0"}},
      {[](auto& c) {
         c.channels = {80, 80};
       },
       "scnn",
       {"3 values of kernels", "2 of channels"}},
      {[](auto& c) { c.pool_strides = {2}; }, "scnn", {"1 values of pool_strides", "3 of channels"}},
      {[](auto& c) {
         c.pool_strides = {2, 1, 1};
       },
       "npcnn",
       {"npcnn has no pool_strides"}},
      {[](auto& c) { c.channels = {8}; }, "mlp", {"mlp has no channels"}},
      {[](auto& c) { c.conv_dropout = 0.1; }, "mlp", {"mlp has no conv_dropout"}},
      {[](auto& c) {
         c.dense = {10, 10};
       },
       "mlp",
       {"2 widths of dense", "is for 4"}},
      {[](auto& c) {
         c.strides = {5, 0, 2};
       },
       "npcnn",
       {"strides 0 < 1"}},
      {[](auto& c) { c.conv_dropout = 1; }, "npcnn", {"conv_dropout 1", "[0, 1)"}},
      {[](auto& c) {
         c.dense_dropout = {0.5, std::nan("")};
       },
       "npcnn",
       {"dense_dropout nan"}},
      {[](auto& c) { c.points = 500; }, "npcnn", {"kernel 25", "length 7"}},
      {[](auto& c) {
         c.blocks = {1, 1, 1};
       },
       "npcnn",
       {"npcnn has no blocks"}},
      {[](auto& c) { c.bottleneck = 0; }, "mlp", {"mlp has no bottleneck"}},
      {[](auto& c) { c.block_kernel = 3; }, "scnn", {"scnn has no block_kernel"}},
      {[](auto& c) {
         c.blocks = {1, 1};
       },
       "resnet",
       {"2 values of blocks", "3 of channels"}},
      {[](auto& c) { c.block_kernel = -2; }, "resnet", {"block_kernel -2 < 1"}},
      {[](auto& c) { c.bottleneck = -2; }, "resnet", {"bottleneck -2 < 0"}},
  };
  for (const Case& test : cases) {
    ModelConfig c = paper(test.name, 230);
    test.change(c);
    try {
      make_model(c);
      ADD_FAILURE() << test.parts.front();
    } catch (const UsageError& e) {
      for (const char* part : test.parts)
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  }
}

TEST(Model, AnyNumberOfDenseLayersInACnn) {
  ModelConfig c = paper("npcnn", 7);
  c.dense = {10, 20, 30};
  EXPECT_EQ(make_model(c).config.dense_dropout, (std::vector<double>{0.5, 0.5, 0.5}));
}

}  // namespace
}  // namespace bragg::nn
