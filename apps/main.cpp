// bragg: one command. Each subcommand has its file; this one lists them.
#include <csignal>

#include "apps/command.h"

int main(int argc, char** argv) {
  using namespace bragg::apps;
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit is a failed write, which is told and cleaned up
  CommandLine line;
  add_crystals(line);
  add_library(line);
  add_simulate(line);
  add_train(line);
  add_evaluate(line);
  add_predict(line);
  add_identify(line);
  add_fit(line);
  add_compact(line);
  add_patterns(line);
  add_recipe(line);
  add_info(line);
  return line.main(argc, argv);
}
