#include "tests/apps/train_fixture.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "kernels/base/safetensors.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {

namespace fs = std::filesystem;

void TrainFixture::SetUp() {
  std::string cif;
  for (int i = 0; i < 12; ++i)
    cif += rock_salt_cif(fmt::format("c{}", i), 4 + 0.2 * i);
  // Another composition each, so that the split has something to part.
  for (const char* element : {"K", "Rb", "Cs", "Li", "Ag"}) {
    std::string other = rock_salt_cif(element);
    for (std::size_t at; (at = other.find("Na")) != std::string::npos;)
      other.replace(at, 2, element);
    cif += other;
  }
  write_text(folder / "salts.cif", cif);
  ASSERT_EQ(run_bragg({"crystals", "import", folder / "salts.cif", "-o", folder / "salts.safetensors"}).code,
            0);
  write_text(folder / "run.toml", fmt::format(R"([model]
classes = 7
channels = [4, 4]
kernels = [50, 25]
strides = [25, 5]
dense = [16]
dropout = 0.2
[data]
crystals = "{}"
recipe = "large"
holdout = 0.3
[train]
batch = 4
steps = 30
learning_rate = 1e-3
log_every = 5
evaluate_every = 10
)",
                                              (folder / "salts.safetensors").string()));
}

std::vector<std::string> TrainFixture::arguments(const std::string& out,
                                                 const std::vector<std::string>& more) const {
  std::vector<std::string> all{"train", folder / "run.toml", "--out", folder / out};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

RunResult TrainFixture::train(const std::string& out, const std::vector<std::string>& more) const {
  return run_bragg(arguments(out, more));
}

RunResult TrainFixture::resume(const std::string& out, const std::vector<std::string>& more) const {
  std::vector<std::string> all{"train", "--resume", "--out", folder / out};
  all.insert(all.end(), more.begin(), more.end());
  return run_bragg(all);
}

std::map<std::string, std::vector<std::byte>> TrainFixture::weights(const std::string& out,
                                                                    const std::string& file) const {
  const SafetensorsFile model(folder / (out + "/" + file));
  std::map<std::string, std::vector<std::byte>> all;
  for (const auto& [name, tensor] : model.tensors())
    all[name] = {tensor.bytes.begin(), tensor.bytes.end()};
  return all;
}

std::int64_t TrainFixture::step(const std::string& out) const {
  return std::stoll(SafetensorsFile(folder / (out + "/last.safetensors")).metadata("step"));
}

std::map<std::string, std::string> TrainFixture::contents(const std::string& out) const {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder / out))
    all[entry.path().string()] = entry.is_regular_file() ? read_text(entry.path()) : "";
  return all;
}

void wait_for_a_step(RunningBragg& run, const fs::path& metrics) {
  for (int i = 0; i < 600 && run.is_running() && !(fs::exists(metrics) && fs::file_size(metrics) > 0); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(run.is_running());
}

}  // namespace bragg::tests
