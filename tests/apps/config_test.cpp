#include "apps/training/config.h"

#include <gtest/gtest.h>

#include "apps/training/config_keys.h"
#include "kernels/base/error.h"
#include "nn/parameters.h"

namespace bragg::tests {
namespace {

using apps::parse_config;
using apps::TrainConfig;

const std::string minimal = "[data]\ncrystals = \"a.safetensors\"\n";

std::string complaint(const std::string& toml, const std::vector<std::string>& assignments = {}) {
  try {
    TrainConfig config = parse_config(toml, "run.toml", assignments);
    apps::resolve(config, 8500);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Config, DefaultsAreThePapers) {
  TrainConfig config = parse_config(minimal, "run.toml");
  apps::resolve(config, 8500);
  EXPECT_EQ(config.model.name, "npcnn");
  EXPECT_EQ(config.model.classes, 230);
  EXPECT_EQ(config.model.channels, (std::vector<int>{80, 80, 80}));
  EXPECT_EQ(config.dropout, (std::vector<double>{0.3, 0.5, 0.5}));
  EXPECT_EQ(nn::parameter_count(nn::make_model(config.model)), 31369420);
  EXPECT_EQ(config.recipes, std::vector<std::string>{"baseline"});
  EXPECT_EQ(config.train.batch, 256);
  EXPECT_EQ(config.train.steps, 500000);
  EXPECT_EQ(config.train.learning_rate, 1e-4);
  EXPECT_EQ(config.precision, "fp32");
}

TEST(Config, ResnetHasItsOwnKeysAndASecondHead) {
  const auto resolved = [](const std::string& model, const std::vector<std::string>& assignments = {}) {
    TrainConfig config = parse_config("[model]\n" + model + minimal, "run.toml", assignments);
    apps::resolve(config, 1700);
    return config;
  };
  const TrainConfig own = resolved("name = 'resnet'\n");
  EXPECT_EQ(own.model.channels, (std::vector<int>{48, 64, 96}));
  EXPECT_EQ(own.model.block_kernel, 5);
  EXPECT_EQ(own.model.bottleneck, 48);
  EXPECT_EQ(own.dropout, (std::vector<double>{0.3, 0.3, 0.3}));
  ASSERT_EQ(own.model.more_heads.size(), 1u);
  const nn::Head& head = own.model.more_heads[0];
  EXPECT_EQ(head.name, "crystal_system");
  EXPECT_EQ(head.weight, 0.5);
  EXPECT_EQ(head.class_of.front(), 0);
  EXPECT_EQ(head.class_of[224], 6);  // Fm-3m
  EXPECT_EQ(head.class_of.size(), 230u);
  EXPECT_EQ(nn::parameter_count(nn::make_model(own.model)), 4'495'213);

  const TrainConfig given = resolved(
      "name = 'resnet'\nchannels = [8, 12]\nkernels = [9, 4]\nstrides = [3, 2]\nblocks = [2, "
      "1]\nblock_kernel = 3\n"
      "bottleneck = 0\ndense = [16]\ndropout = 0.1\ncrystal_system_weight = 0.25\n");
  EXPECT_EQ(given.model.blocks, (std::vector<int>{2, 1}));
  EXPECT_EQ(given.model.bottleneck, 0);
  EXPECT_EQ(given.model.more_heads[0].weight, 0.25);
  for (const TrainConfig& config : {own, given}) {
    TrainConfig again = parse_config(apps::to_toml(config), "again.toml");
    apps::resolve(again, 1700);
    EXPECT_EQ(again.model, config.model);
    EXPECT_EQ(apps::to_toml(again), apps::to_toml(config));
  }

  EXPECT_TRUE(resolved("name = 'resnet'\n", {"model.crystal_system_weight=0"}).model.more_heads.empty());
  EXPECT_TRUE(resolved("name = 'resnet'\nclasses = 7\n").model.more_heads.empty());
  EXPECT_TRUE(resolved("name = 'mlp'\n").model.more_heads.empty());
  EXPECT_EQ(resolved("name = 'mlp'\ncrystal_system_weight = 1\n").model.more_heads.size(), 1u);
  EXPECT_EQ(apps::to_toml(resolved("name = 'mlp'\n")).find("crystal_system_weight"), std::string::npos);
  EXPECT_NE(complaint("[model]\nclasses = 7\ncrystal_system_weight = 0.5\n" + minimal)
                .find("crystal systems already"),
            std::string::npos);
  EXPECT_NE(complaint("[model]\nblocks = [1]\n" + minimal).find("npcnn has no blocks"), std::string::npos);
}

TEST(Config, ReadsEveryKey) {
  TrainConfig config = parse_config(R"([model]
name = "scnn"
classes = 7
channels = [4, 5]
kernels = [9, 3]
strides = [3, 1]
pool_strides = [2, 3]
dense = [32]
dropout = 0.25
[data]
crystals = ["a.safetensors", "/b.safetensors"]
recipe = ["large", "set7"]
recipe_shares = [0.8, 0.2]
grid_step = 0.05
shares = [1, 0.5]
system_weights = [3, 2, 1, 1, 1, 0.5, 0]
group_exponent = 0.5
measured = "m.safetensors"
synthetic = 0.25
synthetic_group_exponent = 0.75
holdout = 0.5
split_seed = 3
[train]
batch = 8
steps = 30
learning_rate = 1e-3
seed = 4294967295
precision = "fp32"
log_every = 5
evaluate_every = 0
save_minutes = 2.5
)",
                                    "run.toml");
  apps::resolve(config, 200);
  EXPECT_EQ(config.model.points, 200);
  EXPECT_EQ(config.model.pool_strides, (std::vector<int>{2, 3}));
  EXPECT_EQ(config.model.dense, std::vector<int>{32});
  EXPECT_EQ(config.model.conv_dropout, 0.25);
  EXPECT_EQ(config.model.dense_dropout, std::vector<double>{0.25});
  ASSERT_EQ(config.crystals.size(), 2u);
  EXPECT_TRUE(config.crystals[0].starts_with("/"));
  EXPECT_EQ(config.crystals[1], "/b.safetensors");
  EXPECT_EQ(config.recipes, (std::vector<std::string>{"large", "set7"}));
  EXPECT_EQ(config.recipe_shares, (std::vector<double>{0.8, 0.2}));
  EXPECT_EQ(apps::recipe_of(config).name, "large+set7");
  EXPECT_EQ(config.grid_step, 0.05);
  EXPECT_EQ(config.system_weights, (std::vector<double>{3, 2, 1, 1, 1, 0.5, 0}));
  EXPECT_EQ(config.shares, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(config.group_exponent, 0.5);
  EXPECT_EQ(config.synthetic, 0.25);
  EXPECT_EQ(config.synthetic_group_exponent, 0.75);
  EXPECT_TRUE(config.measured.starts_with("/") && config.measured.ends_with("/m.safetensors"));
  EXPECT_EQ(config.holdout, 0.5);
  EXPECT_EQ(config.split_seed, 3u);
  EXPECT_EQ(config.train.batch, 8);
  EXPECT_EQ(config.train.steps, 30);
  EXPECT_EQ(config.train.learning_rate, 1e-3);
  EXPECT_EQ(config.train.seed, 4294967295u);
  EXPECT_EQ(config.train.log_every, 5);
  EXPECT_EQ(config.train.evaluate_every, 0);
  EXPECT_EQ(config.train.save_minutes, 2.5);
}

TEST(Config, AssignmentsOverrideInOrder) {
  const TrainConfig config =
      parse_config(minimal + "[train]\nbatch = 8\n", "run.toml",
                   {"train.batch=16", "train.batch=32", "data.recipe=set3", "model.name = \"mlp\"",
                    "data.crystals=['x.safetensors', 'y.safetensors']", "model.dropout=[0.1, 0, 0, 0.2]"});
  EXPECT_EQ(config.train.batch, 32);
  EXPECT_EQ(config.recipes, std::vector<std::string>{"set3"});
  EXPECT_EQ(config.model.name, "mlp");
  EXPECT_EQ(config.crystals, (std::vector<std::string>{"x.safetensors", "y.safetensors"}));
  EXPECT_EQ(config.dropout, (std::vector<double>{0.1, 0, 0, 0.2}));
}

TEST(Config, ResolvedCopyReadsBackToItself) {
  for (const char* more : {"",
                           "[model]\nname = 'scnn'\nchannels = [4, 5]\nkernels = [9, 3]\nstrides = [3, 1]\n"
                           "pool_strides = [1, 1]\ndropout = 0\n",
                           "[model]\nname = \"mlp\"\n[train]\nlearning_rate = 1e-5\nseed = 0\n"}) {
    TrainConfig config =
        parse_config("[data]\ncrystals = 'dir \"x\"\\y.safetensors'\n" + std::string(more), "run.toml");
    apps::resolve(config, 8500);
    const std::string saved = apps::to_toml(config);
    TrainConfig again = parse_config(saved, "config.toml");
    apps::resolve(again, 8500);
    EXPECT_EQ(apps::to_toml(again), saved);
    EXPECT_EQ(again.model, config.model);
    EXPECT_EQ(again.crystals, config.crystals);
    EXPECT_EQ(again.train.learning_rate, config.train.learning_rate);
  }
}

TEST(Config, AnyPathReadsBackToItself) {
  for (const std::string path :
       {"a\nb", "tab\tquote'double\"back\\slash", "'''\n\"\"\"", "\x01", "\xc3\xa4"}) {
    TrainConfig config = parse_config(minimal, "run.toml");
    config.crystals = {"/data/" + path};
    resolve(config, 8500);
    EXPECT_EQ(parse_config(to_toml(config), "copy.toml").crystals, config.crystals);
  }
}

TEST(Config, ErrorsNamePlaceKeyAndNearest) {
  const struct {
    std::string toml;
    std::vector<std::string> assignments;
    std::vector<std::string> names;
  } cases[] = {
      {minimal + "[train]\nbatch = 8\nlearning_rat = 1\n",
       {},
       {"run.toml:5", "train.learning_rat", "the nearest is train.learning_rate"}},
      {minimal + "[trian]\nbatch = 8\n", {}, {"run.toml:4", "trian.batch", "the nearest is train.batch"}},
      {minimal + "[trian]\n", {}, {"run.toml:3", "trian"}},
      {"batch = 8\n" + minimal, {}, {"run.toml:1", "batch"}},
      {minimal, {"train.bacth=8"}, {"--set train.bacth=8", "the nearest is train.batch"}},
      {minimal, {"train.batch"}, {"--set train.batch", "key=value"}},
      {minimal, {"train.batch=x y"}, {"--set train.batch=x y"}},
      {minimal + "[train]\nbatch = \n", {}, {"run.toml:4"}},
      {minimal + "[train]\nbatch = 8.5\n", {}, {"run.toml:4", "train.batch", "8.5", "integer"}},
      {minimal + "[train]\nbatch = 0\n", {}, {"run.toml:4", "train.batch", "0"}},
      {minimal + "[train]\nbatch = \"8\"\n", {}, {"run.toml:4", "train.batch"}},
      {minimal + "[train]\nseed = 4294967296\n", {}, {"train.seed", "4294967296"}},
      {minimal + "[train]\nlearning_rate = nan\n", {}, {"train.learning_rate", "nan"}},
      {minimal + "[train]\nlearning_rate = true\n", {}, {"train.learning_rate", "true"}},
      {minimal + "[train]\nprecision = \"fp31\"\n", {}, {"train.precision", "the nearest is fp32"}},
      {minimal + "[data.more]\nx = 1\n", {}, {"data.more"}},
      {minimal + "holdout = 1\n", {}, {"run.toml:3", "data.holdout"}},
      {minimal + "patterns = \"p.safetensors\"\n", {}, {"crystals or patterns"}},
      {"[data]\n", {}, {"crystals or patterns"}},
      {"[data]\npatterns = \"p\"\nrecipe = \"set1\"\n", {}, {"run.toml:3", "data.recipe"}},
      {"[data]\ncrystals = []\n", {}, {"run.toml:2", "data.crystals"}},
      {minimal + "[model]\nname = \"npcn\"\n", {}, {"run.toml:4", "model.name", "the nearest is npcnn"}},
      {minimal + "[model]\nclasses = 8\n", {}, {"run.toml:4", "model.classes", "8"}},
      {minimal + "[model]\nchannels = [80, \"x\"]\n", {}, {"run.toml:4", "model.channels"}},
      {minimal + "[model]\nchannels = 80\n", {}, {"run.toml:4", "model.channels", "list"}},
      {minimal + "[model]\ndropout = [0.1]\n", {}, {"model.dropout", "1", "3"}},
      {minimal + "[model]\ndropout = 1\n", {}, {"model.dropout", "1"}},
      {minimal + "[model]\nkernels = [9000, 1, 1]\n", {}, {"9000", "8500"}},
  };
  for (const auto& c : cases) {
    const std::string message = complaint(c.toml, c.assignments);
    for (const std::string& name : c.names) {
      EXPECT_NE(message.find(name), std::string::npos) << "expected " << name << " in: " << message << "\n"
                                                       << c.toml;
    }
  }
}

// Every key stands there under its meaning, and what has a value reads back to itself.
TEST(Config, ExplainsEveryKey) {
  for (const char* model : {"scnn", "npcnn", "mlp"}) {
    TrainConfig config;
    config.model.name = model;
    apps::resolve(config, 8500);
    const std::string explained = apps::explained_toml(config);
    for (const apps::ConfigKey& key : apps::config_keys()) {
      const std::string name = key.name.substr(key.name.find('.') + 1);
      const std::size_t value = explained.find("\n" + name + " = "),
                        none = explained.find("\n# " + name + " = ");
      EXPECT_NE(value == std::string::npos, none == std::string::npos) << key.name << explained;
      EXPECT_FALSE(key.meaning.empty()) << key.name;
    }
    const std::string section = "\n[data]\n";
    std::string given = explained;
    given.insert(given.find(section) + section.size(), "crystals = '/a.safetensors'\n");
    TrainConfig again = parse_config(given, "explained.toml");
    apps::resolve(again, 8500);
    config.crystals = {"/a.safetensors"};
    EXPECT_EQ(apps::to_toml(again), apps::to_toml(config));
  }
}

// Each example, taken out of its comment, is a value that its key takes.
TEST(Config, ExamplesAreValues) {
  // What some of them have a meaning with.
  const std::map<std::string, std::string> beside{{"data.shares", "data.crystals=['a', 'b']"},
                                                  {"data.recipe_shares", "data.recipe=['set1', 'set2']"},
                                                  {"train.class_weights", "model.classes=7"},
                                                  {"train.decay_begin", "train.schedule='linear_decay'"}};
  for (const apps::ConfigKey& key : apps::config_keys()) {
    if (key.example.empty()) continue;
    const std::string data = key.name == "data.patterns" ? "" : minimal;
    std::vector<std::string> assignments;
    if (const auto found = beside.find(key.name); found != beside.end()) assignments.push_back(found->second);
    assignments.push_back(key.name + "=" + key.example);
    EXPECT_NO_THROW(parse_config(data, "run.toml", assignments)) << key.name;
  }
}

}  // namespace
}  // namespace bragg::tests
