#include "nn/progress.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "nn/metrics_log.h"

namespace bragg::nn {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Progress, Texts) {
  EXPECT_EQ(duration_text(0.2), "0 s");
  EXPECT_EQ(duration_text(725), "12 min 05 s");
  EXPECT_EQ(duration_text(11520), "3 h 12 min");
  EXPECT_EQ(duration_text(460800), "5 d 08 h");
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(progress_text({1, 10, {}, {}, 0, 0}), "step 1/10");
  EXPECT_EQ(progress_text({120, 500000, 4.12345, 0.1234, 245.2, 11520}),
            "step 120/500000  loss 4.1235  accuracy 12.3 %  245 patterns/s  ETA 3 h 12 min");
}

TEST(Progress, OneLineInAWhileWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress(file);
    for (int step = 1; step <= 50; ++step)
      progress.update({step, 50, {}, {}, 0, 0});
    progress.note("a note");
  }
  std::rewind(file);
  char text[200] = {};
  EXPECT_GT(std::fread(text, 1, sizeof text - 1, file), 0u);
  std::fclose(file);
  EXPECT_STREQ(text, "step 1/50\nstep 50/50\na note\n");
}

TEST(MetricsLog, DropsLinesBeyondTheStepAndATornLastLine) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("bragg_metrics_{}.jsonl", ::getpid());
  {
    MetricsLog log(path, 0);
    log.write(TrainMetrics{20, 1.5, 0.25, 100, 3});
    log.write(HeldOutMetrics{20, 1.25, 0.5, 4});
    log.write(TrainMetrics{40, 1, 0.75, 100, 6});
  }
  const std::string first =
      "{\"step\":20,\"loss\":1.5,\"accuracy\":0.25,\"patterns_per_s\":100.0,\"elapsed_s\":3.0}\n"
      "{\"step\":20,\"held_out_loss\":1.25,\"held_out_accuracy\":0.5,\"elapsed_s\":4.0}\n";
  EXPECT_EQ(content(path).substr(0, first.size()), first);
  std::ofstream(path, std::ios::app) << "{\"step\":4";
  {
    MetricsLog log(path, 39);
    log.write(TrainMetrics{40, NAN, 0, 1, 7});
  }
  EXPECT_EQ(
      content(path),
      first + "{\"step\":40,\"loss\":null,\"accuracy\":0.0,\"patterns_per_s\":1.0,\"elapsed_s\":7.0}\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace bragg::nn
