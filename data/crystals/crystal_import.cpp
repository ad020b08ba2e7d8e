#include "data/crystals/crystal_import.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "xrd/symmetry/symmetry_search.h"

namespace bragg::data {
namespace {

namespace fs = std::filesystem;

/// Blocks, and bytes of their texts, that are read before the results are put in order: bounds the memory of
/// an import.
constexpr std::size_t blocks_per_portion = 4096, bytes_per_portion = std::size_t{1} << 23;
/// Blocks a task: large enough that taking one costs nothing, small enough that threads end together.
constexpr std::size_t blocks_per_task = 8;

bool is_cif_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.ends_with(".cif") || name.ends_with(".cif.gz");
}

/// The CIF files below a folder in the order of their names. Throws fs::filesystem_error.
std::vector<fs::path> cif_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_cif_name(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

xrd::CifError unreadable(const fs::path& path, const std::string& why) {
  return {xrd::CifFault::unreadable_file, path.string(), "", 0, why};
}

class Importer {
 public:
  Importer(ThreadPool& pool, CrystalSetWriter& set, const std::function<void(std::int64_t)>& progress,
           Symmetry symmetry, const BlockFilter& filter)
      : pool_(pool), set_(set), progress_(progress), symmetry_(symmetry), filter_(filter) {}

  void add_path(const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return add_file(path);
    std::vector<fs::path> files;
    try {
      files = cif_files(path);
    } catch (const fs::filesystem_error& error) {
      return refuse(unreadable(path, error.code().message()));
    }
    if (files.empty()) return refuse(unreadable(path, "a folder without any *.cif or *.cif.gz"));
    for (const fs::path& file : files)
      add_file(file);
  }

  ImportReport finish() {
    read_portion();
    return std::move(report_);
  }

 private:
  /// A block to read, or a refusal that takes its place in the order.
  struct Pending {
    std::shared_ptr<const std::string> text;  ///< of the file; keeps `block` alive
    std::shared_ptr<const std::string> file;  ///< its path
    xrd::CifBlockText block = {};
    std::vector<xrd::Crystal> crystals;
    std::vector<xrd::CifError> rejected;
    std::vector<xrd::CifWarning> warnings;
    std::int64_t without_crystal = 0;
    ImportReport symmetry;  ///< its counts
  };

  void refuse(xrd::CifError error) { pending_.emplace_back().rejected.push_back(std::move(error)); }

  void add_file(const fs::path& path) {
    const auto name = std::make_shared<const std::string>(path.string());
    bool any = false;
    try {
      xrd::CifFile file(path);
      while (const auto portion = file.next()) {
        any = any || !portion->blocks.empty();
        for (const xrd::CifBlockText& block : portion->blocks) {
          if (!filter_.is_empty() && !filter_.takes(block_name(block.text))) {
            ++report_.left_out;
            continue;
          }
          Pending& pending = pending_.emplace_back();
          pending.text = portion->text;
          pending.file = name;
          pending.block = block;
          pending_bytes_ += block.text.size();
          if (pending_.size() >= blocks_per_portion || pending_bytes_ >= bytes_per_portion) read_portion();
        }
      }
    } catch (const xrd::CifError& error) {
      return refuse(error);
    }
    if (!any) refuse({xrd::CifFault::grammar, *name, "", 0, "no data block"});
  }

  void read(Pending& pending) const {
    if (!pending.text) return;
    xrd::read_cif_block(
        pending.block, *pending.file,
        {.crystal = [&](xrd::Crystal&& crystal) { pending.crystals.push_back(std::move(crystal)); },
         .rejected = [&](const xrd::CifError& error) { pending.rejected.push_back(error); },
         .warning = [&](const xrd::CifWarning& warning) { pending.warnings.push_back(warning); },
         .no_crystal = [&](const std::string&, const std::string&) { ++pending.without_crystal; }});
    if (symmetry_ == Symmetry::found)
      for (xrd::Crystal& crystal : pending.crystals)
        find_symmetry(crystal, pending.symmetry);
  }

  static void find_symmetry(xrd::Crystal& crystal, ImportReport& counts) {
    bool gave_up = false;
    if (auto found = xrd::with_symmetry_found(crystal, xrd::symmetry_tolerance, &gave_up)) {
      ++counts.more_symmetric;
      counts.more_from_p1 += crystal.group.number == 1;
      counts.other_number += crystal.group.number != found->group.number;
      crystal = std::move(*found);
    }
    counts.search_given_up += gave_up;
  }

  void read_portion() {
    const auto tasks = static_cast<std::int64_t>((pending_.size() + blocks_per_task - 1) / blocks_per_task);
    pool_.run(tasks, [&](std::int64_t task, int) {
      const std::size_t first = task * blocks_per_task;
      for (std::size_t i = first; i < std::min(first + blocks_per_task, pending_.size()); ++i)
        read(pending_[i]);
    });
    for (Pending& done : pending_) {
      for (const xrd::Crystal& crystal : done.crystals)
        set_.add(crystal);
      std::move(done.rejected.begin(), done.rejected.end(), std::back_inserter(report_.rejected));
      std::move(done.warnings.begin(), done.warnings.end(), std::back_inserter(report_.warnings));
      report_.without_crystal += done.without_crystal;
      report_.more_symmetric += done.symmetry.more_symmetric;
      report_.more_from_p1 += done.symmetry.more_from_p1;
      report_.other_number += done.symmetry.other_number;
      report_.search_given_up += done.symmetry.search_given_up;
    }
    blocks_ += static_cast<std::int64_t>(pending_.size());
    pending_.clear();
    pending_bytes_ = 0;
    if (progress_) progress_(blocks_);
  }

  ThreadPool& pool_;
  CrystalSetWriter& set_;
  const std::function<void(std::int64_t)>& progress_;
  const Symmetry symmetry_;
  const BlockFilter& filter_;
  std::vector<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::int64_t blocks_ = 0;
  ImportReport report_;
};

std::string one_cell(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

ImportReport import_crystals(const std::vector<fs::path>& paths, ThreadPool& pool, CrystalSetWriter& set,
                             const std::function<void(std::int64_t)>& progress, Symmetry symmetry,
                             const BlockFilter& filter) {
  Importer importer(pool, set, progress, symmetry, filter);
  for (const fs::path& path : paths)
    importer.add_path(path);
  return importer.finish();
}

std::string rejected_table(const std::vector<xrd::CifError>& rejected) {
  std::string table = "file\tblock\tline\treason\tdetail\n";
  for (const xrd::CifError& error : rejected) {
    table += fmt::format("{}\t{}\t{}\t{}\t{}\n", one_cell(error.file), one_cell(error.block), error.line,
                         xrd::name_of(error.fault), one_cell(error.detail));
  }
  return table;
}

}  // namespace bragg::data
