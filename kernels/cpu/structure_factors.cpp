// Structure factors in fp32, crystal by crystal: unique reflections (unique_reflections.h), atoms gathered
// into groups of one form factor and displacement, phase tables, then the vector code of
// isa/crystal_kernels.cpp.
//
// Error against the reference: a table entry is correct to 2e-7 and three are multiplied, so |F| is off by
// some 1e-6 of sum_j occupancy_j f_j at worst. tests hold |F|^2 to 1e-5 of (centring sum_j occupancy_j f_j)^2
// at the same hkl.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/cpu/unique_reflections.h"
#include "kernels/crystal/crystal_math.h"

namespace bragg::cpu {
namespace {

/// Scratch memory aligned for vectors. Grows and never shrinks; its content does not survive resize().
template <typename T>
class AlignedArray {
 public:
  T* resize(std::size_t count) {
    if (bytes_ < count * sizeof(T) + alignment) {
      bytes_ = 2 * count * sizeof(T) + alignment;
      storage_ = std::make_unique_for_overwrite<std::byte[]>(bytes_);
    }
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.get());
    data_ = reinterpret_cast<T*>((address + alignment - 1) / alignment * alignment);
    return data_;
  }
  T* data() const { return data_; }

 private:
  static constexpr std::size_t alignment = 64;
  std::unique_ptr<std::byte[]> storage_;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
};

// Everything one thread needs for one crystal after another.
class CrystalWorker {
 public:
  CrystalWorker(const CrystalKernels& kernels, const ReflectionProblem& problem, const CrystalBatch& batch)
      : kernels_(kernels), problem_(problem), range_(problem), batch_(batch) {}

  /// Appends the crystal's reflections and their |F|^2.
  void add(std::int64_t crystal, std::vector<Miller>& miller, std::vector<float>& f2);

 private:
  void gather_atoms(std::int64_t crystal);
  void add_group(std::size_t first, std::size_t last, bool anisotropic);
  void weigh_groups();
  void weigh(std::int32_t form_factor, std::size_t room);
  const float* damped(const float* src, float u, std::size_t room, float* dst) const;
  void fill_tables();

  std::size_t padded(std::size_t n) const {
    return (n + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
  }
  float u_of(const ScatteringAtom& atom) const { return problem_.ignore_displacements ? 0 : atom.u_iso; }
  bool is_anisotropic(const ScatteringAtom& atom) const {
    return atom.anisotropic >= 0 && !problem_.ignore_displacements;
  }

  const CrystalKernels& kernels_;
  const ReflectionProblem& problem_;
  const InverseDSquaredRange range_;
  const CrystalBatch& batch_;

  std::int64_t crystal_ = 0;
  UniqueReflections list_;
  std::vector<const ScatteringAtom*> atoms_;  // sorted by group
  std::vector<AtomGroup> groups_;
  std::vector<const ScatteringAtom*> group_atom_;  // one atom of every group
  std::size_t lanes_used_ = 0;                     // atoms with their padding
  bool anomalous_ = false;                         // any f'' is not 0
  AlignedArray<double> position_[3];
  AlignedArray<float> occupancy_, beta_[6], table_[6], stol2_, weights_, plain_, imaginary_, scratch_, f2_;
};

void CrystalWorker::gather_atoms(std::int64_t crystal) {
  const std::size_t first = batch_.atom_offset[crystal], count = batch_.atom_offset[crystal + 1] - first;
  atoms_.clear();
  for (std::size_t j = 0; j < count; ++j)
    atoms_.push_back(&batch_.atoms[first + j]);
  const auto before = [this](const ScatteringAtom* a, const ScatteringAtom* b) {
    if (a->form_factor != b->form_factor) return a->form_factor < b->form_factor;
    if (is_anisotropic(*a) != is_anisotropic(*b)) return is_anisotropic(*b);
    return u_of(*a) < u_of(*b);
  };
  if (!std::is_sorted(atoms_.begin(), atoms_.end(), before))
    std::stable_sort(atoms_.begin(), atoms_.end(), before);

  const std::size_t room = count * kernels_.lanes;  // every atom in a group of its own
  for (auto& x : position_)
    std::fill_n(x.resize(room), room, 0.0);
  std::fill_n(occupancy_.resize(room), room, 0.0f);
  for (auto& b : beta_)
    b.resize(room);
  groups_.clear();
  group_atom_.clear();
  lanes_used_ = 0;

  // Atoms of one form factor: a group for each u_iso, or, where that would leave most lanes empty, all in one
  // with a displacement factor by atom, which costs about four times as much a vector.
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin, isotropic_end = begin, separate = 0;
    while (end < count && atoms_[end]->form_factor == atoms_[begin]->form_factor)
      ++end;
    for (std::size_t j = begin; j < end && !is_anisotropic(*atoms_[j]);) {
      std::size_t next = j;
      while (next < end && !is_anisotropic(*atoms_[next]) && u_of(*atoms_[next]) == u_of(*atoms_[j]))
        ++next;
      separate += padded(next - j);
      isotropic_end = j = next;
    }
    const std::size_t together = padded(end - begin) - padded(end - isotropic_end);
    if (separate > 4 * together + padded(1)) isotropic_end = begin;
    for (std::size_t j = begin; j < isotropic_end;) {
      std::size_t next = j;
      while (next < isotropic_end && u_of(*atoms_[next]) == u_of(*atoms_[j]))
        ++next;
      add_group(j, next, false);
      j = next;
    }
    if (isotropic_end < end) add_group(isotropic_end, end, true);
    begin = end;
  }
}

void CrystalWorker::add_group(std::size_t first, std::size_t last, bool anisotropic) {
  const bool centrosymmetric = batch_.centrosymmetric[crystal_] != 0;
  const float scale = static_cast<float>(batch_.centring[crystal_]) * (centrosymmetric ? 2.0f : 1.0f);
  const std::size_t lanes = padded(last - first);
  groups_.push_back({static_cast<std::int32_t>(lanes_used_ / kernels_.lanes),
                     static_cast<std::int32_t>(lanes / kernels_.lanes), anisotropic, nullptr, nullptr});
  group_atom_.push_back(atoms_[first]);
  for (std::size_t j = 0; j < last - first; ++j) {
    const ScatteringAtom& atom = *atoms_[first + j];
    const std::size_t lane = lanes_used_ + j;
    position_[0].data()[lane] = atom.x;
    position_[1].data()[lane] = atom.y;
    position_[2].data()[lane] = atom.z;
    occupancy_.data()[lane] = scale * atom.occupancy;
  }
  for (std::size_t j = 0; anisotropic && j < lanes; ++j) {
    const ScatteringAtom& atom = *atoms_[std::min(first + j, last - 1)];
    for (int i = 0; i < 6; ++i) {
      // exp(-8 pi^2 U s^2) as a quadratic form: 4 s^2 = 1/d^2.
      beta_[i].data()[lanes_used_ + j] = atom.anisotropic >= 0
                                             ? batch_.beta[atom.anisotropic][i]
                                             : static_cast<float>(2 * std::numbers::pi * std::numbers::pi *
                                                                  atom.u_iso * batch_.metric[crystal_][i]);
    }
  }
  lanes_used_ += lanes;
}

// f0 + f' of every reflection, and f''.
void CrystalWorker::weigh(std::int32_t form_factor, std::size_t room) {
  const FormFactor& f = batch_.form_factors[form_factor];
  kernels_.form_factors(f.a.data(), f.b.data(), f.c + f.dispersion_real, stol2_.data(),
                        static_cast<std::int64_t>(room), plain_.data());
  const bool beyond = problem_.stol_max * problem_.stol_max > f.four_gaussians_to;
  for (std::size_t i = 0; beyond && i < list_.stol2.size(); ++i) {
    const float s2 = list_.stol2[i];
    if (s2 > f.four_gaussians_to)
      plain_.data()[i] = static_cast<float>(high_angle_form_factor(f.high, s2) + f.dispersion_real);
  }
  if (anomalous_) std::fill_n(imaginary_.data(), room, f.dispersion_imaginary);
}

/// dst: src times the displacement factor of u.
const float* CrystalWorker::damped(const float* src, float u, std::size_t room, float* dst) const {
  if (u == 0) {
    std::copy_n(src, room, dst);
  } else {
    const auto factor = static_cast<float>(8 * std::numbers::pi * std::numbers::pi * u);
    kernels_.damp(src, factor, stol2_.data(), static_cast<std::int64_t>(room), dst);
  }
  return dst;
}

void CrystalWorker::weigh_groups() {
  const std::size_t count = list_.miller.size(), room = padded(count);
  std::fill_n(stol2_.resize(room) + count, room - count, 0.0f);
  std::copy(list_.stol2.begin(), list_.stol2.end(), stol2_.data());
  anomalous_ = std::any_of(group_atom_.begin(), group_atom_.end(), [&](const ScatteringAtom* atom) {
    return batch_.form_factors[atom->form_factor].dispersion_imaginary != 0;
  });
  weights_.resize((anomalous_ ? 2 : 1) * groups_.size() * room);
  plain_.resize(room);
  imaginary_.resize(anomalous_ ? room : 0);
  std::int32_t known = -1;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const ScatteringAtom& atom = *group_atom_[g];
    if (atom.form_factor != known) {
      weigh(atom.form_factor, room);
      known = atom.form_factor;
    }
    const float u = groups_[g].anisotropic ? 0 : u_of(atom);
    groups_[g].weight = damped(plain_.data(), u, room, weights_.data() + g * room);
    if (anomalous_) {
      float* const imaginary = weights_.data() + (groups_.size() + g) * room;
      groups_[g].imaginary_weight = damped(imaginary_.data(), u, room, imaginary);
    }
  }
}

void CrystalWorker::fill_tables() {
  std::array<int, 3> largest{};
  for (const Miller& m : list_.miller) {
    largest[0] = std::max<int>(largest[0], m.h);
    largest[1] = std::max<int>(largest[1], std::abs(m.k));
    largest[2] = std::max<int>(largest[2], std::abs(m.l));
  }
  const auto n = static_cast<std::int64_t>(lanes_used_);
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t indices = largest[axis] + 1;
    float* cosine = table_[axis].resize(indices * n);
    float* sine = table_[3 + axis].resize(indices * n);
    kernels_.phase_table(position_[axis].data(), n, indices, cosine, sine);
  }
}

void CrystalWorker::add(std::int64_t crystal, std::vector<Miller>& miller, std::vector<float>& f2) {
  crystal_ = crystal;
  list_.miller.clear();
  list_.stol2.clear();
  list_.rows.clear();
  const std::span operators(batch_.operators.data() + batch_.operator_offset[crystal],
                            batch_.operators.data() + batch_.operator_offset[crystal + 1]);
  list_unique_reflections(batch_.metric[crystal], operators, range_, list_);
  gather_atoms(crystal);
  weigh_groups();
  fill_tables();

  const auto n = static_cast<std::int64_t>(lanes_used_);
  StructureFactorCall call{.atoms = n,
                           .occupancy = occupancy_.data(),
                           .cosine = {table_[0].data(), table_[1].data(), table_[2].data()},
                           .sine = {table_[3].data(), table_[4].data(), table_[5].data()},
                           .beta = {},
                           .groups = groups_.data(),
                           .group_count = static_cast<std::int64_t>(groups_.size()),
                           .rows = list_.rows.data(),
                           .row_count = static_cast<std::int64_t>(list_.rows.size()),
                           .miller = reinterpret_cast<const std::int16_t*>(list_.miller.data()),
                           .centrosymmetric = batch_.centrosymmetric[crystal] != 0,
                           .anomalous = anomalous_,
                           .scratch = scratch_.resize(4 * lanes_used_),
                           .f2 = f2_.resize(list_.miller.size())};
  for (int i = 0; i < 6; ++i)
    call.beta[i] = beta_[i].data();
  kernels_.structure_factors(call);
  miller.insert(miller.end(), list_.miller.begin(), list_.miller.end());
  f2.insert(f2.end(), f2_.data(), f2_.data() + list_.miller.size());
}

// Crystals of one task, and what came out.
struct Chunk {
  std::vector<Miller> miller;
  std::vector<float> f2;
};

}  // namespace

ReflectionSet CpuBackend::do_structure_factors(const ReflectionProblem& p, const CrystalBatch& batch) {
  constexpr std::int64_t crystals_per_task = 64;
  const std::int64_t crystals = batch.crystals(),
                     tasks = (crystals + crystals_per_task - 1) / crystals_per_task;
  ReflectionSet set;
  set.crystals = crystals;
  set.offset = allocate((crystals + 1) * sizeof(std::uint64_t));
  set.metric = allocate(crystals * sizeof(ReciprocalMetric));
  if (crystals > 0) std::memcpy(set.metric.data(), batch.metric.data(), crystals * sizeof(ReciprocalMetric));
  set.laue = allocate(crystals * sizeof(LaueRotations));
  auto* offset = reinterpret_cast<std::uint64_t*>(set.offset.data());
  auto* laue = reinterpret_cast<LaueRotations*>(set.laue.data());

  std::vector<CrystalWorker> workers;
  workers.reserve(pool_.size());
  for (int i = 0; i < pool_.size(); ++i)
    workers.emplace_back(crystal_, p, batch);
  std::vector<Chunk> chunks(tasks);
  pool_.run(tasks, [&](std::int64_t task, int worker) {
    Chunk& chunk = chunks[task];
    const std::int64_t end = std::min(crystals, (task + 1) * crystals_per_task);
    for (std::int64_t crystal = task * crystals_per_task; crystal < end; ++crystal) {
      const std::size_t before = chunk.miller.size();
      workers[worker].add(crystal, chunk.miller, chunk.f2);
      offset[crystal + 1] = chunk.miller.size() - before;
      laue[crystal] = laue_rotations({batch.operators.begin() + batch.operator_offset[crystal],
                                      batch.operators.begin() + batch.operator_offset[crystal + 1]});
    }
  });
  for (std::int64_t crystal = 0; crystal < crystals; ++crystal)
    offset[crystal + 1] += offset[crystal];

  set.reflections = static_cast<std::int64_t>(offset[crystals]);
  set.miller = allocate(set.reflections * sizeof(Miller));
  set.f2 = allocate(set.reflections * sizeof(float));
  pool_.run(tasks, [&](std::int64_t task, int) {
    Chunk chunk = std::move(chunks[task]);  // freed here, so that there are never two whole copies
    if (chunk.miller.empty()) return;
    const std::uint64_t first = offset[task * crystals_per_task];
    std::memcpy(set.miller.data() + first * sizeof(Miller), chunk.miller.data(),
                chunk.miller.size() * sizeof(Miller));
    std::memcpy(set.f2.data() + first * sizeof(float), chunk.f2.data(), chunk.f2.size() * sizeof(float));
  });
  return set;
}

}  // namespace bragg::cpu
