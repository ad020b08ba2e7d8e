// Registers, spills and shared memory of every CUDA kernel, as ptxas reported them in this build, against the
// committed table: a change that costs registers or spills is seen when it is made.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>

#include <cxxabi.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

struct Resources {
  int registers = 0, stack = 0, spill_stores = 0, spill_loads = 0, shared = 0;
  bool operator==(const Resources&) const = default;
};
std::string text(const Resources& r) {
  return fmt::format("{}\t{}\t{}\t{}\t{}", r.registers, r.stack, r.spill_stores, r.spill_loads, r.shared);
}

/// Kernel and architecture, separated by a tab.
using Table = std::map<std::string, Resources>;

/// Without its parameters and the namespaces.
std::string kernel_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  std::string name = status == 0 ? text.get() : mangled;
  for (const char* word : {"(anonymous namespace)::", "bragg::cuda::", "bragg::", "void "})
    for (auto at = name.find(word); at != std::string::npos; at = name.find(word))
      name.erase(at, std::string(word).size());
  // The parameters begin at the first parenthesis outside the template's arguments.
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

Table reported() {
  static const std::regex entry(R"(.*Compiling entry function '(\w+)' for '(\w+)'.*)"),
      memory(R"(\s*(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads.*)"),
      used(R"(.*Used (\d+) registers.*)"), shared(R"(.*?(\d+) bytes smem.*)");
  Table table;
  const std::filesystem::path objects(BRAGG_CUDA_OBJECTS);
  for (const auto& file : std::filesystem::recursive_directory_iterator(objects)) {
    if (file.path().extension() != ".ptxas") continue;
    // conv1d.cu.o.ptxas -> kernels/cuda/conv1d.cu; what is left of a source that is gone does not count.
    const auto source =
        std::filesystem::relative(file.path(), objects).replace_extension().replace_extension();
    if (!std::filesystem::exists(project_file("kernels/cuda/" + source.string()))) continue;
    std::ifstream report(file.path());
    Resources* current = nullptr;
    bool own_memory = false;  // and not that of a function it calls
    std::smatch found;
    for (std::string line; std::getline(report, line);) {
      if (std::regex_match(line, found, entry)) {
        current = &table[kernel_name(found[1]) + '\t' + found[2].str()];
        own_memory = true;
      } else if (current && own_memory && std::regex_match(line, found, memory)) {
        current->stack = std::stoi(found[1]);
        current->spill_stores = std::stoi(found[2]);
        current->spill_loads = std::stoi(found[3]);
        own_memory = false;
      } else if (current && std::regex_match(line, found, used)) {
        current->registers = std::stoi(found[1]);
        if (std::regex_match(line, found, shared)) current->shared = std::stoi(found[1]);
      }
    }
  }
  return table;
}

TEST(CudaResources, AreThoseOfTheTable) {
  const auto path = project_file("tests/kernels/cuda_resources.tsv");
  std::ifstream file(path);
  std::string head;
  std::getline(file, head);
  const std::string compiler = fmt::format("# nvcc {}", BRAGG_CUDA_COMPILER_VERSION);
  const Table found = reported();
  ASSERT_FALSE(found.empty()) << "no reports under " << BRAGG_CUDA_OBJECTS;

  const std::string replacement = std::string(BRAGG_CUDA_OBJECTS) + "/cuda_resources.tsv";
  {
    std::ofstream out(replacement);
    out << compiler
        << "\n# kernel\tarchitecture\tregisters\tstack\tspill stores\tspill loads\tshared (static), bytes\n";
    for (const auto& [key, resources] : found)
      out << key << '\t' << text(resources) << '\n';
  }
  if (head != compiler)
    GTEST_SKIP() << "the table is that of " << head.substr(2) << ", this is " << compiler.substr(2);

  Table expected;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string kernel, architecture;
    std::getline(fields, kernel, '\t');
    std::getline(fields, architecture, '\t');
    Resources r;
    fields >> r.registers >> r.stack >> r.spill_stores >> r.spill_loads >> r.shared;
    expected[kernel + '\t' + architecture] = r;
  }
  for (const auto& [key, resources] : expected) {
    const auto at = found.find(key);
    EXPECT_TRUE(at != found.end() && at->second == resources)
        << key << ": the table says " << text(resources) << ", ptxas "
        << (at == found.end() ? "knows no such kernel" : text(at->second));
  }
  for (const auto& [key, resources] : found)
    EXPECT_TRUE(expected.contains(key)) << key << " is not in the table: " << text(resources);
  if (HasFailure()) std::cerr << "if this is meant: cp " << replacement << ' ' << path.string() << '\n';
}

/// Bytes of stores and loads together.
/// The products' gradient by mma.sync: two registers, written once and read where a block's weights are updated: the factors of a
/// scheduled step are more numbers than there is room for.
/// Refinement: numbers that are made once for all models, once a model or once a hundred of its lines, and are read as seldom; four
/// blocks on a multiprocessor, 128 registers a thread, are worth more.
const std::map<std::string, int> explained_spills{
    {"gemm_mma_bf16<MmaTile<2, 8, 4, 2>, (Contiguous)1, (Contiguous)1, false, AdamStore<false> >\tsm_80", 16},
    {"gemm_mma_bf16<MmaTile<2, 8, 4, 2>, (Contiguous)1, (Contiguous)1, true, AdamStore<false> >\tsm_80", 16},
    {"refine_models<128>\tsm_90a", 36},
    {"refine_models<256>\tsm_90a", 36}};

TEST(CudaResources, NothingSpillsButWhatIsExplained) {
  for (const auto& [key, resources] : reported()) {
    const auto explained = explained_spills.find(key);
    EXPECT_LE(resources.spill_stores + resources.spill_loads,
              explained == explained_spills.end() ? 0 : explained->second)
        << key;
  }
}

}  // namespace
}  // namespace bragg::tests
