// Streams that record: what would run is kept, and run when the graph is launched. A recording may go over to other streams by
// events, as on a device; what it leaves there has to be waited for before it ends.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <vector>

#include "tests/simt/machine.h"

struct SimtStream {
  bool records = false;
};

/// A moment in a stream: where a recording stands, or the time.
struct SimtEvent {
  double seconds = 0;
  SimtStream* stream = nullptr;
  std::size_t position = 0;  ///< of what that stream has been given
};

struct SimtGraph {
  /// `work`, or where there is none a wait: until so many of another stream's works have run.
  struct Entry {
    SimtStream* stream = nullptr;
    std::function<void()> work;
    SimtStream* other = nullptr;
    std::size_t position = 0;
  };
  std::vector<Entry> entries;
  SimtStream* main = nullptr;
  std::map<SimtStream*, std::size_t> given,
      waited;  ///< works of each stream; those of others that main has waited for

  /// In the order in which it was recorded, or as machine().lets_others_wait says: other streams' works when they are waited for.
  void run() const;
};

namespace simt {

/// Copies to and from the host, allocation and waiting are errors meanwhile, as they are on a device.
bool is_recording();
/// Throws where the stream is no part of the recording.
void record(SimtStream* stream, std::function<void()> work);
/// Of the last graph that ran, those of other streams than its own.
std::size_t works_beside();

}  // namespace simt
