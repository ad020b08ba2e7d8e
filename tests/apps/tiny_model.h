// A model of a few thousand weights with metadata as training writes it, and pattern sets for it: enough to
// run predict and evaluate.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/evaluation/model_metadata.h"
#include "kernels/backend.h"

namespace bragg::apps::tests {

/// An MLP with one hidden layer of 8, untrained, on 5..90 degrees by 0.1 (850 points), CuKa.
ModelFacts tiny_facts(int classes);
void write_tiny_model(const std::filesystem::path&, int classes);
/// Of space groups, with a head for the crystal system beside them.
void write_tiny_model_of_two_heads(const std::filesystem::path&);

/// Peaks at a few positions that depend on `kind`, as text of two columns from `start` to `end`.
std::string text_pattern(int kind, double start = 5, double end = 90, double step = 0.05);
/// `count` patterns on the tiny model's grid; pattern i has kind i % kinds, space group space_groups[i %
/// kinds], group i / 2 and the name "<i&>".
void write_pattern_set(const std::filesystem::path&, int count, const std::vector<int>& space_groups);

}  // namespace bragg::apps::tests
