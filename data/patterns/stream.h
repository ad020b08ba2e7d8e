// Patterns on the fly: a batch is a pure function of (crystals, recipe, seed, index). No disk, no wait.
// The trainer's interface is nn's BatchSource, which this folder does not know: apps/ joins the two.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/patterns/pattern_table.h"
#include "data/patterns/reflection_store.h"
#include "data/patterns/synthetic_crystals.h"
#include "kernels/backend.h"
#include "kernels/crystal/pattern_sampling.h"
#include "kernels/ops/step_state.h"

namespace bragg::data {

/// Patterns that somebody measured, as the stream's processing leaves them, for a share of its batches.
struct MeasuredPatterns {
  std::vector<float> patterns;       ///< (count, points), processed as the recipe says
  std::vector<std::int32_t> labels;  ///< (count): classes
  double share = 0;                  ///< of the patterns that are measured ones
};

struct StreamOptions {
  std::vector<std::int32_t> rows;  ///< of the store: what may be drawn; a row that stands there twice is
                                   ///< drawn twice as often
  SampleRowsProblem::Order order =
      SampleRowsProblem::Order::uniform;  ///< sequential: pattern i is of rows[i % size]
  std::vector<std::int32_t> labels;       ///< class of every row of the store
  std::vector<PatternVariant> variants;
  Processing processing;
  MeasuredPatterns measured;  ///< none: all are simulated
  /// Of the stream's store and seed, for their share of the simulated patterns; nullptr: none.
  std::shared_ptr<SyntheticCrystals> synthetic;
  Instrument instrument;
  std::uint32_t seed = 0;
};

/// Draws patterns of a store: pattern number index, whatever the batch it is in, is the same numbers.
class PatternStream {
 public:
  /// The store must outlive the stream. Impurities are drawn from the rows, also those of synthetic crystals.
  /// Throws Error for an empty list of rows, labels of another length than the store, measured patterns of
  /// another than the grid, or synthetic crystals in another store.
  PatternStream(const ReflectionStore&, StreamOptions);

  /// Of a pattern as the network reads it.
  std::int64_t points() const { return options_.processing.read_grid(options_.instrument.grid).points; }
  std::int64_t size() const { return static_cast<std::int64_t>(options_.rows.size()); }
  /// Allocates what batches of N need.
  void plan(Backend&, std::int64_t N);
  /// Before every enqueue(), or before every run of what was recorded with it: makes the synthetic crystals
  /// of the batch. Returns true where what was recorded must be recorded anew, see
  /// ReflectionStore::put_behind.
  bool prepare(Backend&, const StepState&);
  /// state: StepState. -> patterns (N, points, 1), maximum 1; labels i32 (N).
  void enqueue(Backend&, ConstTensor state, const Activations& patterns, Tensor labels);

 private:
  bool has_measured() const { return options_.measured.share > 0; }

  const ReflectionStore& store_;
  StreamOptions options_;
  PatternSampling sampling_;  ///< of a batch, as planned
  PatternProblem problem_;
  Buffer candidates_;  ///< i32 (rows)
  Buffer labels_;      ///< i32 (store)
  Buffer rows_;        ///< i32 (N): of the batch at hand
  Buffer impurities_;  ///< i32 (N)
  Buffer parameters_;  ///< PatternParameters (N)
  PatternTable measured_;
};

}  // namespace bragg::data
