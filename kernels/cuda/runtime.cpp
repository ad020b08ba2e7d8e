#include "kernels/cuda/runtime.h"

#include <fmt/format.h>

namespace bragg::cuda {

std::string describe(cudaError_t status) {
  // The runtime calls a driver that is not there an old one.
  int version = 0;
  if (status == cudaErrorInsufficientDriver && cudaDriverGetVersion(&version) == cudaSuccess && version == 0)
    return "no NVIDIA driver found";
  return cudaGetErrorString(status);
}

void fail(const std::string& what, cudaError_t status) {
  throw CudaError(fmt::format("[{}] CUDA: {}", what, describe(status)));
}

Stream::Stream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
}

Stream::~Stream() {
  cudaStreamDestroy(stream_);
}

void Stream::synchronize() const {
  check(cudaStreamSynchronize(stream_), "synchronize: one of the ops before");
}

void Stream::wait_for(const Event& event) const {
  check(cudaStreamWaitEvent(stream_, event.get(), 0), "wait for another stream");
}

Event::Event() {
  check(cudaEventCreate(&event_), "event");
}

Event::~Event() {
  cudaEventDestroy(event_);
}

void Event::record(const Stream& stream) const {
  check(cudaEventRecord(event_, stream.get()), "event");
}

double Event::seconds_since(const Event& earlier) const {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "event");
  return 1e-3 * double{milliseconds};
}

void ExecutableGraph::begin_capture(const Stream& stream) {
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "record");
}

void ExecutableGraph::abandon_capture(const Stream& stream) noexcept {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess && graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();  // whatever ended the capture is no fault of what comes next
}

ExecutableGraph::ExecutableGraph(const Stream& stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream.get(), &graph), "record");
  const cudaError_t status = cudaGraphInstantiate(&graph_, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "record");
}

ExecutableGraph::~ExecutableGraph() {
  cudaGraphExecDestroy(graph_);
}

void ExecutableGraph::launch(const Stream& stream) const {
  check(cudaGraphLaunch(graph_, stream.get()), "run of a recording");
}

Buffer allocate_device_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is reported here and must not be reported again
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "memory");
    throw Error(fmt::format("out of GPU memory: {} bytes needed, {} of {} free", bytes, free, total));
  }
  check(status, "allocate");
  Buffer buffer(memory, bytes, [](void* p) { cudaFree(p); });
  check(cudaMemset(memory, 0, bytes), "allocate");
  check(cudaDeviceSynchronize(), "allocate");
  return buffer;
}

namespace {
/// 0 without a driver, or with one too old: a machine without a GPU as far as this program is concerned.
int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

cudaDeviceProp properties_of(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "device properties");
  return properties;
}

/// Empty where the kernels can run on it.
std::string why_unusable(int index) {
  const cudaDeviceProp properties = properties_of(index);
  if (properties.major >= lowest_capability_major) return "";
  return fmt::format("cuda:{} is {} of compute capability {}.{}; {}.0 or later is needed", index,
                     properties.name, properties.major, properties.minor, lowest_capability_major);
}
}  // namespace

int first_usable_device() {
  for (int index = 0, count = device_count(); index < count; ++index)
    if (why_unusable(index).empty()) return index;
  return -1;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) return describe(status);
  if (count == 0) return "there is none";
  std::string all;
  for (int index = 0; index < count; ++index) {
    const std::string why = why_unusable(index);
    if (why.empty()) return "";
    all += (all.empty() ? "" : "; ") + why;
  }
  return all;
}

void use_device(int index) {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess)
    throw UsageError(fmt::format("cuda:{}: {}", index, describe(status)));
  if (index < 0 || index >= count)
    throw UsageError(fmt::format("cuda:{}: there are {} CUDA devices", index, count));
  if (const std::string why = why_unusable(index); !why.empty()) throw UsageError(why);
  check(cudaSetDevice(index), "use_device");
}

int compute_capability(int index) {
  return properties_of(index).major;
}

int multiprocessors(int index) {
  return properties_of(index).multiProcessorCount;
}

std::size_t shared_memory_of_block(int index) {
  return properties_of(index).sharedMemPerBlockOptin;
}

std::string describe_device(int index) {
  const cudaDeviceProp properties = properties_of(index);
  return fmt::format("{}, sm_{}{}, {} multiprocessors, {:.1f} GiB", properties.name, properties.major,
                     properties.minor, properties.multiProcessorCount,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30));
}

}  // namespace bragg::cuda
