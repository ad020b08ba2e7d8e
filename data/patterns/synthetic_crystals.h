// Synthetic crystals of a stream, made while it is drawn from: each is in one pattern and never again.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "data/crystals/crystal_generator.h"
#include "data/patterns/reflection_store.h"
#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"
#include "kernels/ops/rows.h"

namespace bragg::data {

struct SyntheticOptions {
  GeneratorOptions generator;
  double share = 0;                                    ///< of the patterns that are of synthetic crystals
  std::function<std::int32_t(int space_group)> label;  ///< the class of a crystal
  std::uint32_t seed = 0;                              ///< of the stream: decides which patterns they are
  /// Made and put into device memory at a time (rounded up to whole batches); no pattern depends on it.
  std::int64_t patterns_per_portion = 8192;
  int threads = 0;             ///< that make them; 0: all
  bool in_background = false;  ///< the next portion beside the steps of this one: where those leave threads
};

/// Pattern i, where it is of a synthetic crystal, is of the generator's crystal number i.
class SyntheticCrystals {
 public:
  /// The crystals are like those of the statistics, and lie behind those of the store, which must outlive
  /// this and serve no other one of them. Throws as CrystalGenerator.
  SyntheticCrystals(ReflectionStore&, std::unique_ptr<const CrystalStatistics>, SyntheticOptions);

  /// Expected number of them in a portion for batches of N: what the store needs as spare room.
  static std::int64_t expected_per_portion(const SyntheticOptions&, std::int64_t N);

  const ReflectionStore& store() const { return store_; }
  /// Allocates what batches of N need.
  void plan(Backend&, std::int64_t N);
  /// Before the batch of patterns first_index .. first_index + N - 1: computes the reflections of a portion
  /// that begins there, unless they are of the one at hand. Returns and throws as
  /// ReflectionStore::put_behind; throws Error naming a pattern whose crystal cannot be made.
  bool prepare(Backend&, std::uint64_t first_index);
  /// Enqueues: rows i32 (N) and labels i32 (N) of the patterns that are of synthetic crystals are replaced.
  void enqueue(Backend&, ConstTensor state, Tensor rows, Tensor labels) const;

 private:
  struct Portion {
    CrystalBatch crystals;
    std::vector<std::int32_t> labels;  ///< of the crystals
    std::vector<std::int32_t> slots;   ///< (patterns): pattern i is of crystal slots[i % patterns]
  };
  SampleRowsProblem draw() const;
  Portion make(std::uint64_t first);

  ReflectionStore& store_;
  std::unique_ptr<const CrystalStatistics> statistics_;
  SyntheticOptions options_;
  CrystalGenerator generator_;
  ThreadPool pool_;
  std::int64_t N_ = 0, patterns_ = 0;  ///< of a batch, of a portion
  std::uint64_t begin_ = 0, end_ = 0;  ///< patterns of the portion at hand; the next one begins at its end
  Buffer slots_;                       ///< i32 (patterns): Portion::slots
  Buffer labels_;                      ///< i32 (patterns), as many as there are crystals
  Buffer rows_;                        ///< i32 (patterns): of the store, by slot
  Buffer slots_of_batch_;              ///< i32 (N): -1 where the pattern is of none
  std::future<Portion> next_;          ///< last: it is waited for before the rest goes
};

}  // namespace bragg::data
