#include "data/search/search_library.h"

#include <bit>
#include <map>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "data/hash.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// Numbers one after the other, through FNV-1a.
class Hash {
 public:
  template <typename T>
  void add(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      add_words(std::bit_cast<std::uint64_t>(double{number}));
    } else {
      add_words(static_cast<std::uint64_t>(static_cast<std::int64_t>(number)));
    }
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_words(std::uint64_t word) { hash_ = fnv1a(std::as_bytes(std::span(&word, 1)), hash_); }
  std::uint64_t hash_ = fnv1a_basis;
};

void add(Hash& hash, const xrd::Crystal& crystal) {
  for (const double number : {crystal.cell.a, crystal.cell.b, crystal.cell.c, crystal.cell.alpha,
                              crystal.cell.beta, crystal.cell.gamma})
    hash.add(number);
  hash.add(crystal.group.operators.size());
  for (const SymmetryOperator& op : crystal.group.operators) {
    for (const std::int8_t element : op.rotation)
      hash.add(element);
    for (const std::int8_t element : op.translation)
      hash.add(element);
  }
  hash.add(crystal.sites.size());
  for (const xrd::Site& site : crystal.sites) {
    hash.add(site.species.atomic_number);
    hash.add(site.species.charge);
    hash.add(site.position.x);
    hash.add(site.position.y);
    hash.add(site.position.z);
    hash.add(site.occupancy);
    hash.add(site.multiplicity);
    hash.add(site.u_iso);
    hash.add(site.u_aniso.has_value());
    if (site.u_aniso)
      for (const double u : *site.u_aniso)
        hash.add(u);
  }
}

}  // namespace

std::string content_hash_of(const CrystalSource& crystals) {
  Hash hash;
  hash.add(crystals.size);
  for (std::int64_t i = 0; i < crystals.size; ++i)
    add(hash, crystals.at(i));
  return fmt::format("{:016x}", hash.value());
}

void validate(const SearchLibrary& library) {
  const auto require = [&](const char* what, std::ptrdiff_t count) {
    if (count != library.crystals.size)
      throw UsageError(
          fmt::format("search library: {} of {} structures, not of {}", what, count, library.crystals.size));
  };
  require("kinds", std::ssize(library.kind));
  if (!library.name.empty()) require("names", std::ssize(library.name));
}

SearchLibrary search_library_of(const JoinedLibrary& library) {
  SearchLibrary result{.crystals = library.crystals(), .content_hash = library.content_hash()};
  std::map<std::pair<std::string, int>, std::int32_t> numbers;
  for (std::int64_t i = 0; i < library.size(); ++i) {
    result.kind.push_back(library.kind(i));
    // Only measured structures are limited to a few of a name.
    std::int32_t number = -1;
    if (library.kind(i) == StructureKind::experimental) {
      const auto key = std::pair(library.entry(i).title, library.space_group(i));
      number = numbers.try_emplace(key, static_cast<std::int32_t>(numbers.size())).first->second;
    }
    result.name.push_back(number);
  }
  return result;
}

}  // namespace bragg::data
