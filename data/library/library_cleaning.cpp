#include "data/library/library_cleaning.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <tuple>

namespace bragg::data {
namespace {

/// A third of the logarithm of how much larger b's atoms are: what b's lines are off by.
double log_scale(const LibraryCandidate& a, const LibraryCandidate& b) {
  return std::log(b.key.volume / a.key.volume) / 3;
}

bool has_same_composition(const LibraryCandidate& a, const LibraryCandidate& b) {
  if (a.key.parts.size() != b.key.parts.size()) return false;
  return std::equal(a.key.parts.begin(), a.key.parts.end(), b.key.parts.begin(),
                    [](const auto& p, const auto& q) {
                      return p.first == q.first && std::abs(p.second - q.second) <= same_part;
                    });
}

/// The share of atoms that one has to replace to get from one composition to the other.
double composition_distance(const StructureKey& a, const StructureKey& b) {
  int sum = 0;
  auto p = a.parts.begin(), q = b.parts.begin();
  while (p != a.parts.end() || q != b.parts.end()) {
    if (q == b.parts.end() || (p != a.parts.end() && p->first < q->first)) {
      sum += (p++)->second;
    } else if (p == a.parts.end() || q->first < p->first) {
      sum += (q++)->second;
    } else {
      sum += std::abs((p++)->second - (q++)->second);
    }
  }
  return sum / 2000.0;
}

std::vector<int> elements_of(const StructureKey& key) {
  std::vector<int> elements;
  for (const auto& [element, part] : key.parts)
    elements.push_back(element);
  return elements;
}

bool is_dft(const LibraryCandidate& c) {
  return c.entry.kind == StructureKind::dft;
}

/// The better one first.
bool is_better(const LibraryCandidate& a, const LibraryCandidate& b) {
  const auto rank = [](const LibraryCandidate& c) {
    return std::tuple(is_dft(c), c.tier, c.entry.name.empty(), -c.symmetry, !c.has_hydrogen,
                      !c.has_displacements);
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  // Numbers of entries by their size: mp-149 before mp-1000.
  return std::tuple(a.entry.entry.size(), a.entry.entry, a.crystal.name) <
         std::tuple(b.entry.entry.size(), b.entry.entry, b.crystal.name);
}

class Cleaning {
 public:
  Cleaning(std::vector<LibraryCandidate>& candidates, const CleaningLimits& limits)
      : candidates_(candidates), limits_(limits) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
      all_by_elements_[elements_of(candidates[i].key)].push_back(i);
  }

  /// Why candidate i stays out, and in favour of which; empty: it is kept.
  LeftOut judge(std::size_t i) {
    LibraryCandidate& c = candidates_[i];
    std::vector<std::size_t>& alike = by_elements_[elements_of(c.key)];
    double nearest = -1;
    std::size_t contradicts = i;
    for (const std::size_t k : alike) {
      LibraryCandidate& kept = candidates_[k];
      if (!has_same_composition(c, kept)) continue;
      if (const char* reason = against(c, kept)) {
        if (kept.entry.name.empty() && !is_dft(c)) take_name(kept, c);
        return {c.crystal.name, reason, kept.entry.entry};
      }
      if (!may_contradict(c, kept)) continue;
      const double off = std::abs(log_scale(c, kept));
      if (nearest >= 0 && off >= nearest) continue;
      nearest = off;
      contradicts = k;
    }
    if (nearest > limits_.contradiction)
      return {c.crystal.name, "its cell contradicts published ones", candidates_[contradicts].entry.entry};
    if (contradicts_volumes(i)) return {c.crystal.name, "its cell contradicts others", ""};
    std::vector<std::size_t>& in_group = by_group_[c.key.space_group];
    if (c.tier == SourceTier::adapted) {
      for (const std::size_t k : in_group)
        if (fills_no_gap(c, candidates_[k]))
          return {c.crystal.name, "adapted, and hardly differs in composition", candidates_[k].entry.entry};
    }
    if (c.entry.name.empty() && !is_dft(c)) name_like_another(c, alike);
    alike.push_back(i);
    in_group.push_back(i);
    return {};
  }

 private:
  /// Two names without a word in common are two phases, such as glauconite and illite, however alike.
  static bool may_be_one(const LibraryCandidate& c, const LibraryCandidate& kept) {
    const std::vector<std::string> a = mineral_words(c.entry.name), b = mineral_words(kept.entry.name);
    return a.empty() || b.empty() || std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
  }

  static void take_name(LibraryCandidate& kept, const LibraryCandidate& c) {
    kept.entry.name = c.entry.name;
    kept.crystal.names.mineral = c.crystal.names.mineral;
  }

  /// The name of the same structure at another temperature or pressure.
  void name_like_another(LibraryCandidate& c, const std::vector<std::size_t>& alike) const {
    for (const std::size_t k : alike) {
      const LibraryCandidate& kept = candidates_[k];
      if (kept.entry.name.empty() || is_dft(kept) || !is_same_structure(c.key, kept.key) ||
          line_similarity(c.lines, kept.lines, same_lines, -log_scale(c, kept)) < limits_.same)
        continue;
      take_name(c, kept);
      return;
    }
  }

  /// nullptr: nothing speaks against c beside `kept`, which has its composition.
  const char* against(const LibraryCandidate& c, const LibraryCandidate& kept) const {
    const double scale = log_scale(c, kept);
    if (c.key.space_group == kept.key.space_group) {
      if (3 * std::abs(scale) <= limits_.same_volume && may_be_one(c, kept) &&
          line_similarity(c.lines, kept.lines, same_lines, -scale) >= limits_.same)
        return "duplicate";
      if (is_dft(c) && !is_dft(kept) && std::abs(scale) <= limits_.relaxed_edges &&
          line_similarity(c.lines, kept.lines, similar_lines, -scale) >= limits_.relaxed)
        return "relaxed cell of a measured structure";
      return nullptr;
    }
    if (is_dft(c) && c.symmetry == 1 && kept.symmetry > 1) return "relaxed without symmetry";
    const bool is_doubtful = is_dft(c) || c.tier == SourceTier::tests;
    constexpr double most_scale = 0.03;
    if (is_doubtful && kept.symmetry > c.symmetry && std::abs(scale) <= most_scale &&
        line_similarity(c.lines, kept.lines, equal_lines, -scale) >= limits_.lowered)
      return "lower symmetry than the structure has";
    return nullptr;
  }

  bool may_contradict(const LibraryCandidate& c, const LibraryCandidate& kept) const {
    return !is_dft(c) && c.tier == SourceTier::tests && kept.tier == SourceTier::published &&
           c.key.space_group == kept.key.space_group && is_same_structure(c.key, kept.key) &&
           line_similarity(c.lines, kept.lines, same_lines, -log_scale(c, kept)) >= limits_.same;
  }

  /// A compiled structure beside published ones of its composition and space group, kept or not.
  bool contradicts_volumes(std::size_t i) const {
    const LibraryCandidate& c = candidates_[i];
    if (c.tier == SourceTier::published || is_dft(c)) return false;
    bool has_witness = false;
    for (const std::size_t k : all_by_elements_.at(elements_of(c.key))) {
      const LibraryCandidate& other = candidates_[k];
      if (is_dft(other) || other.tier != SourceTier::published ||
          other.key.space_group != c.key.space_group || !has_same_composition(c, other))
        continue;
      has_witness = true;
      if (std::abs(other.key.volume / c.key.volume - 1) <= limits_.volume) return false;
    }
    return has_witness;
  }

  bool fills_no_gap(const LibraryCandidate& c, const LibraryCandidate& kept) const {
    return std::abs(kept.key.volume / c.key.volume - 1) <= limits_.adapted_volume &&
           composition_distance(c.key, kept.key) <= limits_.composition;
  }

  std::vector<LibraryCandidate>& candidates_;
  const CleaningLimits& limits_;
  std::map<std::vector<int>, std::vector<std::size_t>> all_by_elements_;
  std::map<std::vector<int>, std::vector<std::size_t>> by_elements_;  ///< kept ones
  std::map<int, std::vector<std::size_t>> by_group_;
};

bool comes_first(const LibraryCandidate& a, const LibraryCandidate& b) {
  const auto rank = [](const LibraryCandidate& c) {
    return std::tuple(is_dft(c), c.crystal.group.number, c.crystal.sites.size());
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return is_better(a, b);
}

}  // namespace

void clean(std::vector<LibraryCandidate>& candidates, std::vector<LeftOut>& left_out,
           const CleaningLimits& limits) {
  std::sort(candidates.begin(), candidates.end(), is_better);
  Cleaning cleaning(candidates, limits);
  std::vector<bool> stays(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    LeftOut verdict = cleaning.judge(i);
    stays[i] = verdict.reason.empty();
    if (!stays[i]) left_out.push_back(std::move(verdict));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!stays[i]) continue;
    if (kept != i) candidates[kept] = std::move(candidates[i]);
    ++kept;
  }
  candidates.resize(kept);
  std::sort(candidates.begin(), candidates.end(), comes_first);
}

}  // namespace bragg::data
