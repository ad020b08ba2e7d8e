#include "apps/fit/refined_cifs.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "apps/fit/mixture_text.h"
#include "apps/version.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "xrd/cif/cif_text.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

std::string plain_name(const std::string& given) {
  std::string name = names_a_cif(given) ? fs::path(given).filename().string() : given;
  for (const std::string_view ending : {".gz", ".cif", ".CIF"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  std::string plain;
  for (const char c : name) {
    const bool is_large = c >= 'A' && c <= 'Z';
    const bool is_kept = is_large || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    plain += is_large ? static_cast<char>(c - 'A' + 'a') : is_kept ? c : '_';
  }
  return plain.empty() ? "phase" : plain.substr(0, 80);
}

std::string remark_of(const Mixture& mixture, const MixturePhase& phase) {
  return fmt::format(
      "Cell refined against {}{} by bragg {} ({}): Rwp {:.2f} %, chi^2 per degree of freedom {:.4g}.\n"
      "Atoms as in {}; edges changed by {:+.4f}, {:+.4f}, {:+.4f} %.",
      mixture.file, mixture.index > 0 ? fmt::format(" [{}]", mixture.index) : "", version(), commit(),
      100 * mixture.fit.residual, mixture.fit.chi_squared_per_degree, phase_title(phase),
      100 * phase.fitted.cell_change[0], 100 * phase.fitted.cell_change[1],
      100 * phase.fitted.cell_change[2]);
}

}  // namespace

std::vector<std::string> cif_names(std::span<const std::string> given, std::int64_t index) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const std::string& one : given) {
    const std::string plain = plain_name(one);
    std::string name = plain;
    for (int number = 2; !taken.insert(name).second; ++number)
      name = fmt::format("{}_{}", plain, number);
    names.push_back(name + (index > 0 ? fmt::format("-{}", index + 1) : "") + ".cif");
  }
  return names;
}

void add_refined_cifs(const Mixture& mixture, std::vector<RefinedCif>& cifs) {
  if (mixture.refused) return;
  std::vector<std::string> given;
  for (const MixturePhase& phase : mixture.phases)
    given.push_back(phase.given);
  const std::vector<std::string> names = cif_names(given, mixture.index);
  for (std::size_t i = 0; i < mixture.phases.size(); ++i) {
    const MixturePhase& phase = mixture.phases[i];
    if (phase.fitted.is_absent) continue;
    cifs.push_back({names[i], xrd::cif_text(phase.refined_crystal(), phase.fitted.cell_uncertainty,
                                            remark_of(mixture, phase))});
  }
}

void write_refined_cifs(const std::string& folder, std::span<const RefinedCif> cifs) {
  if (cifs.empty()) return;
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw Error(fmt::format("{}: {}", folder, code.message()));
  for (const RefinedCif& cif : cifs)
    write_file(fs::path(folder) / cif.name, cif.text);
}

}  // namespace bragg::apps
