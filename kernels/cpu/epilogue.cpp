#include "kernels/cpu/epilogue.h"

#include <algorithm>

#include "kernels/base/random.h"
#include "kernels/ops/step_state.h"

namespace bragg::cpu {

template <typename Element>
void store_forward(const NetworkKernels& network, std::uint32_t* words, const GemmBlock& block,
                   const Epilogue& e, const MatrixView<Element>& dst) {
  const ElementKernels<Element>& kernels = network.of<Element>();
  const std::int64_t columns = block.n1 - block.n0;
  const ForwardStore how{
      .bias = e.bias ? e.bias.as<float>() + block.n0 : nullptr,
      .relu = e.relu,
      .drop_below = dropout_threshold(e.dropout.p),
      .scale = static_cast<float>(1.0 / (1.0 - double{e.dropout.p})),
  };
  const float* acc = block.c;
  RowWalk row(dst, block.m0);
  if (e.dropout.p == 0) {
    for (std::int64_t m = block.m0; m < block.m1; ++m, acc += block.ldc, row.next())
      kernels.store_forward(acc, columns, how, nullptr, 0, row.data + block.n0);
    return;
  }

  // The calls of whole rows follow one another, so several rows are drawn at once.
  constexpr std::int64_t stride = GemmScratch<Element>::most_words / 4;
  const std::uint64_t step = e.dropout.state.as<StepState>()->step;
  const std::int64_t calls = dropout_calls_per_row(columns);
  const bool whole = columns == dst.row_length;
  const std::int64_t at_once = whole ? std::clamp<std::int64_t>(256 / calls, 1, block.m1 - block.m0) : 1;
  for (std::int64_t m = block.m0; m < block.m1; m += at_once) {
    const std::int64_t rows = std::min(at_once, block.m1 - m);
    const std::uint32_t first = dropout_bits(m, block.n0, dst.row_length).call;
    network.dropout_words(e.dropout.seed, static_cast<std::uint32_t>(RandomStream::dropout), e.dropout.layer,
                          step, first, rows * calls, words, stride);
    for (std::int64_t i = 0; i < rows; ++i, acc += block.ldc, row.next())
      kernels.store_forward(acc, columns, how, words + i * calls, stride, row.data + block.n0);
  }
}

template <typename Element>
void store_backward(const NetworkKernels& network, const GemmBlock& block, const ReluGradient& relu,
                    const MatrixView<Element>& diff_src) {
  const ElementKernels<Element>& kernels = network.of<Element>();
  const auto scale = static_cast<float>(1.0 / (1.0 - double{relu.p}));
  const float* acc = block.c;
  RowWalk row(diff_src, block.m0);
  for (std::int64_t m = block.m0; m < block.m1; ++m, acc += block.ldc, row.next()) {
    const std::int64_t begin = row.in_item * diff_src.row_stride;
    const std::int64_t length = std::min(diff_src.row_length, diff_src.item_length - begin);
    const std::int64_t columns = std::min(block.n1, length) - block.n0;
    if (columns <= 0) continue;
    const Element* src =
        relu.src.data == nullptr ? nullptr : relu.src.item<Element>(row.item) + begin + block.n0;
    kernels.store_backward(acc, columns, src, scale, row.data + block.n0);
  }
}

template void store_forward(const NetworkKernels&, std::uint32_t*, const GemmBlock&, const Epilogue&,
                            const MatrixView<float>&);
template void store_forward(const NetworkKernels&, std::uint32_t*, const GemmBlock&, const Epilogue&,
                            const MatrixView<BFloat16>&);
template void store_backward(const NetworkKernels&, const GemmBlock&, const ReluGradient&,
                             const MatrixView<float>&);
template void store_backward(const NetworkKernels&, const GemmBlock&, const ReluGradient&,
                             const MatrixView<BFloat16>&);

}  // namespace bragg::cpu
