// bragg: one command. Each subcommand has its file; this one lists them.
#include "apps/command.h"

int main(int argc, char** argv) {
  using namespace bragg::apps;
  CommandLine line;
  add_crystals(line);
  add_simulate(line);
  add_train(line);
  add_evaluate(line);
  add_predict(line);
  add_patterns(line);
  add_recipe(line);
  add_info(line);
  return line.main(argc, argv);
}
