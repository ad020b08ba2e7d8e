#include "data/library/joined_library.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "data/hash.h"
#include "kernels/base/error.h"

namespace bragg::data {

JoinedLibrary::JoinedLibrary(std::vector<std::shared_ptr<const Library>> libraries)
    : libraries_(std::move(libraries)) {
  for (const auto& library : libraries_)
    first_.push_back(first_.back() + library->size());
}

JoinedLibrary::Place JoinedLibrary::find(std::int64_t i) const {
  if (i < 0 || i >= size()) throw Error(fmt::format("structure {} of the {} of all libraries", i, size()));
  const auto after = std::upper_bound(first_.begin(), first_.end(), i);
  const auto row = static_cast<std::size_t>(after - first_.begin()) - 1;
  return {*libraries_[row], i - first_[row]};
}

xrd::Crystal JoinedLibrary::crystal(std::int64_t i) const {
  const Place place = find(i);
  return place.library.crystal(place.i);
}
LibraryEntry JoinedLibrary::entry(std::int64_t i) const {
  const Place place = find(i);
  return place.library.entry(place.i);
}
StructureKind JoinedLibrary::kind(std::int64_t i) const {
  const Place place = find(i);
  return place.library.kind(place.i);
}
int JoinedLibrary::space_group(std::int64_t i) const {
  const Place place = find(i);
  return place.library.space_group(place.i);
}

std::string JoinedLibrary::content_hash() const {
  if (libraries_.size() == 1) return libraries_.front()->content_hash();
  std::string all;
  for (const auto& library : libraries_)
    all += library->content_hash();
  return fmt::format("{:016x}", fnv1a(std::as_bytes(std::span(all))));
}

CrystalSource JoinedLibrary::crystals() const {
  return {size(), [joined = *this](std::int64_t i) { return joined.crystal(i); }};
}

}  // namespace bragg::data
