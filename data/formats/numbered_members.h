// Members of an archive that are told apart by numbers: Experiment0/RawData0.xml, RawData1.xml ... RawData10.xml.
#pragma once

#include <string_view>
#include <vector>

#include "data/formats/zip_archive.h"

namespace bragg::data {

struct NumberedMember {
  const ZipMember* member = nullptr;  ///< of the archive, which must outlive it
  int folder = 0, number = 0;
};
/// Those named FOLDER<i>/STEM<j>SUFFIX, by i and then j. A name without i counts as 0.
std::vector<NumberedMember> numbered_members(const ZipArchive&, std::string_view stem,
                                             std::string_view suffix);

/// Is it FOLDER<digits>/STEM...: "Data0/Profile0.txt" of "Data" and "Profile"?
bool is_numbered(std::string_view name, std::string_view folder, std::string_view stem);

}  // namespace bragg::data
