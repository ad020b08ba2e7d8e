// Whether a result fits the disk and the memory, asked before the work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bragg {

/// "123 GB": three digits, decimal units.
std::string readable_bytes(double bytes);

/// Throws Error with both sizes where the file system that `file` is to be written on has less than `bytes`
/// free. Does nothing where that cannot be told.
void require_disk(const std::filesystem::path& file, double bytes, const std::string& what);
/// The same of memory that this machine has available; `what` needs it.
void require_memory(double bytes, const std::string& what);

}  // namespace bragg
