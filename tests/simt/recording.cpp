#include "tests/simt/recording.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include <cuda_runtime.h>

namespace simt {
namespace {
std::unique_ptr<SimtGraph>& recorded() {
  static std::unique_ptr<SimtGraph> graph;
  return graph;
}

std::size_t& beside() {
  static std::size_t count = 0;
  return count;
}
}  // namespace

std::size_t works_beside() {
  return beside();
}

bool is_recording() {
  return recorded() != nullptr;
}

void record(SimtStream* stream, std::function<void()> work) {
  if (stream == nullptr || !stream->records) throw std::runtime_error("a stream that does not record");
  SimtGraph& graph = *recorded();
  graph.entries.push_back({stream, std::move(work), nullptr, 0});
  ++graph.given[stream];
}

}  // namespace simt

void SimtGraph::run() const {
  std::map<SimtStream*, std::vector<const Entry*>> left;  // of other streams, not yet run
  std::map<SimtStream*, std::size_t> done;
  const auto run_until = [&](SimtStream* stream, std::size_t position) {
    auto& works = left[stream];
    std::size_t next = 0;
    for (; next < works.size() && done[stream] < position; ++next) {
      works[next]->work();
      ++done[stream];
    }
    works.erase(works.begin(), works.begin() + static_cast<std::ptrdiff_t>(next));
  };
  simt::beside() = 0;
  for (const Entry& entry : entries) {
    const bool is_mains = entry.stream == main;
    if (!entry.work) {
      if (is_mains) run_until(entry.other, entry.position);
      continue;
    }
    if (!is_mains) ++simt::beside();
    if (is_mains || !simt::machine().lets_others_wait) {
      entry.work();
      ++done[entry.stream];
    } else {
      left[entry.stream].push_back(&entry);
    }
  }
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new SimtStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new SimtEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = stream;
  event->position = stream && stream->records ? simt::recorded()->given[stream] : 0;
  event->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = static_cast<float>(1e3 * (end->seconds - begin->seconds));
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (!simt::is_recording()) return cudaSuccess;
  SimtGraph& graph = *simt::recorded();
  if (!event->stream->records) return cudaErrorStreamCaptureUnsupported;
  stream->records = true;
  graph.entries.push_back({stream, {}, event->stream, event->position});
  if (stream == graph.main) {
    std::size_t& waited = graph.waited[event->stream];
    waited = std::max(waited, event->position);
  }
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (simt::is_recording()) return cudaErrorStreamCaptureUnsupported;
  simt::recorded() = std::make_unique<SimtGraph>();
  simt::recorded()->main = stream;
  stream->records = true;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!simt::is_recording() || simt::recorded()->main != stream) return cudaErrorStreamCaptureUnsupported;
  const std::unique_ptr<SimtGraph> all = std::move(simt::recorded());
  bool is_whole = true;
  for (const auto& [other, works] : all->given) {
    other->records = false;
    const auto waited = all->waited.find(other);
    is_whole = is_whole && (other == stream || (waited != all->waited.end() && waited->second == works));
  }
  for (const SimtGraph::Entry& entry : all->entries)
    entry.stream->records = false;
  stream->records = false;
  *graph = is_whole ? new SimtGraph(*all) : nullptr;
  return is_whole ? cudaSuccess : cudaErrorStreamCaptureUnjoined;
}
