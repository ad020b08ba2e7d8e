#include "apps/suite/suite_part.h"

#include <algorithm>

namespace bragg::apps {

namespace {

using Files = std::string_view[];
constexpr Files all_held = {"minerals_held.safetensors", "others_held.safetensors"};
constexpr Files held_minerals = {"minerals_held.safetensors"}, held_crystals = {"others_held.safetensors"};
constexpr Files rruff_dev = {"rruff_dev.safetensors"}, rruff_more = {"rruff_more.safetensors"};
constexpr Files other_instruments = {"other_instruments/labels.tsv"};
constexpr Files mixture_scans = {"mixtures/labels.tsv"};

constexpr SuitePart parts[] = {
    {.name = "held_out_minerals",
     .title = "Held-out minerals",
     .what = "Minerals that data/held_out.tsv keeps out of every training by name, structure or structure "
             "type; one simulated pattern of each, recipe realistic.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::realistic,
     .files = held_minerals,
     .seed = 18,
     .most = 2000,
     .most_looked_up = 120},
    {.name = "held_out_crystals",
     .title = "Held-out crystals",
     .what = "Other crystals that data/held_out.tsv keeps out, most of them by structure type; one simulated "
             "pattern of each, recipe realistic.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::realistic,
     .files = held_crystals,
     .seed = 18,
     .most = 2000,
     .most_looked_up = 120},
    {.name = "lattice",
     .title = "Scaled lattices",
     .what = "Held-out cubic structures with edges of 80 to 120 % in steps of 2 %, recipe lattice (the "
             "published set of this kind scales all cubic structures of its source). Patterns of one "
             "structure are one group. A look-up knows no such cells and is not asked.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::lattice,
     .files = all_held,
     .seed = 1,
     .most = 100},
    {.name = "magnetic",
     .title = "Held-out structures with magnetic elements",
     .what = "In place of the published set of 2,253 magnetic materials, whose list is not public: of the "
             "held-out minerals and crystals those with V, Cr, Mn, Fe, Co, Ni, Cu or a lanthanide from Ce to "
             "Yb, in the order of the files, up to that count; recipe realistic. They are among the held-out "
             "sets above, in other patterns.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::magnetic,
     .files = all_held,
     .seed = 40,
     .most = 2253,
     .most_looked_up = 60},
    {.name = "rruff_dev",
     .title = "Measured: RRUFF, zero-shot",
     .what = "Measured patterns of minerals; no measured pattern is in the network's training. The weights "
             "by which a look-up ranks were fitted to this set.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::measured,
     .files = rruff_dev,
     .most = 2000,
     .most_looked_up = 1000},
    {.name = "rruff_dev_adapted",
     .title = "Measured: RRUFF, adapted in five folds",
     .what = "The same patterns, each answered by the network after a short further training on four fifths "
             "of them, none of which is of its group.",
     .question = SuiteQuestion::adaptation,
     .source = SuiteSource::measured,
     .files = rruff_dev,
     .seed = 1,
     .most = 2000},
    {.name = "rruff_more",
     .title = "Measured: more of RRUFF, zero-shot",
     .what = "Measured patterns that the set above lacks. The weights by which a look-up ranks were fitted "
             "to this set, too.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::measured,
     .files = rruff_more,
     .most = 2000,
     .most_looked_up = 1000},
    {.name = "other_instruments",
     .title = "Measured: other instruments",
     .what = "Known minerals on two other diffractometers, shorter scans with their background. The weights "
             "by which a look-up ranks were fitted to this set, too.",
     .question = SuiteQuestion::answers,
     .source = SuiteSource::measured,
     .files = other_instruments,
     .most = 2000,
     .most_looked_up = 1000},
    {.name = "mixtures",
     .title = "Mixtures",
     .what = "Measured mixtures of three or four known phases; an answer is right where its composition is.",
     .question = SuiteQuestion::mixtures,
     .source = SuiteSource::measured,
     .files = mixture_scans,
     .most = 50},
    {.name = "noise",
     .title = "Noise and amorphous samples, drawn",
     .what = "Counting noise, dead and saturated detectors, glasses and liquids, 2-line ferrihydrite, opal, "
             "organic matter: every one is to be refused.",
     .question = SuiteQuestion::nothing,
     .source = SuiteSource::drawn_nothing,
     .files = {},
     .seed = 2,
     .most = 100},
    {.name = "amorphous",
     .title = "Amorphous samples, measured",
     .what = "Every one is to be refused.",
     .question = SuiteQuestion::nothing,
     .source = SuiteSource::measured_nothing,
     .files = other_instruments,
     .most = 100},
    {.name = "crystals_in_glass",
     .title = "Crystals in glass, drawn",
     .what = "A tenth of the scattering from a held-out mineral, the rest from glass, counts of 1,000, "
             "10,000 and 100,000 at the highest point: none is to be refused.",
     .question = SuiteQuestion::nothing,
     .source = SuiteSource::in_glass,
     .files = held_minerals,
     .seed = 7,
     .most = 100},
};

}  // namespace

std::span<const SuitePart> suite_parts() {
  return parts;
}

std::int64_t step_of_sample(std::int64_t size, std::int64_t most) {
  return most == 0 ? 1 : std::max<std::int64_t>(1, (size + most - 1) / most);
}

bool is_magnetic(int atomic_number) {
  return (atomic_number >= 23 && atomic_number <= 29) || (atomic_number >= 58 && atomic_number <= 70);
}

}  // namespace bragg::apps
