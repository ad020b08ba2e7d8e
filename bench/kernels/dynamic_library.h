// A shared library that is opened while the program runs.
#pragma once

#include <string>
#include <vector>

namespace bragg::bench {

class DynamicLibrary {
 public:
  /// The first of `names` that can be opened: in one of `directories`, then where the loader looks, then in
  /// the CUDA toolkit's folder. It stays open as long as the program runs. Throws Error with the loader's
  /// words.
  DynamicLibrary(const std::vector<std::string>& names, const std::vector<std::string>& directories);

  const std::string& path() const { return path_; }
  /// A function of C by its name and type. Throws Error where there is none.
  template <typename Function>
  void find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(address(name));
  }

 private:
  void* address(const char* name) const;

  void* handle_ = nullptr;
  std::string path_;
};

/// "a:b" -> a, b; empty parts are left out.
std::vector<std::string> directories_of(const std::string& list);

}  // namespace bragg::bench
