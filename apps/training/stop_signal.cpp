#include "apps/training/stop_signal.h"

#include <csignal>

namespace bragg::apps {
namespace {

constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};

volatile std::sig_atomic_t signal_received = 0;

void note_signal(int signal) {
  signal_received = signal;
}

void handle(void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  for (const int signal : signals) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

}  // namespace

StopSignal::StopSignal() {
  signal_received = 0;
  handle(note_signal, static_cast<int>(SA_RESETHAND | SA_RESTART));
}
StopSignal::~StopSignal() {
  handle(SIG_DFL, 0);
}

int StopSignal::received() {
  return signal_received;
}

}  // namespace bragg::apps
