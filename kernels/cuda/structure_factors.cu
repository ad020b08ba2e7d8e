// Structure factors: reflections listed by unique_reflections.cu, then summed over the atoms by sum_atoms.cuh.
#include <algorithm>
#include <string>
#include <type_traits>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_scan.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/sum_atoms.cuh"
#include "kernels/cuda/unique_reflections.h"

namespace bragg::cuda {
namespace {

/// Many arrays in one block of device memory: first all are planned, then it is allocated and filled.
class Scratch {
 public:
  std::size_t add(std::size_t bytes) { return plan_.add(bytes); }
  /// A copy of `host`, which stays as it is until upload().
  template <typename T>
  std::size_t add(const std::vector<T>& host) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::size_t bytes = host.size() * sizeof(T), offset = plan_.add(bytes);
    copies_.push_back({offset, bytes, host.data()});
    return offset;
  }
  void upload(Backend& backend) {
    memory_ = backend.allocate(plan_.bytes());
    for (const Copy& copy : copies_)
      backend.upload(copy.host, memory_.data() + copy.offset, copy.bytes);
  }
  template <typename T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(memory_.data() + offset);
  }

 private:
  struct Copy {
    std::size_t offset, bytes;
    const void* host;
  };
  ArenaPlan plan_;
  std::vector<Copy> copies_;
  Buffer memory_;
};

/// What the kernels read of the crystals, and what they keep from one to the next.
class Tables {
 public:
  Tables(Backend& backend, const RowPlan& plan, const CrystalBatch& batch)
      : range_(plan.range),
        crystals_(batch.crystals()),
        grid_(scratch_.add(plan.grid)),
        block_offset_(scratch_.add(plan.block_offset)),
        group_(scratch_.add(plan.group)),
        pairs_(scratch_.add(plan.pairs)),
        pair_offset_(scratch_.add(plan.pair_offset)),
        centrings_(scratch_.add(plan.centrings)),
        centring_offset_(scratch_.add(plan.centring_offset)),
        centrosymmetric_(scratch_.add(batch.centrosymmetric)),
        centring_(scratch_.add(batch.centring)),
        atom_offset_(scratch_.add(batch.atom_offset)),
        atoms_(scratch_.add(batch.atoms)),
        beta_(scratch_.add(batch.beta)),
        form_factors_(scratch_.add(batch.form_factors)),
        chunk_offset_(scratch_.add((crystals_ + 1) * sizeof(std::uint64_t))),
        counts_(scratch_.add((plan.slots() + 1) * sizeof(std::uint32_t))),
        firsts_(scratch_.add((plan.slots() + 1) * sizeof(std::uint64_t))),
        scan_(scratch_.add(exclusive_sum_bytes(plan.slots() + 1))) {
    scratch_.upload(backend);
  }

  /// u32 (slots + 1): reflections of each row; the last one stays 0, and the sum before it is that of all.
  std::uint32_t* counts() const { return scratch_.at<std::uint32_t>(counts_); }
  std::uint64_t* firsts() const { return scratch_.at<std::uint64_t>(firsts_); }  ///< u64 (slots + 1)
  void* scan() const { return scratch_.at<void>(scan_); }
  std::uint64_t* chunk_offset() const { return scratch_.at<std::uint64_t>(chunk_offset_); }

  RowTables rows(const ReflectionSet& set) const {
    return {range_,
            crystals_,
            reinterpret_cast<const ReciprocalMetric*>(set.metric.data()),
            scratch_.at<RowGrid>(grid_),
            scratch_.at<std::uint64_t>(block_offset_),
            scratch_.at<std::uint32_t>(group_),
            scratch_.at<RotationPair>(pairs_),
            scratch_.at<std::uint32_t>(pair_offset_),
            scratch_.at<Translation>(centrings_),
            scratch_.at<std::uint32_t>(centring_offset_)};
  }
  SumArguments sums(const ReflectionSet& set, bool ignore_displacements) const {
    return {crystals_,
            ignore_displacements,
            chunk_offset(),
            reinterpret_cast<const std::uint64_t*>(set.offset.data()),
            reinterpret_cast<const ReciprocalMetric*>(set.metric.data()),
            scratch_.at<std::uint8_t>(centrosymmetric_),
            scratch_.at<std::uint8_t>(centring_),
            scratch_.at<std::uint64_t>(atom_offset_),
            scratch_.at<ScatteringAtom>(atoms_),
            scratch_.at<std::array<float, 6>>(beta_),
            scratch_.at<FormFactor>(form_factors_),
            reinterpret_cast<const Miller*>(set.miller.data()),
            reinterpret_cast<float*>(set.f2.data())};
  }

 private:
  Scratch scratch_;
  InverseDSquaredRange range_;
  std::int64_t crystals_;
  std::size_t grid_, block_offset_, group_, pairs_, pair_offset_, centrings_, centring_offset_;
  std::size_t centrosymmetric_, centring_, atom_offset_, atoms_, beta_, form_factors_;
  std::size_t chunk_offset_, counts_, firsts_, scan_;
};

}  // namespace

ReflectionSet CudaBackend::do_structure_factors(const ReflectionProblem& p, const CrystalBatch& batch) {
  const std::int64_t crystals = batch.crystals();
  const auto describe = [&] {
    return "structure_factors crystals " + std::to_string(crystals) + " " + p.text();
  };
  const RowPlan plan(batch, InverseDSquaredRange(p));
  const std::int64_t slots = plan.slots();
  const std::uint64_t blocks = plan.block_offset.back();

  ReflectionSet set;
  set.crystals = crystals;
  set.offset = allocate((crystals + 1) * sizeof(std::uint64_t));
  set.metric = allocate(crystals * sizeof(ReciprocalMetric));
  set.laue = allocate(crystals * sizeof(LaueRotations));
  upload(batch.metric.data(), set.metric.data(), crystals * sizeof(ReciprocalMetric));
  upload(plan.laue.data(), set.laue.data(), crystals * sizeof(LaueRotations));
  if (crystals == 0) return set;

  const Tables tables(*this, plan, batch);
  const RowTables rows = tables.rows(set);
  auto* const offset = reinterpret_cast<std::uint64_t*>(set.offset.data());
  count_reflections(rows, blocks, tables.counts(), describe, stream_.get());
  exclusive_sum(tables.counts(), tables.firsts(), slots + 1, tables.scan(), exclusive_sum_bytes(slots + 1),
                stream_.get());
  pick_offsets(rows, tables.firsts(), offset, describe, stream_.get());

  std::vector<std::uint64_t> offset_on_host(crystals + 1), chunks(crystals + 1);
  download(offset, offset_on_host.data(), offset_on_host.size() * sizeof(std::uint64_t));
  for (std::int64_t i = 0; i < crystals; ++i)
    chunks[i + 1] = chunks[i] + (offset_on_host[i + 1] - offset_on_host[i] + sum_threads - 1) / sum_threads;
  set.reflections = static_cast<std::int64_t>(offset_on_host[crystals]);
  set.miller = allocate(set.reflections * sizeof(Miller));
  set.f2 = allocate(set.reflections * sizeof(float));
  if (set.reflections == 0) return set;

  list_reflections(rows, blocks, tables.counts(), tables.firsts(),
                   reinterpret_cast<Miller*>(set.miller.data()), describe, stream_.get());
  upload(chunks.data(), tables.chunk_offset(), chunks.size() * sizeof(std::uint64_t));
  const bool anomalous = std::any_of(batch.form_factors.begin(), batch.form_factors.end(),
                                     [](const FormFactor& f) { return f.dispersion_imaginary != 0; });
  launch(describe, stream_.get(), {dim3(static_cast<unsigned>(chunks.back())), dim3(sum_threads)},
         anomalous ? sum_atoms<true> : sum_atoms<false>, tables.sums(set, p.ignore_displacements));
  stream_.synchronize();  // before the tables go
  return set;
}

}  // namespace bragg::cuda
