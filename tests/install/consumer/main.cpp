// Prints the first reflections of a CIF, and a word of the other libraries: consumer FILE.cif
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "data/split.h"
#include "kernels/backend.h"
#include "nn/model.h"
#include "nn/parameters.h"
#include "xrd/cif/cif.h"
#include "xrd/reflections.h"

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  const bragg::xrd::Crystal crystal = bragg::xrd::read_crystal(argv[1]);
  std::printf("%s %d\n", crystal.formula().c_str(), crystal.group.number);

  const std::unique_ptr<bragg::Backend> backend = bragg::make_backend({.device = "cpu", .threads = 1});
  const std::vector<bragg::xrd::Reflection> peaks = bragg::xrd::peaks(*backend, crystal, {});
  for (std::size_t i = 0; i < std::min<std::size_t>(peaks.size(), 3); ++i) {
    const auto& [h, k, l] = peaks[i].hkl;
    std::printf("%d %d %d  %d  %.3f  %.1f\n", h, k, l, peaks[i].multiplicity, peaks[i].two_theta,
                peaks[i].intensity);
  }

  const bragg::nn::Model model = bragg::nn::make_model({});
  std::printf("%s %lld parameters\n", model.config.name.c_str(),
              static_cast<long long>(bragg::nn::parameter_count(model)));
  const double position = bragg::data::split_position(bragg::data::split_key(crystal), 1);
  std::printf("held out: %s\n", position < 0.1 ? "yes" : "no");
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
