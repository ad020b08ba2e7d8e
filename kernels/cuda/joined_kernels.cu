#include <algorithm>
#include <array>

#include "kernels/base/bfloat16.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/joined_kernels.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256, most_entries = 24;

/// What the blocks of one launch have to do: those from first_block[i] on entry i.
template <typename Entry>
struct Table {
  std::array<Entry, most_entries> entries;
  std::array<std::int32_t, most_entries> first_block;
  std::int32_t count = 0, blocks = 0;

  /// `work`: of threads.
  void add(const Entry& entry, std::int64_t work) {
    entries[static_cast<std::size_t>(count)] = entry;
    first_block[static_cast<std::size_t>(count)] = blocks;
    ++count;
    blocks += static_cast<std::int32_t>((work + threads - 1) / threads);
  }
};
/// This block's entry, and which of the entry's threads this one is.
template <typename Entry>
struct Mine {
  std::int32_t entry = 0, thread;

  __device__ explicit Mine(const Table<Entry>& table) {
    const auto block = static_cast<std::int32_t>(blockIdx.x);
    while (entry + 1 < table.count && table.first_block[entry + 1] <= block)
      ++entry;
    thread = (block - table.first_block[entry]) * threads + static_cast<std::int32_t>(threadIdx.x);
  }
};

template <typename T>
__device__ T number(const WeightOrder& order, std::int32_t row, std::int32_t k) {
  const std::int32_t of_group = order.group * order.slots, in_group = row % of_group,
                     c = row / of_group * order.group + in_group % order.group,
                     from = order.first + in_group / order.group * order.step + k;
  const bool exists = c < order.C_out && from >= 0 && from < order.row_length;
  return exists ? static_cast<const T*>(order.weights)[std::int64_t{c} * order.weight_row_stride + from]
                : T{0};
}

/// V neighbouring numbers of a row of dst to a thread.
template <typename T, int V>
__global__ void __launch_bounds__(threads) order_weights(const __grid_constant__ Table<WeightOrder> table) {
  wait_for_previous_kernel();
  const Mine<WeightOrder> mine(table);
  const WeightOrder& order = table.entries[mine.entry];
  const std::int32_t rows = order.transposed ? order.length : order.rows,
                     length = order.transposed ? order.rows : order.length, packs = (length + V - 1) / V,
                     row = mine.thread / packs, k = (mine.thread - row * packs) * V;
  if (row >= rows) return;
  Pack<T, V> numbers;
#pragma unroll
  for (int v = 0; v < V; ++v)
    numbers.at[v] = order.transposed ? number<T>(order, k + v, row) : number<T>(order, row, k + v);
  store(static_cast<T*>(order.dst) + std::int64_t{row} * order.dst_stride + k, numbers);
}

/// A weight to a thread.
__global__ void __launch_bounds__(threads)
    add_up_gradients(const __grid_constant__ Table<MovedGradients> table) {
  wait_for_previous_kernel();
  const Mine<MovedGradients> mine(table);
  const MovedGradients& of = table.entries[mine.entry];
  const std::int32_t c = mine.thread / of.row_length, k = mine.thread - c * of.row_length;
  if (c >= of.C_out) return;
  float sum = 0, bias = 0;
  for (std::int32_t j = 0; j < of.outputs; ++j) {
    sum += of.src[(std::int64_t{j} * of.C_out + c) * of.K + j * of.row_step + k];
    bias += of.sums[j * of.C_out + c];
  }
  of.diff_weights[std::int64_t{c} * of.weight_row_stride + k] = sum;
  if (k == 0) of.diff_bias[c] = bias;
}

/// In as many launches as there are tables full. `work(entry)`: threads.
template <typename Entry, typename Work>
void launch_all(const LaunchTarget& launches, const char* what, std::span<const Entry> all, const Work& work,
                void (*kernel)(Table<Entry>)) {
  for (std::size_t begin = 0; begin < all.size(); begin += most_entries) {
    Table<Entry> table{};
    for (const Entry& entry : all.subspan(begin, std::min<std::size_t>(most_entries, all.size() - begin)))
      table.add(entry, work(entry));
    launch([&] { return std::string(what); }, launches,
           {dim3(static_cast<unsigned>(table.blocks)), dim3(threads)}, kernel, table);
  }
}

}  // namespace

template <typename T>
void put_in_order(const LaunchTarget& launches, std::span<const WeightOrder> orders) {
  constexpr int V = std::is_same_v<T, float> ? 1 : 8;
  launch_all<WeightOrder>(
      launches, "weights put in order", orders,
      [](const WeightOrder& order) {
        return std::int64_t{order.dst_rows()} * ((order.dst_length() + V - 1) / V);
      },
      order_weights<T, V>);
}
template void put_in_order<float>(const LaunchTarget&, std::span<const WeightOrder>);
template void put_in_order<BFloat16>(const LaunchTarget&, std::span<const WeightOrder>);

void add_up(const LaunchTarget& launches, std::span<const MovedGradients> all) {
  launch_all<MovedGradients>(
      launches, "gradients of weights added up", all,
      [](const MovedGradients& of) { return std::int64_t{of.C_out} * of.row_length; }, add_up_gradients);
}

std::size_t JoinedKernels::reserve(std::size_t bytes) {
  const std::size_t at = bytes_;
  bytes_ += (bytes + 255) / 256 * 256;
  return at;
}

const void* JoinedKernels::find(const Ordered& wanted) {
  const WeightOrder& order = wanted.order;
  const std::size_t size = wanted.is_float ? sizeof(float) : sizeof(BFloat16);
  const MemoryRange weights{
      order.weights,
      static_cast<std::size_t>((std::int64_t{order.C_out} - 1) * order.weight_row_stride + order.row_length) *
          size};
  if (std::any_of(written_.begin(), written_.end(),
                  [&](const MemoryRange& range) { return range.meets(weights); }))
    return nullptr;
  const auto found = std::find_if(ordered_.begin(), ordered_.end(), [&](const Ordered& one) {
    return one.order == order && one.is_float == wanted.is_float;
  });
  if (found != ordered_.end()) return memory_ ? memory_ + found->at : nullptr;
  ordered_.push_back({order, wanted.is_float, reserve(static_cast<std::size_t>(order.dst_count()) * size)});
  return nullptr;
}

float* JoinedKernels::products(std::size_t bytes) {
  if (!memory_) {
    products_at_.push_back(reserve(bytes));
    return nullptr;
  }
  return reinterpret_cast<float*>(memory_ + products_at_.at(products_given_++));
}

void JoinedKernels::add_up_later(const MovedGradients& gradients) {
  pending_.push_back(gradients);
}

void JoinedKernels::before(const MemoryRange& range, bool writes, const LaunchTarget& launches) {
  const bool is_made_later = std::any_of(pending_.begin(), pending_.end(), [&](const MovedGradients& of) {
    const auto C = static_cast<std::size_t>(of.C_out);
    return range.meets(
               {of.diff_weights, C * static_cast<std::size_t>(of.weight_row_stride) * sizeof(float)}) ||
           range.meets({of.diff_bias, C * sizeof(float)});
  });
  if (is_made_later) add_up_pending(launches);
  if (writes) written_.push_back(range);
}

void JoinedKernels::begin(void* memory, const LaunchTarget& launches) {
  memory_ = static_cast<std::byte*>(memory);
  written_.clear();
  std::vector<WeightOrder> of_floats, of_halves;
  for (const Ordered& one : ordered_) {
    auto& orders = one.is_float ? of_floats : of_halves;
    orders.push_back(one.order);
    orders.back().dst = memory_ + one.at;
  }
  put_in_order<float>(launches, of_floats);
  put_in_order<BFloat16>(launches, of_halves);
}

void JoinedKernels::add_up_pending(const LaunchTarget& launches) {
  add_up(launches, pending_);
  pending_.clear();
}

}  // namespace bragg::cuda
