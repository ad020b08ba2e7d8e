#include "bench/kernels/operand_memory.h"

#include <algorithm>
#include <functional>

namespace bragg::bench {
namespace {

/// Numbers in (-1, 1), others for another seed.
class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed * 2654435761u) {}
  float next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) * 0x1p-23f - 1;
  }

 private:
  std::uint32_t state_;
};

}  // namespace

void* OperandMemory::allocate(const OperandInfo& info, DType type, std::int64_t count, std::int64_t front,
                              std::int64_t items, std::int64_t stride, std::int64_t length) {
  constexpr std::size_t largest_struct = 64;  // of the state and the totals, whose extents count in numbers
  const std::size_t bytes = static_cast<std::size_t>(count) * size_of(type);
  buffers_.push_back(backend_.allocate(std::max(bytes, largest_struct)));
  std::byte* const begin = buffers_.back().data();
  const auto seed = static_cast<std::uint32_t>(std::hash<std::string>{}(info.name));
  const bool is_number = type == backend_.element_type() || type == backend_.precise_type();
  if (contents_ == Contents::zeros) {
    // An op that is not run reads none of it.
  } else if (info.role != Role::out && is_number) {
    std::vector<float> numbers(static_cast<std::size_t>(count));
    Random random(seed);
    for (std::ptrdiff_t n = 0; n < items; ++n)
      std::generate_n(numbers.begin() + front + n * stride, length, [&] { return random.next(); });
    // Means of squares: the second moment of Adam, a variance.
    if (const std::string name = info.name; name == "v" || name == "running_variance")
      for (float& x : numbers)
        x *= x;
    backend_.upload(numbers, Tensor{begin, type});
  } else if (info.role == Role::in && type == DType::u32) {
    const std::vector<std::uint32_t> halves(static_cast<std::size_t>(count), 0xA5A5A5A5u);
    backend_.upload(halves.data(), begin, bytes);
  }
  return begin + static_cast<std::size_t>(front) * size_of(type);
}

}  // namespace bragg::bench
