// A library that computes the same products, measured beside bragg's kernels. It is found when bench_kernels
// runs, so that the program starts where it is not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/kernels/product.h"

namespace bragg::bench {

/// One of the ways in which a library computes a product.
struct Candidate {
  std::string what;  ///< "phase split, algorithm 3 of 8"
  Run run;           ///< enqueued in the backend's stream; throws where the library refuses after all
  Rows result;
  bool bias_and_relu = false;  ///< forward: included
};

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;         ///< "cudnn"
  virtual std::string description() const = 0;  ///< "cuDNN 9.19.0, /usr/lib/libcudnn.so.9"
  virtual bool knows(const ProductProblem&) const = 0;
  /// All ways that it offers, on the product's numbers and in part on its memory. Throws Error that says why
  /// there is none.
  virtual std::vector<Candidate> candidates(const Product&) = 0;
};

struct PeerOptions {
  Backend& backend;                      ///< a GPU's
  bool tf32 = false;                     ///< products of fp32 numbers in tf32
  std::vector<std::string> directories;  ///< searched for libraries before the usual places
};

/// Throws Error that says why the library cannot be used here.
std::unique_ptr<Peer> make_peer(const std::string& name, const PeerOptions&);

std::unique_ptr<Peer> make_cublaslt_peer(const PeerOptions&);
std::unique_ptr<Peer> make_cudnn_peer(const PeerOptions&);

}  // namespace bragg::bench
