#include "apps/evaluation/item_remarks.h"

#include <fmt/format.h>

#include "kernels/base/utf8.h"

namespace bragg::apps {

std::string part_of_file(const MeasuredItem& item) {
  if (const auto& file = item.assumed.file)
    return file->scans > 1 ? fmt::format(", scan {}", file->scan) : std::string();
  return item.index > 0 ? fmt::format(" [{}]", item.index) : std::string();
}

void print_remarks(const MeasuredItem& item) {
  const std::string where = printable(item.file + part_of_file(item));
  for (const std::string& part : describe(item.assumed))
    fmt::print(stderr, "{}: {}\n", where, printable(part));
  for (const std::string& warning : item.warnings)
    fmt::print(stderr, "{}: warning: {}\n", where, printable(warning));
  if (item.refused) fmt::print(stderr, "{} refused: {}\n", where, printable(*item.refused));
}

}  // namespace bragg::apps
