// What an op finds in a GPU's caches before it runs: nothing of its own.
#pragma once

#include "kernels/backend.h"

namespace bragg::bench {

/// Reads through more memory than a cache holds. It is read, not written: lines that were written would go
/// back to memory while the op is timed that comes next.
class ColdCaches {
 public:
  /// Of a GPU alone. Allocates 256 MiB: throws Error where they cannot be had.
  explicit ColdCaches(Backend&);
  /// Enqueued on the backend's stream.
  void between_runs() const;

 private:
  Backend& backend_;
  Buffer other_;
};

}  // namespace bragg::bench
