// An evaluation as JSON, for scripts, and as a table, for the terminal.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "apps/evaluation/evaluation.h"

namespace bragg::apps {

/// What was evaluated with what, for every kind of report.
struct EvaluationContext {
  std::string model, patterns, neighbours;  ///< paths; neighbours may be empty
  std::string command;                      ///< that gives the same again
  std::string date;                         ///< UTC, "2026-11-23 16:50"
  std::string bragg;                        ///< version and commit of the program that evaluated
};

/// Keys: patterns, groups, refused, space_group (null for a model of crystal systems), crystal_system,
/// baselines {majority, nearest_neighbour (null without neighbours)}, per_class (the model's classes that
/// occur or were answered), and model, set, neighbours, command, date. Rates are shares of 1; `interval` is
/// the 95 % one.
nlohmann::ordered_json to_json(const Evaluation&, const EvaluationContext&);

/// The scores with their baselines, and the crystal systems' confusion, as aligned text.
std::string to_text(const Evaluation&, const EvaluationContext&);

}  // namespace bragg::apps
