// What the programs that use Google Benchmark have in common around their own flags.
#pragma once

#include <cstdio>
#include <string_view>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace bragg::bench {

/// Hands Google Benchmark its flags, which leave argv. With --help the program's own come first: Google
/// Benchmark would answer with its own alone, and end.
inline void initialize_benchmark(const CLI::App& app, int& argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--help") continue;
    fmt::print("{}\nGoogle Benchmark's flags:\n", app.help());
    std::fflush(stdout);
    break;
  }
  benchmark::Initialize(&argc, argv);
}

}  // namespace bragg::bench
