// cuBLASLt as a peer: every algorithm that its heuristic offers for a layer's product. Dense layers on the
// memory that bragg uses; convolutions by phase split (gemm.h) on memory laid out for it beforehand, with the
// weights of backward data regrouped beforehand, which is in its favour. Where a phase's rows do not begin at
// multiples of 16 bytes, the windows are also written out (im2col), and that is timed.
//
// The gradient of a convolution's weights is the sum over the phases, in two ways: product after product
// added in place, or all at once and a product with ones.
#include <array>
#include <numeric>
#include <utility>

#include <cublasLt.h>
#include <fmt/format.h>

#include "bench/kernels/dynamic_library.h"
#include "bench/kernels/im2col.h"
#include "bench/kernels/peer.h"
#include "kernels/base/error.h"

namespace bragg::bench {
namespace {

constexpr std::size_t workspace_bytes = std::size_t{1} << 30;
constexpr int most_algorithms = 32;

/// The functions in use, by their types in the header.
struct Functions {
  explicit Functions(const DynamicLibrary& library) {
#define BRAGG_FIND(name) library.find("cublasLt" #name, name)
    BRAGG_FIND(Create);
    BRAGG_FIND(Destroy);
    BRAGG_FIND(GetVersion);
    BRAGG_FIND(GetStatusString);
    BRAGG_FIND(Matmul);
    BRAGG_FIND(MatmulAlgoGetHeuristic);
    BRAGG_FIND(MatmulDescCreate);
    BRAGG_FIND(MatmulDescDestroy);
    BRAGG_FIND(MatmulDescSetAttribute);
    BRAGG_FIND(MatrixLayoutCreate);
    BRAGG_FIND(MatrixLayoutDestroy);
    BRAGG_FIND(MatrixLayoutSetAttribute);
    BRAGG_FIND(MatmulPreferenceCreate);
    BRAGG_FIND(MatmulPreferenceDestroy);
    BRAGG_FIND(MatmulPreferenceSetAttribute);
#undef BRAGG_FIND
  }

  decltype(&cublasLtCreate) Create;
  decltype(&cublasLtDestroy) Destroy;
  decltype(&cublasLtGetVersion) GetVersion;
  decltype(&cublasLtGetStatusString) GetStatusString;
  decltype(&cublasLtMatmul) Matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) MatmulAlgoGetHeuristic;
  decltype(&cublasLtMatmulDescCreate) MatmulDescCreate;
  decltype(&cublasLtMatmulDescDestroy) MatmulDescDestroy;
  decltype(&cublasLtMatmulDescSetAttribute) MatmulDescSetAttribute;
  decltype(&cublasLtMatrixLayoutCreate) MatrixLayoutCreate;
  decltype(&cublasLtMatrixLayoutDestroy) MatrixLayoutDestroy;
  decltype(&cublasLtMatrixLayoutSetAttribute) MatrixLayoutSetAttribute;
  decltype(&cublasLtMatmulPreferenceCreate) MatmulPreferenceCreate;
  decltype(&cublasLtMatmulPreferenceDestroy) MatmulPreferenceDestroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) MatmulPreferenceSetAttribute;
};

class Library {
 public:
  explicit Library(const std::vector<std::string>& directories)
      : library_({"libcublasLt.so.13", "libcublasLt.so.12"}, directories), call(library_) {
    check(call.Create(&handle_), "cublasLtCreate");
  }
  ~Library() { call.Destroy(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void check(cublasStatus_t status, const char* what) const {
    if (status != CUBLAS_STATUS_SUCCESS)
      throw Error(fmt::format("{}: {}", what, call.GetStatusString(status)));
  }
  cublasLtHandle_t handle() const { return handle_; }
  std::string description() const {
    return fmt::format("cuBLASLt {}, {}", call.GetVersion(), library_.path());
  }

 private:
  DynamicLibrary library_;
  cublasLtHandle_t handle_ = nullptr;

 public:
  const Functions call;
};

/// One of the library's descriptions, destroyed with this.
template <typename Handle>
class Owned {
 public:
  using Destroy = cublasStatus_t (*)(Handle);
  explicit Owned(Destroy destroy) : destroy_(destroy) {}
  ~Owned() {
    if (handle_) destroy_(handle_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle* out() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
  Destroy destroy_;
};

struct Types {
  cudaDataType_t operands, result;
  cublasComputeType_t compute;
};

struct Epilogue {
  const void* bias = nullptr;  ///< of the result's type; nullptr: neither bias nor ReLU
};

/// The addresses of a product's operands.
struct Addresses {
  const void *a, *b;
  void* d;
};

/// A product that the library knows: its description and the algorithms it offers. A batch of one may have
/// batch strides: those by which the caller walks.
class Matmul {
 public:
  Matmul(const Library& library, const Gemm& gemm, const Types& types, const Epilogue& epilogue,
         const Addresses& at)
      : library_(library),
        gemm_(gemm),
        at_(at),
        desc_(library.call.MatmulDescDestroy),
        a_(library.call.MatrixLayoutDestroy),
        b_(library.call.MatrixLayoutDestroy),
        d_(library.call.MatrixLayoutDestroy) {
    library.check(library.call.MatmulDescCreate(desc_.out(), types.compute, CUDA_R_32F),
                  "cublasLtMatmulDescCreate");
    set(CUBLASLT_MATMUL_DESC_TRANSA, gemm.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, gemm.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (epilogue.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, epilogue.bias);
    }
    layout(a_, types.operands, gemm.m, gemm.k, gemm.a);
    layout(b_, types.operands, gemm.k, gemm.n, gemm.b);
    layout(d_, types.result, gemm.m, gemm.n, gemm.d);
    find_algorithms(types);
  }

  const std::vector<cublasLtMatmulHeuristicResult_t>& algorithms() const { return algorithms_; }

  struct BytesFurther {
    std::size_t a, b;
  };
  /// D = op(A) op(B), or D += it.
  void run(const cublasLtMatmulAlgo_t& algorithm, bool adds, const BytesFurther& further, void* workspace,
           cudaStream_t stream) const {
    const float alpha = 1, beta = adds ? 1.0f : 0.0f;
    library_.check(
        library_.call.Matmul(library_.handle(), desc_.get(), &alpha,
                             static_cast<const std::byte*>(at_.a) + further.a, a_.get(),
                             static_cast<const std::byte*>(at_.b) + further.b, b_.get(), &beta, at_.d,
                             d_.get(), at_.d, d_.get(), &algorithm, workspace, workspace_bytes, stream),
        "cublasLtMatmul");
  }

 private:
  template <typename Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    library_.check(library_.call.MatmulDescSetAttribute(desc_.get(), attribute, &value, sizeof value),
                   "cublasLtMatmulDescSetAttribute");
  }

  void layout(Owned<cublasLtMatrixLayout_t>& made, cudaDataType_t type, std::int64_t rows,
              std::int64_t columns, const GemmOperand& operand) {
    if (operand.transposed) std::swap(rows, columns);
    library_.check(library_.call.MatrixLayoutCreate(made.out(), type, static_cast<std::uint64_t>(rows),
                                                    static_cast<std::uint64_t>(columns), operand.ld),
                   "cublasLtMatrixLayoutCreate");
    const auto attribute = [&](cublasLtMatrixLayoutAttribute_t name, const auto& value) {
      library_.check(library_.call.MatrixLayoutSetAttribute(made.get(), name, &value, sizeof value),
                     "cublasLtMatrixLayoutSetAttribute");
    };
    attribute(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(gemm_.batch));
    attribute(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, operand.batch_stride);
  }

  /// Bytes that the operand of every product of the batch begins at a multiple of.
  static std::uint32_t alignment(const void* address, const GemmOperand& operand, std::size_t element) {
    return static_cast<std::uint32_t>(
        std::gcd(std::gcd(std::size_t{256}, reinterpret_cast<std::size_t>(address)),
                 static_cast<std::size_t>(operand.batch_stride) * element));
  }

  void find_algorithms(const Types& types) {
    Owned<cublasLtMatmulPreference_t> preference(library_.call.MatmulPreferenceDestroy);
    library_.check(library_.call.MatmulPreferenceCreate(preference.out()), "cublasLtMatmulPreferenceCreate");
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
      library_.check(library_.call.MatmulPreferenceSetAttribute(preference.get(), name, &value, sizeof value),
                     "cublasLtMatmulPreferenceSetAttribute");
    };
    const auto bytes = [](cudaDataType_t type) { return type == CUDA_R_32F ? sizeof(float) : 2; };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes});
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(at_.a, gemm_.a, bytes(types.operands)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(at_.b, gemm_.b, bytes(types.operands)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(at_.d, gemm_.d, bytes(types.result)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(at_.d, gemm_.d, bytes(types.result)));
    std::array<cublasLtMatmulHeuristicResult_t, most_algorithms> found;
    int count = 0;
    const cublasStatus_t status = library_.call.MatmulAlgoGetHeuristic(
        library_.handle(), desc_.get(), a_.get(), b_.get(), d_.get(), d_.get(), preference.get(),
        most_algorithms, found.data(), &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return;
    library_.check(status, "cublasLtMatmulAlgoGetHeuristic");
    for (int i = 0; i < count; ++i) {
      if (found[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS)
        algorithms_.push_back(found[static_cast<std::size_t>(i)]);
    }
  }

  const Library& library_;
  const Gemm gemm_;
  const Addresses at_;
  Owned<cublasLtMatmulDesc_t> desc_;
  Owned<cublasLtMatrixLayout_t> a_, b_, d_;
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms_;
};

Gemm one_of(Gemm batch) {
  batch.batch = 1;
  return batch;
}

class CublasLtPeer final : public Peer {
 public:
  explicit CublasLtPeer(const PeerOptions& options)
      : backend_(options.backend),
        tf32_(options.tf32),
        library_(options.directories),
        workspace_(backend_.allocate(workspace_bytes)) {}

  std::string name() const override { return "cublaslt"; }
  std::string description() const override { return library_.description(); }
  bool knows(const ProductProblem&) const override { return true; }

  std::vector<Candidate> candidates(const Product& product) override {
    return std::visit([&](const auto& problem) { return candidates(product, problem); }, product.problem);
  }

 private:
  using Memory = std::shared_ptr<std::vector<Buffer>>;

  static Memory memory() { return std::make_shared<std::vector<Buffer>>(); }
  std::byte* allocate(const Memory& memory, std::int64_t elements, DType type) {
    memory->push_back(backend_.allocate(static_cast<std::size_t>(elements) * size_of(type)));
    return memory->back().data();
  }
  /// The same numbers with another stride, `front` elements into memory of `elements`, zeros around them.
  std::byte* laid_out(const Memory& memory, const Rows& from, std::int64_t stride, std::int64_t elements,
                      std::int64_t front = 0) {
    std::byte* const begin = allocate(memory, elements, from.dtype);
    upload(backend_, download(backend_, from),
           {begin + static_cast<std::size_t>(front) * size_of(from.dtype), from.dtype, from.count,
            from.length, stride});
    return begin;
  }
  /// The bias in the type of dst, as the library wants it.
  const void* bias_of(const Memory& memory, const Product& p) {
    const std::int64_t count = p.weights.count;
    std::byte* const own = allocate(memory, count, p.dst.dtype);
    std::vector<float> numbers(static_cast<std::size_t>(count));
    backend_.download(p.bias, numbers);
    backend_.upload(numbers, Tensor{own, p.dst.dtype});
    return own;
  }

  Types types(DType operands, DType result) const {
    const auto type = [](DType t) { return t == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; };
    return {type(operands), type(result),
            tf32_ && operands == DType::f32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F};
  }
  cudaStream_t stream() const { return static_cast<cudaStream_t>(backend_.stream()); }

  /// A candidate for every algorithm of one product, `before` and `after` timed with it; with the epilogue
  /// where the library has it.
  void add(std::vector<Candidate>& candidates, const std::string& what, const Memory& memory,
           const Gemm& gemm, const Types& types, const Addresses& at, const void* bias, const Rows& result,
           const Run& before = nullptr, const Run& after = nullptr) {
    auto matmul = std::make_shared<Matmul>(library_, gemm, types, Epilogue{bias}, at);
    const bool fused = bias && !matmul->algorithms().empty();
    if (bias && !fused) matmul = std::make_shared<Matmul>(library_, gemm, types, Epilogue{}, at);
    const auto& algorithms = matmul->algorithms();
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      candidates.push_back({fmt::format("{}, algorithm {} of {}{}", what, i + 1, algorithms.size(),
                                        bias && !fused ? ", without bias and ReLU" : ""),
                            [this, memory, matmul, algorithm = algorithms[i].algo, before, after] {
                              if (before) before();
                              matmul->run(algorithm, false, {0, 0}, workspace_.data(), stream());
                              if (after) after();
                            },
                            result, fused});
    }
  }

  std::vector<Candidate> candidates(const Product& product, const DenseProblem& p) {
    const Memory own = memory();
    Rows result = product.result();
    result.data = allocate(own, result.count * result.stride, result.dtype);
    const bool of_weights = product.pass == Pass::backward_weights;
    const void* const a = of_weights ? product.src.data : product.weights.data;
    const void* const b = product.pass == Pass::forward ? product.src.data : product.dst.data;
    std::vector<Candidate> found;
    add(found, "product", own,
        dense_gemm(p, product.pass, {product.src.stride, product.weights.stride, product.dst.stride}),
        types(backend_.element_type(), result.dtype), {a, b, result.data},
        product.pass == Pass::forward ? bias_of(own, product) : nullptr, result);
    return found;
  }

  std::vector<Candidate> candidates(const Product& product, const Conv1dProblem& p) {
    std::vector<Candidate> found;
    switch (product.pass) {
      case Pass::forward:
        add_forward(found, product, p);
        break;
      case Pass::backward_data:
        add_backward_data(found, product, p);
        break;
      case Pass::backward_weights:
        add_backward_weights(found, product, p);
        break;
    }
    constexpr std::size_t aligned = 16;
    const bool rows_are_aligned =
        static_cast<std::size_t>(p.stride * p.C_in) * size_of(backend_.element_type()) % aligned == 0;
    if (!rows_are_aligned && product.pass != Pass::backward_data) add_im2col(found, product, p);
    return found;
  }

  void add_forward(std::vector<Candidate>& found, const Product& product, const Conv1dProblem& p) {
    const PhaseSplit split(p);
    const Memory own = memory();
    const DType type = product.dst.dtype;
    const std::byte* const src = laid_out(own, product.src, split.src_item_stride(), split.src_elements());
    Rows result = product.dst;
    result.stride = split.dst_item_stride();
    result.data = allocate(own, split.dst_elements(), type);
    add(found, "phase split", own, split.forward(product.weights.stride), types(type, type),
        {product.weights.data, src, result.data}, bias_of(own, product), result);
  }

  void add_backward_data(std::vector<Candidate>& found, const Product& product, const Conv1dProblem& p) {
    const PhaseSplit split(p);
    const Memory own = memory();
    const DType type = product.src.dtype;
    const std::byte* const dst = laid_out(own, product.dst, split.dst_item_stride(), split.dst_elements(),
                                          split.dst_halo_rows() * p.C_out);
    const std::int64_t stride = backend_.weight_row_stride(split.regrouped_length());
    const std::vector<float> regrouped =
        split.regrouped(download(backend_, product.weights), product.weights.length, stride);
    std::byte* const weights = allocate(own, split.regrouped_rows() * stride, type);
    backend_.upload(regrouped, Tensor{weights, type});
    Rows result = product.src;
    result.stride = split.src_item_stride();
    result.data = allocate(own, split.src_elements(), type);
    add(found, "phase split", own, split.backward_data(stride), types(type, type),
        {weights, dst, result.data}, nullptr, result);
  }

  void add_backward_weights(std::vector<Candidate>& found, const Product& product, const Conv1dProblem& p) {
    const PhaseSplit split(p);
    const Memory own = memory();
    const DType type = product.src.dtype;
    const std::byte* const src = laid_out(own, product.src, split.src_item_stride(), split.src_elements());
    const std::int64_t halo = split.dst_halo_rows() * p.C_out;
    const std::byte* const dst =
        laid_out(own, product.dst, split.dst_item_stride(), split.dst_elements(), halo) +
        static_cast<std::size_t>(halo) * size_of(type);
    Rows result = product.weights;
    const std::int64_t part = result.count * result.stride;
    result.data = allocate(own, part, result.dtype);
    const Gemm all = split.backward_weights(result.stride);
    const Types of_weights = types(type, result.dtype);

    const auto matmul = std::make_shared<Matmul>(library_, one_of(all), of_weights, Epilogue{},
                                                 Addresses{src, dst, result.data});
    const auto& algorithms = matmul->algorithms();
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      found.push_back(
          {fmt::format("phase split, added in place, algorithm {} of {}", i + 1, algorithms.size()),
           [this, own, matmul, algorithm = algorithms[i].algo, all, element = size_of(type)] {
             for (std::int64_t r = 0; r < all.batch; ++r) {
               const auto at = static_cast<std::size_t>(r) * element;
               matmul->run(algorithm, r > 0,
                           {at * static_cast<std::size_t>(all.a.batch_stride),
                            at * static_cast<std::size_t>(all.b.batch_stride)},
                           workspace_.data(), stream());
             }
           },
           result, false});
    }

    // All phases at once, and (part x phases) (phases x 1) ones.
    std::byte* const parts = allocate(own, split.phases * part, result.dtype);
    std::byte* const ones = allocate(own, split.phases, result.dtype);
    backend_.upload(std::vector<float>(static_cast<std::size_t>(split.phases), 1.0f),
                    Tensor{ones, result.dtype});
    const auto sum = std::make_shared<Matmul>(
        library_,
        Gemm{part, 1, split.phases, 1, {false, part, 0}, {false, split.phases, 0}, {false, part, 0}},
        Types{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F}, Epilogue{}, Addresses{parts, ones, result.data});
    if (sum->algorithms().empty()) return;
    add(found, "phase split, summed after", own, all, of_weights, {src, dst, parts}, nullptr, result, nullptr,
        [this, sum] {
          sum->run(sum->algorithms().front().algo, false, {0, 0}, workspace_.data(), stream());
        });
  }

  /// The windows as rows of their own, which makes it a dense layer.
  void add_im2col(std::vector<Candidate>& found, const Product& product, const Conv1dProblem& p) {
    const Memory own = memory();
    const DType type = product.src.dtype;
    const DenseProblem flat{p.N * p.L_out(), p.kernel * p.C_in, p.C_out};
    const std::int64_t row = im2col_row(p, type);
    std::byte* const windows = allocate(own, flat.N * row, type);
    const Run write = [this, p, src = product.src, windows] { im2col(p, src, windows, backend_.stream()); };
    Rows result = product.result();
    result.stride = product.pass == Pass::forward ? result.length : result.stride;
    result.data = allocate(own, result.count * result.stride, result.dtype);
    const Gemm gemm = dense_gemm(flat, product.pass, {row, product.weights.stride, p.C_out});
    if (product.pass == Pass::forward) {
      add(found, "im2col", own, gemm, types(type, type), {product.weights.data, windows, result.data},
          bias_of(own, product), result, write);
    } else {
      const std::byte* const dst =
          laid_out(own, product.dst, product.dst.length, product.dst.count * product.dst.length);
      add(found, "im2col", own, gemm, types(type, result.dtype), {windows, dst, result.data}, nullptr, result,
          write);
    }
  }

  Backend& backend_;
  const bool tf32_;
  const Library library_;
  const Buffer workspace_;
};

}  // namespace

std::unique_ptr<Peer> make_cublaslt_peer(const PeerOptions& options) {
  return std::make_unique<CublasLtPeer>(options);
}

}  // namespace bragg::bench
