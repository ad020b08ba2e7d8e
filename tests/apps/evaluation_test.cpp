#include "apps/evaluation/evaluation.h"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/evaluation/evaluation_json.h"
#include "apps/report/evaluation_page.h"
#include "apps/report/html.h"
#include "apps/report/plots.h"
#include "apps/report/svg.h"
#include "kernels/base/error.h"
#include "nn/checkpoint.h"
#include "nn/evaluation.h"
#include "nn/network.h"
#include "tests/apps/tiny_model.h"
#include "tests/apps/well_formed.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

using nlohmann::json;

Answer answer(int truth, std::vector<std::pair<int, float>> probabilities, std::int32_t group,
              std::int64_t neighbour = -1) {
  Answer a;
  a.space_group = truth;
  a.group = group;
  a.index = group;
  a.probabilities.assign(230, 0.0f);
  for (const auto& [number, p] : probabilities)
    a.probabilities[static_cast<std::size_t>(number - 1)] = p;
  a.crystal_system = crystal_system_probabilities(a.probabilities, ClassKind::space_group);
  a.neighbour = neighbour;
  return a;
}

/// Four patterns: right; right modulo the pair; right system only; wrong.
std::vector<Answer> four_answers() {
  return {answer(225, {{225, 0.6f}, {227, 0.4f}}, 0, 0), answer(152, {{154, 0.7f}, {152, 0.3f}}, 1, 1),
          answer(14, {{15, 0.4f}, {12, 0.3f}, {62, 0.3f}}, 2, 2),
          // The best single group is cubic, the best sum orthorhombic.
          answer(225, {{225, 0.4f}, {62, 0.35f}, {19, 0.25f}}, 3, -1)};
}
constexpr int neighbour_groups[] = {225, 154, 62};

// The best system of a head of its own may be another than that of the best groups.
TEST(Score, TakesTheCrystalSystemThatIsGiven) {
  std::vector<Answer> answers = four_answers();
  for (Answer& one : answers)
    one.crystal_system = {0.9f, 0, 0, 0, 0, 0, 0.1f};
  EXPECT_DOUBLE_EQ(score(answers, ClassKind::space_group, {}).crystal_system.accuracy.value, 0);
  answers[0].crystal_system = {0.1f, 0, 0, 0, 0, 0, 0.9f};
  EXPECT_DOUBLE_EQ(score(answers, ClassKind::space_group, {}).crystal_system.accuracy.value, 0.25);
}

TEST(Classifier, CrystalSystemIsTheMeanOfItsHeadAndOfTheGroups) {
  const bragg::tests::TemporaryFolder folder;
  const auto path = folder.path() / "two.safetensors";
  write_tiny_model_of_two_heads(path);
  const auto backend = bragg::make_backend({.device = "cpu", .threads = 1, .instruction_set = {}});
  Classifier classifier(*backend, SafetensorsFile(path), 3);
  std::vector<float> pattern(850, 0.01f);
  pattern[100] = 1;
  const Probabilities got = classifier.probabilities(std::vector<std::vector<float>>{pattern}).at(0);

  const nn::LoadedModel loaded = nn::read_model(path);
  nn::Parameters parameters(*backend, loaded.model, nn::Parameters::Use::inference);
  nn::load_weights(path, parameters);
  nn::Network network(*backend, loaded.model, parameters, {.N = 1});
  backend->upload(pattern, Tensor{network.input().data, network.input().dtype});
  network.forward();
  const auto of_head = [&](std::size_t head) {
    std::vector<float> logits(static_cast<std::size_t>(network.classes(head)));
    backend->download(network.logits(head), logits);
    return nn::softmax(logits);
  };
  const std::vector<float> groups = of_head(0), systems = of_head(1);
  EXPECT_EQ(got.classes, groups);
  ASSERT_EQ(got.crystal_system.size(), 7u);
  std::vector<double> summed(7);
  for (int group = 1; group <= 230; ++group)
    summed[static_cast<std::size_t>(class_of(group, ClassKind::crystal_system))] +=
        double{groups[static_cast<std::size_t>(group - 1)]};
  double apart = 0;
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(got.crystal_system[i], (summed[i] + double{systems[i]}) / 2, 1e-6);
    apart = std::max(apart, std::fabs(summed[i] - double{systems[i]}));
  }
  EXPECT_GT(apart, 0.01);  // so that the mean is neither
}

TEST(Score, OfFourAnswersByHand) {
  const Evaluation e = score(four_answers(), ClassKind::space_group, neighbour_groups);
  EXPECT_EQ(e.patterns, 4);
  EXPECT_EQ(e.groups, 4);
  ASSERT_TRUE(e.space_group);
  EXPECT_DOUBLE_EQ(e.space_group->accuracy.value, 0.5);
  EXPECT_DOUBLE_EQ(e.space_group->accuracy.value, e.space_group->metrics.accuracy);
  EXPECT_DOUBLE_EQ(e.space_group->accuracy_modulo_pairs->value, 0.75);
  // 14 has probability 0 like 1, 2, ...: of equals the lower class comes first, and 1 and 2 fill the five.
  EXPECT_DOUBLE_EQ(e.space_group->top5.value, 0.75);
  EXPECT_DOUBLE_EQ(e.space_group->top5.value, e.space_group->metrics.top5);
  EXPECT_DOUBLE_EQ(e.crystal_system.accuracy.value, 0.75);
  EXPECT_EQ(e.majority_space_group, 225);
  EXPECT_EQ(e.majority_crystal_system, 6);
  EXPECT_DOUBLE_EQ(e.majority.space_group.value, 0.5);
  EXPECT_DOUBLE_EQ(e.majority.crystal_system.value, 0.5);
  ASSERT_TRUE(e.nearest_neighbour);
  EXPECT_DOUBLE_EQ(e.nearest_neighbour->space_group.value, 0.25);
  EXPECT_DOUBLE_EQ(e.nearest_neighbour->space_group_modulo_pairs.value, 0.5);
  EXPECT_DOUBLE_EQ(e.nearest_neighbour->crystal_system.value, 0.5);
  EXPECT_FALSE(score(four_answers(), ClassKind::space_group, {}).nearest_neighbour);
}

TEST(ModelFacts, InputTransformReadsBack) {
  for (const Processing& processing :
       {Processing{}, Processing{4, false}, {0, true}, {2.5, true}, {0, false, 0.5}, {4, true, 0.2}}) {
    ModelFacts facts = apps::tests::tiny_facts(7);
    facts.processing = processing;
    EXPECT_EQ(parse_model_facts(to_metadata(facts), "m").processing, processing)
        << input_transform(processing);
  }
  EXPECT_EQ(input_transform({}), "scale to maximum 1");
  EXPECT_EQ(input_transform({4, true}), "background 4 deg subtracted, scale to maximum 1, square root");
  EXPECT_EQ(input_transform({4, true, 0.05}),
            "mean over 0.05 deg, background 4 deg subtracted, scale to maximum 1, square root");
  nn::Metadata metadata = to_metadata(apps::tests::tiny_facts(7));
  metadata["input_transform"] = "mean over 0.25 deg, scale to maximum 1";  // the grid's steps are 0.1
  EXPECT_THROW(parse_model_facts(metadata, "m"), Error);
  metadata["input_transform"] = "mean over";
  EXPECT_THROW(parse_model_facts(metadata, "m"), Error);
  metadata["input_transform"] = "background x deg subtracted, scale to maximum 1";
  EXPECT_THROW(parse_model_facts(metadata, "m"), Error);
}

TEST(RateOf, IsWilsonsWhereEveryGroupIsOnePattern) {
  const std::vector<std::uint8_t> right = {1, 1, 1, 0, 0};
  const std::vector<std::int32_t> group = {4, 1, 9, 2, 7};
  const Rate rate = rate_of(right, group);
  EXPECT_DOUBLE_EQ(rate.value, 0.6);
  EXPECT_DOUBLE_EQ(rate.group_mean, 0.6);
  // 3 of 5, z = 1.96: centre 0.5566, half 0.3258.
  EXPECT_NEAR(rate.low, 0.2307, 5e-4);
  EXPECT_NEAR(rate.high, 0.8824, 5e-4);
}

TEST(RateOf, CountsGroupsNotPatterns) {
  // 20 groups of 10 near-identical patterns, half of the groups right: as uncertain as 10 of 20, not as 100
  // of 200.
  std::vector<std::uint8_t> right;
  std::vector<std::int32_t> group;
  for (int i = 0; i < 200; ++i) {
    right.push_back(i < 100);
    group.push_back(i / 10);
  }
  const Rate rate = rate_of(right, group);
  EXPECT_DOUBLE_EQ(rate.value, 0.5);
  // Binomial percentiles of 20 draws at 1/2: 6 and 14 of 20 (5.8 % and 94.2 % lie within; 2.5 % is at 6,
  // sometimes 5).
  EXPECT_GE(rate.low, 0.25);
  EXPECT_LE(rate.low, 0.30);
  EXPECT_GE(rate.high, 0.70);
  EXPECT_LE(rate.high, 0.75);
  const Rate again = rate_of(right, group);
  EXPECT_EQ(rate.low, again.low);
  EXPECT_EQ(rate.high, again.high);
}

TEST(RateOf, WeighsGroupsEquallyInTheirMean) {
  const std::vector<std::uint8_t> right = {1, 1, 1, 0};
  const std::vector<std::int32_t> group = {0, 0, 0, 1};
  const Rate rate = rate_of(right, group);
  EXPECT_DOUBLE_EQ(rate.value, 0.75);
  EXPECT_DOUBLE_EQ(rate.group_mean, 0.5);
}

TEST(RateOf, KeepsAnIntervalWhereAllAreRight) {
  const Rate rate = rate_of(std::vector<std::uint8_t>(30, 1), std::vector<std::int32_t>(30, 5));
  EXPECT_EQ(rate.value, 1);
  EXPECT_EQ(rate.high, 1);
  EXPECT_NEAR(rate.low, 0.2065, 1e-3);  // Wilson, 1 of 1
}

EvaluationContext context() {
  return {"out/<m>&.safetensors", "set.safetensors",  "near.safetensors",
          "bragg evaluate \"x\"", "2026-11-23 16:00", "bragg 0"};
}

TEST(EvaluationJson, HasTheKeysThatScriptsRead) {
  const json j = to_json(score(four_answers(), ClassKind::space_group, neighbour_groups), context());
  EXPECT_EQ(j.at("patterns"), 4);
  EXPECT_EQ(j.at("groups"), 4);
  for (const char* key : {"accuracy", "accuracy_modulo_pairs", "top5", "macro_f1"}) {
    EXPECT_TRUE(j.at("space_group").at(key).is_number()) << key;
  }
  for (const char* key : {"accuracy", "top5", "macro_f1"})
    EXPECT_TRUE(j.at("crystal_system").at(key).is_number()) << key;
  EXPECT_EQ(j.at("crystal_system").at("confusion").size(), 7u);
  EXPECT_EQ(j.at("baselines").at("majority").at("space_group"), 0.5);
  EXPECT_EQ(j.at("baselines").at("nearest_neighbour").at("space_group"), 0.25);
  std::int64_t count = 0;
  for (const json& c : j.at("per_class")) {
    count += c.at("count").get<std::int64_t>();
    for (const char* key : {"space_group", "hm", "precision", "recall", "f1", "correct"})
      EXPECT_TRUE(c.contains(key)) << key;
  }
  EXPECT_EQ(count, 4);
}

ModelFacts facts() {
  return tiny_facts(230);
}

std::string page_of(ClassKind kind) {
  std::vector<Answer> answers = four_answers();
  if (kind == ClassKind::crystal_system) {
    for (Answer& a : answers)
      a.probabilities = a.crystal_system;
  }
  const Evaluation e = score(std::move(answers), kind, neighbour_groups);
  std::vector<report::ShownPattern> shown;
  for (const std::size_t i : report::answers_to_show(e)) {
    report::ShownPattern pattern{.answer = i, .name = "quartz <\xFF> & \"co\""};
    pattern.values.assign(850, 0.5f);
    pattern.neighbour.assign(i % 2 ? 0 : 850, 0.25f);
    pattern.neighbour_space_group = i % 2 ? 0 : 14;
    shown.push_back(std::move(pattern));
  }
  EXPECT_EQ(shown.size(), 4u);
  return report::evaluation_page(e, context(), facts(), {{"model", "{\"name\": \"mlp\"}"}}, shown);
}

TEST(EvaluationPage, IsWellFormedAndNeedsNothingElse) {
  for (const ClassKind kind : {ClassKind::space_group, ClassKind::crystal_system}) {
    const std::string page = page_of(kind);
    EXPECT_EQ(why_not_well_formed(page), "");
    EXPECT_EQ(external_reference(page), "");
    EXPECT_EQ(page.find("<m>"), std::string::npos);
    EXPECT_NE(page.find("quartz &lt;\xEF\xBF\xBD&gt; &amp; &quot;co&quot;"), std::string::npos);
    EXPECT_NE(page.find("prefers-color-scheme: dark"), std::string::npos);
    EXPECT_NE(page.find("75.0 %"), std::string::npos);
    EXPECT_NE(page.find("aria-label"), std::string::npos);
  }
}

TEST(WellFormed, FindsWhatIsWrong) {
  EXPECT_EQ(why_not_well_formed("<p class=\"a\">x &amp; y<br/></p>"), "");
  for (const char* wrong : {"<p>", "<p></b>", "</p>", "<p>a & b</p>", "<p class=a></p>", "<p>a > b</p>", "<p",
                            "<i><b></i></b>"}) {
    EXPECT_NE(why_not_well_formed(wrong), "") << wrong;
  }
  EXPECT_NE(external_reference("<img src=\"x\"/>"), "");
}

TEST(Escaped, LeavesTextAndReplacesTheRest) {
  EXPECT_EQ(report::escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(report::escaped("2\xCE\xB8 \xE2\x82\xAC \xF0\x9F\x92\x8E"),
            "2\xCE\xB8 \xE2\x82\xAC \xF0\x9F\x92\x8E");
  EXPECT_EQ(report::escaped("\xFF\x01\xC3"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  // Overlong and surrogate forms are no UTF-8: a sign for every byte.
  std::string five;
  for (int i = 0; i < 5; ++i)
    five += "\xEF\xBF\xBD";
  EXPECT_EQ(report::escaped("\xC0\x80\xED\xA0\x80"), five);
}

TEST(Axis, HasRoundTicksAndMapsBothEnds) {
  const report::Axis linear(5, 89.99, 0, 100);
  EXPECT_EQ(linear.ticks(5), (std::vector<double>{20, 40, 60, 80}));
  EXPECT_DOUBLE_EQ(linear(5), 0);
  EXPECT_DOUBLE_EQ(linear(89.99), 100);
  const report::Axis logarithmic(1, 1000, 10, 310, report::Axis::Scale::logarithmic);
  EXPECT_EQ(logarithmic.ticks(5), (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_NEAR(logarithmic(10), 110, 1e-9);
  const report::Axis empty(3, 3, 0, 1);  // a range of nothing still maps
  EXPECT_DOUBLE_EQ(empty(3), 0);
}

}  // namespace
}  // namespace bragg::apps::tests
