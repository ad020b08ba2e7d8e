#include "tests/kernels/op_runner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "kernels/base/random.h"
#include "kernels/operand_layout.h"

namespace bragg::tests {
namespace {

constexpr std::int64_t odd_guard = 67;     // elements; odd, so that nothing is aligned by luck
constexpr std::int64_t struct_guard = 66;  // as many LossTotals

/// What makes a result wrong that reads it; labels and classes are never negative.
double spoiler_of(DType type) {
  if (type == DType::i32) return -1;
  return type == DType::u32 || type == DType::u64 ? 0xA5A5A5A5 : 0x1.8p100;
}

/// How an operand lies in a backend's memory: guard, `before` zeros, items, guard.
struct Layout {
  std::int64_t items, length, item_stride;
  std::int64_t guard;
  std::int64_t before = 0;
  bool zeros_between = false;
  std::int64_t padded_length = 0;  ///< what follows an item up to this may be set to zero (tensor.h)
};

/// An operand in a backend's memory.
class Guarded {
 public:
  Guarded(Backend& backend, const OperandInfo& info, DType type, const Layout& layout, const Numbers& values)
      : backend_(&backend),
        info_(info),
        type_(type),
        layout_(layout),
        first_(layout.guard + layout.before),
        image_(static_cast<std::size_t>(first_ + layout.items * layout.item_stride + layout.guard),
               spoiler_of(type)) {
    if (layout.zeros_between) std::fill(image_.begin() + layout.guard, image_.end() - layout.guard, 0.0);
    std::fill_n(image_.begin() + layout.guard, layout.before, 0.0);
    if (!values.empty())
      for (std::ptrdiff_t n = 0; n < layout.items; ++n)
        std::copy_n(values.begin() + n * layout.length, layout.length,
                    image_.begin() + first_ + n * layout.item_stride);
    memory_ = backend.allocate(image_.size() * size_of(type_));
    upload();
    image_ = content();
  }

  const OperandInfo& info() const { return info_; }
  std::byte* data() const { return memory_.data() + static_cast<std::size_t>(first_) * size_of(type_); }

  /// The elements. Nothing else may have changed, and of an input nothing at all: throws std::runtime_error.
  Numbers checked() const {
    const Numbers now = content();
    Numbers values;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(now.size()); ++i) {
      const std::int64_t in = i - first_;
      const bool is_element =
          in >= 0 && in < layout_.items * layout_.item_stride && in % layout_.item_stride < layout_.length;
      if (is_element) values.push_back(now[i]);
      const bool is_padding = in >= 0 && in < layout_.items * layout_.item_stride &&
                              in % layout_.item_stride < layout_.padded_length && now[i] == 0;
      const bool may_change = (is_element || is_padding) && info_.role != Role::in;
      if (!may_change && std::memcmp(&now[i], &image_[i], sizeof(double)) != 0)
        throw std::runtime_error(
            fmt::format("{}: element {} was overwritten: {} was {}", info_.name, in, now[i], image_[i]));
    }
    return values;
  }

 private:
  bool is_number() const { return type_ == DType::f64 || type_ == DType::f32 || type_ == DType::bf16; }
  /// loss_sum among the numbers of LossTotals.
  bool is_double(std::size_t i) const { return info_.type == NumberType::totals && i % 3 == 0; }

  template <typename Word>
  void upload_words() {
    std::vector<Word> words(image_.size());
    for (std::size_t i = 0; i < words.size(); ++i)
      words[i] = is_double(i) ? static_cast<Word>(std::bit_cast<std::uint64_t>(image_[i]))
                              : static_cast<Word>(image_[i]);
    backend_->upload(words.data(), memory_.data(), words.size() * sizeof(Word));
  }
  template <typename Word>
  Numbers words() const {
    std::vector<Word> words(image_.size());
    backend_->download(memory_.data(), words.data(), words.size() * sizeof(Word));
    Numbers numbers(words.size());
    for (std::size_t i = 0; i < words.size(); ++i)
      numbers[i] = is_double(i) ? std::bit_cast<double>(static_cast<std::uint64_t>(words[i]))
                                : static_cast<double>(words[i]);
    return numbers;
  }

  void upload() {
    if (info_.type == NumberType::f64)  // of every backend, whatever its own types
      backend_->upload(image_.data(), memory_.data(), image_.size() * sizeof(double));
    else if (is_number())
      backend_->upload(std::vector<float>(image_.begin(), image_.end()), Tensor{memory_.data(), type_});
    else if (type_ == DType::i32)
      upload_words<std::int32_t>();
    else if (type_ == DType::u32)
      upload_words<std::uint32_t>();
    else
      upload_words<std::uint64_t>();
  }
  Numbers content() const {
    if (type_ == DType::i32) return words<std::int32_t>();
    if (type_ == DType::u32) return words<std::uint32_t>();
    if (type_ == DType::u64) return words<std::uint64_t>();
    Numbers now(image_.size());
    if (type_ == DType::f64) {
      backend_->download(memory_.data(), now.data(), now.size() * sizeof(double));
    } else {
      std::vector<float> floats(image_.size());
      backend_->download({memory_.data(), type_}, std::span(floats));
      std::copy(floats.begin(), floats.end(), now.begin());
    }
    return now;
  }

  Backend* backend_;
  OperandInfo info_;
  DType type_;
  Layout layout_;
  std::int64_t first_;
  Numbers image_;  ///< as it was uploaded, rounded to the type
  Buffer memory_;
};

/// Gives the operands of one op memory.
class Placement {
 public:
  Placement(Backend& backend, std::int64_t alignment, const Operands& given, const RunOptions& options)
      : backend_(backend), alignment_(alignment), given_(given), options_(options) {}

  template <IsOp O>
  void place(O& op) {
    O::operands(op, [&](const OperandInfo& info, auto& view, const auto& extent) {
      if (!takes_part(info)) return;
      const DType type = type_of_operand(info);
      const Layout layout = layout_of_operand(op, info, extent);
      placed_.emplace_back(backend_, info, type, layout, numbers_of(info, layout.items * layout.length));
      view.data = placed_.back().data();
      view.dtype = type;
      if constexpr (requires { view.item_stride; })
        view = {view.data, type, extent.N, extent.L, extent.C, layout.item_stride};
    });
    for (const auto& [name, numbers] : given_)
      if (std::none_of(placed_.begin(), placed_.end(),
                       [&, &name = name](const Guarded& g) { return name == g.info().name; }))
        throw std::runtime_error(name + ": no operand of it");
  }

  /// Of the results.
  Operands checked() const {
    Operands results;
    for (const Guarded& operand : placed_) {
      Numbers numbers = operand.checked();
      if (operand.info().role != Role::in) results[operand.info().name] = std::move(numbers);
    }
    return results;
  }

 private:
  bool takes_part(const OperandInfo& info) const {
    if (info.type == NumberType::rounded) return !backend_.number_types().are_same();
    return !info.is_optional || given_.contains(info.name);
  }

  DType type_of_operand(const OperandInfo& info) const {
    const NumberTypes types = backend_.number_types();
    if (info.type == NumberType::state || info.type == NumberType::totals) return DType::u64;
    if (const auto type = type_of(info.type, types, options_.precise ? types.precise : types.element))
      return *type;
    throw std::runtime_error(fmt::format("{}: no host numbers of its type", info.name));
  }

  /// Biases and logits may begin anywhere, whatever else is aligned.
  std::int64_t guard_of(const OperandInfo& info) const {
    if (info.type == NumberType::state || info.type == NumberType::totals) return struct_guard;
    constexpr std::array<std::string_view, 3> anywhere{"bias", "diff_bias", "logits"};
    const bool is_odd =
        alignment_ == 1 || std::find(anywhere.begin(), anywhere.end(), info.name) != anywhere.end();
    return is_odd ? odd_guard : 8 * alignment_;
  }

  template <IsOp O>
  Layout layout_of_operand(const O&, const OperandInfo& info, const RowsExtent& extent) const {
    const std::int64_t stride = extent.rows == 1 ? extent.length : backend_.weight_row_stride(extent.length);
    return {extent.rows, extent.length, std::max<std::int64_t>(stride, 1), guard_of(info)};
  }
  template <IsOp O>
  Layout layout_of_operand(const O& op, const OperandInfo& info, const ActivationsExtent& extent) {
    const std::int64_t length = extent.L * extent.C;
    const std::int64_t gap = (3 + activations_++) * alignment_;  // another for every operand
    Layout layout{extent.N,
                  length,
                  (length + alignment_ - 1) / alignment_ * alignment_ + gap,
                  guard_of(info),
                  extent.zeros_before,
                  extent.zeros_between,
                  (length + alignment_ - 1) / alignment_ * alignment_};
    if (alignment_ == 1) {
      if (extent.least_item_stride > 0) layout.item_stride = extent.least_item_stride;
    } else if (const OperandLayout best = layout_of(backend_, op, info.name, extent); best.item_stride > 0) {
      layout.item_stride = best.item_stride;
      layout.before = best.front;
    }
    return layout;
  }

  Numbers numbers_of(const OperandInfo& info, std::int64_t count) const {
    const auto found = given_.find(info.name);
    if (found != given_.end() && !found->second.empty()) {
      if (static_cast<std::int64_t>(found->second.size()) != count)
        throw std::runtime_error(
            fmt::format("{}: {} numbers, {} expected", info.name, found->second.size(), count));
      return found->second;
    }
    if (info.type == NumberType::state) return {static_cast<double>(options_.step), 0};
    if (info.type == NumberType::totals) return {0, 0, 0};
    if (info.type == NumberType::f64) return {1};
    if (info.role != Role::out && count > 0)
      throw std::runtime_error(fmt::format("{}: no numbers, {} expected", info.name, count));
    return {};
  }

  Backend& backend_;
  std::int64_t alignment_;
  const Operands& given_;
  const RunOptions& options_;
  std::vector<Guarded> placed_;
  std::int64_t activations_ = 0;
};

template <typename Number>
Numbers random_numbers(std::int64_t count, std::uint32_t seed, const Number& number) {
  Numbers values(static_cast<std::size_t>(count));
  Philox4 words{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) words = random_call(seed, RandomStream::test, static_cast<std::uint32_t>(i / 4), 0, 0);
    values[i] = number(words[i % 4]);
  }
  return values;
}

}  // namespace

Numbers integers(std::int64_t count, std::uint32_t seed) {
  return random_numbers(count, seed,
                        [](std::uint32_t word) { return static_cast<double>(uniform_below(word, 9)) - 4; });
}

Numbers uniforms(std::int64_t count, std::uint32_t seed) {
  return random_numbers(count, seed, [](std::uint32_t word) { return 2.0 * uniform01(word) - 1; });
}

Numbers absolute(Numbers values) {
  for (double& x : values)
    x = std::fabs(x);
  return values;
}

std::vector<OperandShape> operands_of(const NetworkOp& any) {
  std::vector<OperandShape> all;
  std::visit(
      [&](const auto& op) {
        std::remove_cvref_t<decltype(op)>::operands(
            op, [&](const OperandInfo& info, const auto&, const auto& extent) {
              if constexpr (requires { extent.rows; })
                all.push_back({info, extent.rows * extent.length});
              else
                all.push_back({info, extent.N * extent.L * extent.C});
            });
      },
      any);
  return all;
}

Operands OpRunner::run(const NetworkOp& any, const Operands& given, const RunOptions& options) {
  return std::visit(
      [&](auto op) {
        const auto describe = [&] {
          return fmt::format("{} on {}, {}, step {}", text(op), backend_.description(),
                             alignment_ == 1 ? "at odd addresses" : fmt::format("aligned to {}", alignment_),
                             options.step);
        };
        ran_ = describe();
        try {
          Placement placement(backend_, alignment_, given, options);
          placement.place(op);
          ran_ = describe();  // with what has memory
          backend_.reserve_workspace(backend_.workspace_bytes(op));
          how_ = backend_.how(op);
          backend_.run(op);
          return placement.checked();
        } catch (const std::exception& e) {
          throw std::runtime_error(ran_ + ": " + e.what());
        }
      },
      any);
}

}  // namespace bragg::tests
