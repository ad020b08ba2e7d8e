// cuDNN as a peer of convolutions: as 2-D ones of height 1, channels last, by the graph API (cuDNN 9): what
// its heuristics propose and every engine that takes the graph as it is set up by default, since for long
// kernels in bf16 the heuristics propose little or nothing. Forward with bias and ReLU in the same graph
// where an engine has them. It gets the numbers packed, without the gaps between items that bragg plans with.
// The gradient of the weights is in bf16 where the operands are: no engine writes it in fp32 then.
#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <utility>

#include <cudnn.h>
#include <fmt/format.h>

#include "bench/kernels/dynamic_library.h"
#include "bench/kernels/peer.h"
#include "kernels/base/error.h"

namespace bragg::bench {
namespace {

constexpr std::size_t workspace_bytes = std::size_t{1} << 30;
constexpr std::int64_t most_proposed = 10;  ///< by each heuristic; as many as PyTorch tries

class Library {
 public:
  explicit Library(const std::vector<std::string>& directories) : library_(opened(directories)) {
#define BRAGG_FIND(name) library_.find("cudnn" #name, name)
    BRAGG_FIND(Create);
    BRAGG_FIND(Destroy);
    BRAGG_FIND(SetStream);
    BRAGG_FIND(GetVersion);
    BRAGG_FIND(GetErrorString);
    BRAGG_FIND(GetLastErrorString);
    BRAGG_FIND(BackendCreateDescriptor);
    BRAGG_FIND(BackendDestroyDescriptor);
    BRAGG_FIND(BackendSetAttribute);
    BRAGG_FIND(BackendGetAttribute);
    BRAGG_FIND(BackendFinalize);
    BRAGG_FIND(BackendExecute);
#undef BRAGG_FIND
    check(Create(&handle_), "cudnnCreate");
  }
  ~Library() {
    Destroy(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void check(cudnnStatus_t status, const char* what) const {
    if (status == CUDNN_STATUS_SUCCESS) return;
    std::array<char, 256> details{};
    GetLastErrorString(details.data(), details.size());
    throw Error(fmt::format("{}: {} {}", what, GetErrorString(status), details.data()));
  }
  cudnnHandle_t handle() const {
    return handle_;
  }
  std::string description() const {
    const std::size_t version = GetVersion();
    return fmt::format("cuDNN {}.{}.{}, {}", version / 10000, version / 100 % 100, version % 100,
                       library_.path());
  }

 private:
  /// What cuDNN looks for by name while it runs is opened first: it need not be where the loader looks.
  static DynamicLibrary opened(const std::vector<std::string>& directories) {
    const std::vector<std::vector<std::string>> before{{"libcublasLt.so.13", "libcublasLt.so.12"},
                                                       {"libnvrtc.so.13", "libnvrtc.so.12"}};
    for (const auto& names : before) {
      try {
        DynamicLibrary(names, directories);
      } catch (const Error&) {
        // engines that need it will say so
      }
    }
    return DynamicLibrary({"libcudnn.so.9"}, directories);
  }

  DynamicLibrary library_;
  cudnnHandle_t handle_ = nullptr;

 public:
  decltype(&cudnnCreate) Create;
  decltype(&cudnnDestroy) Destroy;
  decltype(&cudnnSetStream) SetStream;
  decltype(&cudnnGetVersion) GetVersion;
  decltype(&cudnnGetErrorString) GetErrorString;
  decltype(&cudnnGetLastErrorString) GetLastErrorString;
  decltype(&cudnnBackendCreateDescriptor) BackendCreateDescriptor;
  decltype(&cudnnBackendDestroyDescriptor) BackendDestroyDescriptor;
  decltype(&cudnnBackendSetAttribute) BackendSetAttribute;
  decltype(&cudnnBackendGetAttribute) BackendGetAttribute;
  decltype(&cudnnBackendFinalize) BackendFinalize;
  decltype(&cudnnBackendExecute) BackendExecute;
};

/// A description of the graph API, destroyed with this.
class Descriptor {
 public:
  Descriptor(const Library& library, cudnnBackendDescriptorType_t type) : library_(&library) {
    library.check(library.BackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
  }
  ~Descriptor() {
    if (descriptor_) library_->BackendDestroyDescriptor(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept
      : library_(other.library_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <typename Value>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  const std::vector<Value>& values) {
    library_->check(library_->BackendSetAttribute(descriptor_, name, type,
                                                  static_cast<std::int64_t>(values.size()), values.data()),
                    "cudnnBackendSetAttribute");
    return *this;
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector{other.get()});
  }
  Descriptor& finalize() {
    library_->check(library_->BackendFinalize(descriptor_), "cudnnBackendFinalize");
    return *this;
  }
  /// How many there were; no more than `values` holds are stored.
  template <typename Value>
  std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                   std::vector<Value>& values) const {
    std::int64_t count = 0;
    library_->check(
        library_->BackendGetAttribute(descriptor_, name, type, static_cast<std::int64_t>(values.size()),
                                      &count, values.data()),
        "cudnnBackendGetAttribute");
    return count;
  }

 private:
  const Library* library_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// Names of the tensors of a graph.
enum Uid : std::int64_t { src_id = 1, weights_id, dst_id, bias_id, sum_id, biased_id };

/// The operations of one pass, in the order of the flow of data.
class Graph {
 public:
  Graph(const Library& library, const Conv1dProblem& p, Pass pass, DType operands, DType result,
        bool bias_and_relu)
      : library_(library) {
    const auto element = [&](Pass of) { return type_of(pass == of ? result : operands); };
    const Descriptor& src =
        tensor(src_id, element(Pass::backward_data), {p.N, p.C_in, 1, p.L_in}, p.L_in * p.C_in);
    const Descriptor& weights = tensor(weights_id, element(Pass::backward_weights),
                                       {p.C_out, p.C_in, 1, p.kernel}, p.kernel * p.C_in);
    const std::vector<std::int64_t> dst_size{p.N, p.C_out, 1, p.L_out()};
    const std::int64_t dst_item = p.L_out() * p.C_out;
    const Descriptor& dst = tensor(dst_id, element(Pass::forward), dst_size, dst_item);

    Descriptor& convolution = add(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    const std::vector<std::int64_t> none{0, 0};
    convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{2})
        .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
             std::vector{CUDNN_CROSS_CORRELATION})
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, none)
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, none)
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{1, 1})
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, std::vector<std::int64_t>{1, p.stride})
        .finalize();

    const std::vector<float> one{1}, zero{0};
    switch (pass) {
      case Pass::forward: {
        const Descriptor& sum = bias_and_relu ? between(sum_id, dst_size, dst_item) : dst;
        operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, src)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weights)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, sum)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, one)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, zero)
            .finalize();
        if (!bias_and_relu) break;
        const Descriptor& bias = tensor(bias_id, type_of(result), {1, p.C_out, 1, 1}, p.C_out);
        const Descriptor& biased = between(biased_id, dst_size, dst_item);
        pointwise(CUDNN_POINTWISE_ADD, sum, &bias, biased);
        pointwise(CUDNN_POINTWISE_RELU_FWD, biased, nullptr, dst);
        break;
      }
      case Pass::backward_data:
        operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, src)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, weights)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, dst)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, convolution)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_TYPE_FLOAT, one)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, CUDNN_TYPE_FLOAT, zero)
            .finalize();
        break;
      case Pass::backward_weights:
        operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, src)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, weights)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, dst)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_TYPE_FLOAT, one)
            .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_TYPE_FLOAT, zero)
            .finalize();
        break;
    }

    std::vector<cudnnBackendDescriptor_t> all;
    for (const Descriptor* one_operation : operations_)
      all.push_back(one_operation->get());
    graph_ = &add(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
                  .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, all)
                  .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, std::vector{library.handle()})
                  .finalize();
  }

  /// Of what the heuristics propose, and of every engine.
  std::vector<Descriptor> engine_configs() {
    std::vector<Descriptor> configs;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B}) {
      try {
        for (Descriptor& config : proposed(mode))
          configs.push_back(std::move(config));
      } catch (const Error&) {
        // a heuristic that knows no such graph; the other and the engines one by one may
      }
    }
    std::vector<std::int64_t> engines{0};
    graph_->get(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, CUDNN_TYPE_INT64, engines);
    for (std::int64_t i = 0; i < engines[0]; ++i) {
      try {
        Descriptor engine(library_, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
        engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, *graph_)
            .set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, std::vector{i})
            .finalize();
        Descriptor config(library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
        config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine).finalize();
        parts_.push_back(std::move(engine));
        configs.push_back(std::move(config));
      } catch (const Error&) {
        // not for this graph or this device
      }
    }
    return configs;
  }

 private:
  /// Best first.
  std::vector<Descriptor> proposed(cudnnBackendHeurMode_t mode) const {
    Descriptor heuristic(library_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, *graph_)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{mode})
        .finalize();
    std::vector<Descriptor> configs;
    std::vector<cudnnBackendDescriptor_t> out;
    for (std::int64_t i = 0; i < most_proposed; ++i) {
      configs.emplace_back(library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
      out.push_back(configs.back().get());
    }
    const std::int64_t count =
        heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, out);
    while (static_cast<std::int64_t>(configs.size()) > count)
      configs.pop_back();
    return configs;
  }

  static cudnnDataType_t type_of(DType type) {
    return type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  }
  Descriptor& add(cudnnBackendDescriptorType_t type) { return parts_.emplace_back(library_, type); }
  Descriptor& operation(cudnnBackendDescriptorType_t type) {
    operations_.push_back(&add(type));
    return parts_.back();
  }

  /// (N, C, 1, L) with C innermost, `item` elements from one n to the next.
  Descriptor& tensor(std::int64_t id, cudnnDataType_t type, const std::vector<std::int64_t>& size,
                     std::int64_t item, bool is_virtual = false) {
    const std::int64_t C = size[1];
    return add(CUDNN_BACKEND_TENSOR_DESCRIPTOR)
        .set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type})
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, size)
        .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, std::vector<std::int64_t>{item, 1, item, C})
        .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, std::vector{id})
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::vector<std::int64_t>{16})
        .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, std::vector<char>{is_virtual})
        .finalize();
  }
  /// A tensor that never lies in memory.
  Descriptor& between(std::int64_t id, const std::vector<std::int64_t>& size, std::int64_t item) {
    return tensor(id, CUDNN_DATA_FLOAT, size, item, true);
  }

  void pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b, const Descriptor& y) {
    const Descriptor& what =
        add(CUDNN_BACKEND_POINTWISE_DESCRIPTOR)
            .set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, std::vector{mode})
            .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
            .finalize();
    Descriptor& made = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    made.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    if (b) made.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
    made.finalize();
  }

  const Library& library_;
  std::deque<Descriptor> parts_;  ///< where they are they stay
  std::vector<const Descriptor*> operations_;
  const Descriptor* graph_ = nullptr;
};

class CudnnPeer final : public Peer {
 public:
  explicit CudnnPeer(const PeerOptions& options)
      : backend_(options.backend),
        tf32_(options.tf32),
        library_(options.directories),
        workspace_(backend_.allocate(workspace_bytes)) {
    library_.check(library_.SetStream(library_.handle(), static_cast<cudaStream_t>(backend_.stream())),
                   "cudnnSetStream");
  }

  std::string name() const override { return "cudnn"; }
  std::string description() const override { return library_.description(); }

  bool knows(const ProductProblem& problem) const override {
    return std::holds_alternative<Conv1dProblem>(problem);
  }

  std::vector<Candidate> candidates(const Product& product) override {
    const auto& p = std::get<Conv1dProblem>(product.problem);
    const auto own = std::make_shared<Memory>();
    own->src = packed(product.src);
    own->weights = packed(product.weights);
    own->dst = packed(product.dst);
    std::string refusal;
    std::vector<Candidate> found;
    if (product.pass == Pass::forward) {
      own->bias = packed({const_cast<void*>(product.bias.data), product.bias.dtype, 1, p.C_out, p.C_out},
                         product.dst.dtype);
      add(found, refusal, product, p, own, product.dst.dtype, true);
    }
    if (found.empty()) add(found, refusal, product, p, own, product.result().dtype, false);
    // It may know the gradient of the weights only in the type of the operands.
    if (found.empty() && product.result().dtype != backend_.element_type())
      add(found, refusal, product, p, own, backend_.element_type(), false);
    if (found.empty()) throw Error(refusal.empty() ? "no engine" : refusal);
    return found;
  }

 private:
  struct Memory {
    Buffer src, weights, dst, bias;
  };

  Buffer packed(const Rows& from, DType type) {
    Buffer to = backend_.allocate(static_cast<std::size_t>(from.count * from.length) * size_of(type));
    backend_.upload(download(backend_, from), Tensor{to.data(), type});
    return to;
  }
  Buffer packed(const Rows& from) { return packed(from, from.dtype); }

  /// Candidates for what the heuristics propose; why there is none goes to `refusal`.
  void add(std::vector<Candidate>& found, std::string& refusal, const Product& product,
           const Conv1dProblem& p, const std::shared_ptr<Memory>& own, DType result_type,
           bool bias_and_relu) {
    try {
      const auto graph = std::make_shared<Graph>(library_, p, product.pass, backend_.element_type(),
                                                 result_type, bias_and_relu);
      Rows result = product.result();
      const Buffer& written = product.pass == Pass::forward         ? own->dst
                              : product.pass == Pass::backward_data ? own->src
                                                                    : own->weights;
      result.data = written.data();
      result.stride = result.length;
      result.dtype = result_type;
      std::vector<std::int64_t> ids{src_id, weights_id, dst_id};
      std::vector<void*> addresses{own->src.data(), own->weights.data(), own->dst.data()};
      if (bias_and_relu) {
        ids.push_back(bias_id);
        addresses.push_back(own->bias.data());
      }
      const auto operands = std::make_shared<Descriptor>(library_, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
      operands->set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids)
          .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, addresses)
          .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector<void*>{workspace_.data()})
          .finalize();
      const auto configs = std::make_shared<std::vector<Descriptor>>(graph->engine_configs());
      for (const Descriptor& config : *configs) {
        try {
          const std::int64_t engine = engine_of(config);
          const auto plan = std::make_shared<Descriptor>(library_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
          plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, std::vector{library_.handle()})
              .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config)
              .finalize();
          std::vector<std::int64_t> bytes{0};
          plan->get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, bytes);
          if (bytes[0] > static_cast<std::int64_t>(workspace_bytes))
            throw Error(fmt::format("engine {} needs {} bytes of workspace", engine, bytes[0]));
          std::string what = fmt::format("engine {}", engine);
          if (product.pass == Pass::forward && !bias_and_relu) what += ", without bias and ReLU";
          if (result_type != product.result().dtype) what += ", gradient in bf16";
          found.push_back({what,
                           [this, own, graph, configs, plan, operands] {
                             library_.check(
                                 library_.BackendExecute(library_.handle(), plan->get(), operands->get()),
                                 "cudnnBackendExecute");
                           },
                           result, bias_and_relu});
        } catch (const Error& e) {
          refusal = e.what();
        }
      }
    } catch (const Error& e) {
      refusal = e.what();
    }
  }

  /// Throws Error where it computes in less precision than was asked for.
  std::int64_t engine_of(const Descriptor& config) const {
    const Descriptor engine(library_, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    std::vector<cudnnBackendDescriptor_t> out{engine.get()};
    config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, out);
    std::vector<std::int64_t> index{0};
    engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, index);
    std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
    const std::int64_t count = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, notes);
    const bool strict = backend_.element_type() == DType::f32 && !tf32_;
    const bool rounds = std::any_of(notes.begin(), notes.begin() + count, [&](auto note) {
      return note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
             (strict && note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
    });
    if (rounds) throw Error(fmt::format("engine {} rounds its operands", index[0]));
    return index[0];
  }

  Backend& backend_;
  const bool tf32_;
  const Library library_;
  const Buffer workspace_;
};

}  // namespace

std::unique_ptr<Peer> make_cudnn_peer(const PeerOptions& options) {
  return std::make_unique<CudnnPeer>(options);
}

}  // namespace bragg::bench
