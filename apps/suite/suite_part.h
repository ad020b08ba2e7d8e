// What the suite asks: one row a part.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bragg::apps {

/// How a part's answers come about.
enum class SuiteQuestion {
  answers,     ///< space groups of labelled patterns: network, look-up, both, baselines
  adaptation,  ///< the same of a network that has seen patterns of other groups
  mixtures,    ///< phases of mixtures
  nothing      ///< what is to be refused, and what is not
};

/// Where the patterns of a part come from.
enum class SuiteSource {
  realistic,        ///< one `realistic` pattern of every crystal of the files
  lattice,          ///< of the cubic ones among them, at every scale of the recipe `lattice`
  magnetic,         ///< `realistic`, of those with a magnetic element
  measured,         ///< a pattern set, or a table of files
  in_glass,         ///< of the crystals of the files, nine tenths of the scattering from glass
  drawn_nothing,    ///< drawn without any file
  measured_nothing  ///< files of a table whose column `kind` says amorphous
};

struct SuitePart {
  std::string_view name;   ///< in JSON
  std::string_view title;  ///< on the page
  std::string_view what;   ///< a sentence: which patterns, and by which rule they were chosen
  SuiteQuestion question;
  SuiteSource source;
  std::span<const std::string_view> files;  ///< all of them are needed, by their path within a folder
  std::uint32_t seed = 0;                   ///< of what is drawn
  /// At most so many patterns (of `lattice`: structures) are asked about, and so many of these looked up: every k-th,
  /// the least k that is enough. 0: none.
  std::int64_t most = 0, most_looked_up = 0;
};

/// In the order of the page.
std::span<const SuitePart> suite_parts();

/// The crystals whose `realistic` patterns the nearest-neighbour baseline compares with: held-out ones are not among them.
inline constexpr std::string_view reference_crystals[] = {"minerals_rest.safetensors",
                                                          "others_rest.safetensors"};
inline constexpr std::int64_t most_references = 6000;  ///< of either
inline constexpr std::uint32_t reference_seed = 3;

/// The least k with ceil(size / k) <= most; 1 where `most` is 0.
std::int64_t step_of_sample(std::int64_t size, std::int64_t most);

/// 3d: V to Cu; 4f: Ce to Yb.
bool is_magnetic(int atomic_number);

}  // namespace bragg::apps
