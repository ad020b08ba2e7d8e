#include "apps/suite/refusal_part.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "apps/suite/suite_set.h"
#include "data/crystals/crystal_set.h"
#include "data/patterns/bragg_lines.h"
#include "data/patterns/nothing_patterns.h"
#include "data/patterns/simulate.h"
#include "data/recipes/recipe.h"
#include "data/text_source.h"
#include "data/text_table.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

/// Patterns of each kind, in the order in which kinds come first.
class Tally {
 public:
  void add(const std::string& kind, std::int32_t group, bool is_refused) {
    auto found =
        std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& one) { return one.name == kind; });
    if (found == kinds_.end()) found = kinds_.insert(kinds_.end(), {kind, {}, {}});
    found->refused.push_back(is_refused);
    found->group.push_back(group);
  }

  std::vector<RefusalFigures> figures() const {
    std::vector<RefusalFigures> result;
    for (const Kind& kind : kinds_)
      result.push_back({kind.name, std::ssize(kind.refused),
                        std::count(kind.refused.begin(), kind.refused.end(), 1),
                        rate_of(kind.refused, kind.group)});
    return result;
  }

 private:
  struct Kind {
    std::string name;
    std::vector<std::uint8_t> refused;
    std::vector<std::int32_t> group;
  };
  std::vector<Kind> kinds_;
};

bool is_refused(const data::DrawnScan& scan, const ModelFacts& facts) {
  const data::MeasuredPattern pattern{data::Abscissa::two_theta, scan.two_theta, scan.intensity};
  try {
    data::prepare_pattern(pattern, facts.instrument.wavelength, facts.instrument);
    data::require_bragg_lines(pattern, facts.instrument.wavelength, facts.instrument);
    return false;
  } catch (const data::PatternRefused&) {
    return true;
  }
}

void draw_nothings(const SuitePart& part, const ModelFacts& facts, Tally& tally) {
  for (const data::Nothing kind : data::nothing_kinds)
    for (std::int64_t i = 0; i < part.most; ++i)
      tally.add(std::string(name_of(kind)), static_cast<std::int32_t>(i),
                is_refused(data::draw_nothing(kind, part.seed, static_cast<std::uint64_t>(i)), facts));
}

void draw_crystals_in_glass(Backend& backend, const SuitePart& part, const std::string& path,
                            const ModelFacts& facts, PartResult& result, Tally& tally) {
  const data::CrystalSet set(path);
  result.size = set.size();
  result.step = step_of_sample(set.size(), part.most);
  const std::int64_t size = (set.size() + result.step - 1) / result.step;
  const data::CrystalSource crystals{size, [&](std::int64_t i) { return set.crystal(i * result.step); }};
  data::SimulateOptions how;
  how.recipe = data::parse_recipe(
      "name = \"pure\"\n[[variant]]\nW = { log_uniform = [0.0009, 0.01] }\n"
      "size = { log_uniform = [150, 2000] }\nk_alpha2 = 0.5\n"
      "texture = { log_normal = [1, 0.3], probability = 0.5 }\n",
      "crystals in glass");
  how.seed = part.seed;
  std::uint64_t drawn = 0;
  data::simulate_patterns(backend, crystals, how, [&](std::int64_t i, std::span<const float> pattern) {
    for (const int counts : {1000, 10'000, 100'000}) {
      data::NothingDraws draws(part.seed, 99, drawn++);
      tally.add(fmt::format("{} counts", counts), static_cast<std::int32_t>(i),
                is_refused(data::draw_in_glass(draws, pattern, how.instrument.grid, counts), facts));
    }
  });
}

/// The files of a table whose kind is "amorphous".
std::vector<std::string> amorphous_files(const std::string& table) {
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 26;
  std::vector<std::string> files;
  data::for_rows(data::read_text_source(table, largest), table, {.needed = {"file"}, .optional = {"kind"}},
                 [&](std::size_t, auto cells) {
                   if (cells[1] == "amorphous")
                     files.push_back((std::filesystem::path(table).parent_path() / cells[0]).string());
                 });
  return files;
}

void read_amorphous(const std::string& table, const ModelFacts& facts, int threads, Tally& tally) {
  const std::vector<std::string> files = amorphous_files(table);
  if (files.empty()) return;
  const MeasuredReading reading{.threads = threads, .unstated = WavelengthFrom::default_value};
  read_measured(files, reading, facts, [&](const MeasuredItem& item) {
    tally.add("amorphous", static_cast<std::int32_t>(item.source), item.refused.has_value());
  });
}

}  // namespace

void refusal_part(const SuiteTools& tools, PartResult& result) {
  const SuitePart& part = *result.part;
  const ModelFacts& facts = tools.identifier.facts();
  Tally tally;
  switch (part.source) {
    case SuiteSource::drawn_nothing:
      draw_nothings(part, facts, tally);
      break;
    case SuiteSource::in_glass:
      draw_crystals_in_glass(tools.exact, part, result.paths.front(), facts, result, tally);
      break;
    default:
      read_amorphous(result.paths.front(), facts, tools.threads, tally);
      break;
  }
  result.refusals = tally.figures();
  for (const RefusalFigures& one : result.refusals)
    result.asked += one.patterns;
  if (part.source != SuiteSource::in_glass) result.size = result.asked;
  if (result.asked == 0) result.notes.emplace_back("The files hold no pattern of this kind.");
}

}  // namespace bragg::apps
