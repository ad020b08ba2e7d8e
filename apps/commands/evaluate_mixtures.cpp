#include "apps/commands/evaluate_mixtures.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "apps/evaluation/mixture_evaluation.h"
#include "apps/open_libraries.h"
#include "apps/output_paths.h"
#include "data/search/search_library.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {

int evaluate_mixtures(const MixtureOptions& options, const CommonOptions& common) {
  const LookupOptions& lookup = options.common;
  std::string folder;
  const std::vector<LabelledMixture> labels = read_labelled_mixtures(options.mixtures, folder);
  std::vector<NamedPath> inputs{{"--mixtures", options.mixtures},
                                {"--mixtures", (std::filesystem::path(folder) / "labels.tsv").string()}};
  for (const LabelledMixture& label : labels)
    inputs.push_back({"--mixtures", (std::filesystem::path(folder) / label.file).string()});
  for (const std::string& library : lookup.libraries)
    inputs.push_back({"--library", library});
  check_outputs({{"--json", lookup.json}, {"--figures", lookup.figures}}, inputs);
  std::optional<double> wavelength;
  if (!lookup.wavelength.empty()) wavelength = xrd::parse_wavelength(lookup.wavelength);
  const std::vector<MeasuredItem> items = read_mixtures(labels, folder, wavelength, common.threads);

  const auto backend = make_backend(common, lookup.precision);
  const data::JoinedLibrary library = libraries_to_search(lookup.libraries, !lookup.no_built_in);
  const data::SearchIndex index(*backend, data::search_library_of(library), {.enabled = !lookup.no_cache});
  const MixtureEvaluation evaluation =
      evaluate_mixtures(*backend, library, index, labels, items,
                        {.elements_given = options.elements_given, .with_figures = !lookup.figures.empty()});
  nlohmann::ordered_json json = to_json(evaluation);
  json["elements_given"] = options.elements_given;
  json["library"] = {{"structures", library.size()}, {"content", library.content_hash()}};
  if (!lookup.json.empty())
    write_file(lookup.json, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (!lookup.figures.empty()) {
    std::string text;
    for (const std::string& line : evaluation.figures)
      text += line + "\n";
    write_file(lookup.figures, text);
  }
  fmt::print("{} in {} structures{}\n{}", printable(options.mixtures), library.size(),
             options.elements_given ? ", elements given" : "", to_text(evaluation));
  for (const std::string& file : {lookup.json, lookup.figures}) {
    if (!file.empty()) fmt::print("wrote {}\n", file);
  }
  return told_refusals(std::ssize(evaluation.refused), std::ssize(items));
}

}  // namespace bragg::apps
