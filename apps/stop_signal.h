// SIGINT and SIGTERM as a request to finish the running step, save and leave.
#pragma once

namespace bragg::apps {

/// From construction on the first signal is noted and the second, impatient one, ends the process as usual.
/// One at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// The signal that came, or 0.
  static int received();
};

}  // namespace bragg::apps
