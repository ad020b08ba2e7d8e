#include "nn/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::nn {

void for_each_pattern(Backend& backend, Network& network, FiniteSource& source,
                      const std::function<void(std::span<const float> logits, std::int32_t label)>& visit) {
  for_each_pattern(backend, network, source,
                   VisitHeads([&](const std::vector<std::span<const float>>& logits, std::int32_t label) {
                     visit(logits.front(), label);
                   }));
}

void for_each_pattern(Backend& backend, Network& network, FiniteSource& source, const VisitHeads& visit) {
  const std::int64_t N = network.batch(), size = source.size();
  if (source.points() != network.input().L)
    throw Error(fmt::format("[evaluate] the patterns have {} points, the model takes {}", source.points(),
                            network.input().L));
  source.plan(backend, N);
  const Buffer state = backend.allocate(sizeof(StepState));
  std::vector<std::vector<float>> logits;
  for (std::size_t head = 0; head < network.heads(); ++head)
    logits.emplace_back(static_cast<std::size_t>(N * network.classes(head)));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(N));
  for (std::int64_t first = 0; first < size; first += N) {
    const StepState here{0, static_cast<std::uint64_t>(first)};
    backend.upload(&here, state.data(), sizeof here);
    source.prepare(backend, here);
    source.enqueue(backend, {state.data(), DType::u64}, network.input(), network.labels());
    network.forward();
    for (std::size_t head = 0; head < logits.size(); ++head)
      backend.download(network.logits(head), std::span(logits[head]));
    backend.download(network.labels().data, labels.data(), labels.size() * sizeof(std::int32_t));
    for (std::int64_t i = 0; i < std::min(N, size - first); ++i) {
      std::vector<std::span<const float>> rows;
      for (std::size_t head = 0; head < logits.size(); ++head) {
        const auto classes = static_cast<std::size_t>(network.classes(head));
        rows.push_back(std::span(logits[head]).subspan(static_cast<std::size_t>(i) * classes, classes));
      }
      visit(rows, labels[static_cast<std::size_t>(i)]);
    }
  }
}

Predictions predict(Backend& backend, Network& network, FiniteSource& source) {
  Predictions p;
  p.classes = static_cast<int>(network.classes());
  for_each_pattern(backend, network, source, [&](std::span<const float> logits, std::int32_t label) {
    if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); }))
      throw Error(fmt::format("[predict] the logits of pattern {} are not finite", p.patterns));
    const auto row = softmax(logits);
    p.probabilities.insert(p.probabilities.end(), row.begin(), row.end());
    p.labels.push_back(label);
    ++p.patterns;
  });
  return p;
}

std::vector<float> softmax(std::span<const float> logits) {
  std::vector<float> p(logits.size());
  if (logits.empty()) return p;
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits)
    sum += std::exp(x - largest);
  for (std::size_t i = 0; i < p.size(); ++i)
    p[i] = static_cast<float>(std::exp(logits[i] - largest) / sum);
  return p;
}

double cross_entropy(std::span<const float> logits, std::int32_t label) {
  if (label < 0 || static_cast<std::size_t>(label) >= logits.size())
    return std::numeric_limits<double>::quiet_NaN();
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits)
    sum += std::exp(x - largest);
  return std::log(sum) + largest - logits[static_cast<std::size_t>(label)];
}

int arg_max(std::span<const float> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

Metrics evaluate(const Predictions& p) {
  const auto classes = static_cast<std::size_t>(p.classes);
  Metrics m;
  m.patterns = p.patterns;
  m.per_class.resize(classes);
  m.confusion.assign(classes * classes, 0);
  std::int64_t correct = 0, among_five = 0;
  for (std::int64_t i = 0; i < p.patterns; ++i) {
    const std::int32_t label = p.labels.at(static_cast<std::size_t>(i));
    if (label < 0 || label >= p.classes)
      throw Error(fmt::format("[evaluate] label {} of pattern {} outside 0..{}", label, i, p.classes - 1));
    const auto row = p.row(i);
    if (std::any_of(row.begin(), row.end(), [](float x) { return std::isnan(x); }))
      throw Error(fmt::format("[evaluate] a probability of pattern {} is NaN", i));
    const auto truth = static_cast<std::size_t>(label);
    const auto answer = static_cast<std::size_t>(arg_max(row));
    int before = 0;  // answers ranked before the label
    for (std::size_t c = 0; c < classes; ++c)
      before += row[c] > row[truth] || (row[c] == row[truth] && c < truth);
    among_five += before < 5;
    correct += answer == truth;
    ++m.per_class[truth].count;
    ++m.per_class[answer].predicted;
    m.per_class[truth].correct += answer == truth;
    ++m.confusion[truth * classes + answer];
  }

  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
  m.accuracy = share(static_cast<double>(correct), static_cast<double>(p.patterns));
  m.top5 = share(static_cast<double>(among_five), static_cast<double>(p.patterns));
  int occurring = 0;
  for (ClassMetrics& c : m.per_class) {
    c.precision = share(static_cast<double>(c.correct), static_cast<double>(c.predicted));
    c.recall = share(static_cast<double>(c.correct), static_cast<double>(c.count));
    c.f1 = share(2 * c.precision * c.recall, c.precision + c.recall);
    if (c.count > 0) {
      ++occurring;
      m.macro_f1 += c.f1;
    }
  }
  m.macro_f1 = share(m.macro_f1, occurring);
  return m;
}

Interval wilson(std::int64_t correct, std::int64_t count) {
  if (count == 0) return {0, 1};
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double n = static_cast<double>(count), p = static_cast<double>(correct) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace bragg::nn
