#include "apps/help.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "apps/wrapped_text.h"

namespace bragg::apps {
namespace {

constexpr std::size_t name_width = 30, line_width = 110;

/// By the command's full name.
const std::map<std::string, std::string> examples = {
    {"bragg", "bragg simulate data/crystals/quartz_alpha.cif --peaks"},
    {"bragg crystals", "bragg crystals import data/crystals -o crystals.safetensors"},
    {"bragg crystals import",
     "bragg crystals import my_cifs/ more.cif.gz -o crystals.safetensors --rejected rejected.tsv"},
    {"bragg crystals info", "bragg crystals info crystals.safetensors --table"},
    {"bragg crystals generate",
     "bragg crystals generate 100000 --like crystals.safetensors --space-groups uniform -o "
     "synthetic.safetensors"},
    {"bragg crystals hold-out",
     "bragg crystals hold-out --minerals minerals.safetensors --others others.safetensors -o held_out.tsv"},
    {"bragg crystals split",
     "bragg crystals split crystals.safetensors --holdout 0.1 --held-out held.safetensors --rest "
     "rest.safetensors"},
    {"bragg library", "bragg library show quartz"},
    {"bragg library build",
     "bragg library build crystals.safetensors --table facts.tsv -o known.bragg --left-out left_out.tsv"},
    {"bragg library show", "bragg library show CaCO3"},
    {"bragg simulate",
     "bragg simulate crystals.safetensors --recipe realistic --count 10 --seed 2 -o patterns.safetensors"},
    {"bragg train", "bragg train examples/crystal_system.toml --set train.steps=2000 --out run"},
    {"bragg evaluate", "bragg evaluate run/best.safetensors labelled.safetensors --report page.html"},
    {"bragg identify", "bragg identify measured.xrdml --elements Si,O,Al,H"},
    {"bragg fit",
     "bragg fit measured.xy --phase corundum --phase data/crystals/fluorite.cif --report fit.html"},
    {"bragg predict", "bragg predict measured.xy --wavelength CoKa"},
    {"bragg compact",
     "bragg compact run/best.safetensors --figure rruff_dev.space_group=0.634 -o small.safetensors"},
    {"bragg patterns", "bragg patterns show measured.xrdml other.brml --json"},
    {"bragg patterns convert", "bragg patterns convert measured.xrdml -o measured.xye"},
    {"bragg patterns describe",
     "bragg patterns describe measured.safetensors simulated.safetensors --same-groups"},
    {"bragg patterns join", "bragg patterns join labels.tsv -o labelled.safetensors"},
    {"bragg patterns show", "bragg patterns show measured.xrdml --plot terminal"},
    {"bragg recipe", "bragg recipe show realistic >my_recipe.toml"},
    {"bragg recipe list", "bragg recipe list"},
    {"bragg recipe show", "bragg recipe show realistic >my_recipe.toml"},
    {"bragg info", "bragg info --plan examples/crystal_system.toml"},
};

std::string two_columns(const std::string& name, const std::string& description) {
  std::string text = "  " + name;
  if (name.size() + 2 >= name_width) text += "\n" + std::string(name_width, ' ');
  if (name.size() + 2 < name_width) text.resize(name_width, ' ');
  const auto lines = wrapped(description, line_width - name_width);
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += (i == 0 ? "" : std::string(name_width, ' ')) + lines[i] + "\n";
  return text;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string name = make_option_name(option, is_positional);
    std::replace(name.begin(), name.end(), ',', ' ');
    if (!is_positional && option->get_expected_min() > 0) name += placeholder(*option);
    if (is_positional && option->get_expected_max() == CLI::detail::expected_max_vector_size) name += " ...";
    std::string description = option->get_description();
    if (option->get_required() && !is_positional) description += " (required)";
    std::string value = option->get_default_str();
    std::replace_if(
        value.begin(), value.end(), [](char c) { return c == '[' || c == ']' || c == ','; }, ' ');
    CLI::detail::trim(value);
    if (!value.empty() && !option->get_required()) description += fmt::format(" (default: {})", value);
    return two_columns(name, description);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return two_columns(command->get_name(), command->get_description());
  }
  std::string make_footer(const CLI::App* command) const override {
    std::string text;
    if (!command->get_footer().empty()) {
      for (const std::string& line : wrapped(command->get_footer(), line_width))
        text += line + "\n";
      text += "\n";
    }
    const auto example = examples.find(full_name(*command));
    if (example != examples.end()) text += fmt::format("Example:\n  {}\n", example->second);
    return text;
  }

 private:
  static std::string placeholder(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const std::string one = type.starts_with("TEXT") ? "TEXT" : type.starts_with("FLOAT") ? "NUMBER" : "N";
    std::string all;
    for (int i = 0; i < std::clamp(option.get_expected_min(), 1, 9); ++i)
      all += " " + one;
    return all;
  }
};

}  // namespace

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::shared_ptr<CLI::FormatterBase> help_formatter() {
  return std::make_shared<HelpFormatter>();
}

std::string help_of(const CLI::App& app) {
  return app.help(app.get_parent() == nullptr ? "" : full_name(*app.get_parent()));
}

}  // namespace bragg::apps
