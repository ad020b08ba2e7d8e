// The error types of the whole project. A library throws; only apps/ prints and chooses the exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace bragg {

/// Something failed at run time (a file, a problem size, the device): exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked for something that has no meaning (unknown key, bad flag, contradictory config): exit
/// code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// An op was called against its contract: "[conv1d] weights C_in 6 != src C_in 4".
class ProblemError : public Error {
 public:
  using Error::Error;
};

}  // namespace bragg
