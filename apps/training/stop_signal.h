// The signals that ask a process to leave, as a request to finish the running step, save and leave.
#pragma once

namespace bragg::apps {

/// From construction on the first of SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU (terminals, batch
/// systems and their time limits send them) is noted; a second one of the same kind, impatient, ends the
/// process as usual. One that was ignored when the process started, as SIGHUP is under nohup, stays ignored.
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
