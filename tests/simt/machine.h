// The machine that is emulated: which GPUs are in it and what their driver refuses. A test may change it and
// puts it back.
#pragma once

#include <string>
#include <vector>

namespace simt {

struct Gpu {
  std::string name = "emulated on the host";
  int major = 9, minor = 0;  ///< compute capability
};

struct Machine {
  std::vector<Gpu> gpus{Gpu{}};
  int current = 0;
  int driver_version = 12080;  ///< 0: no driver; below 12000 too old for the runtime
  int multiprocessors = 132;   ///< of each
  /// In a recording: what goes on beside its stream runs as late as it may, else as early.
  bool lets_others_wait = false;
  bool refuses_overlapping_maps = false;  ///< tensor maps of rows that begin before the last one's end
};

Machine& machine();

}  // namespace simt
