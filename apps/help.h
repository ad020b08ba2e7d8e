// What --help prints: usage once, every option with its default, an example. The examples stand in one table,
// so that none is missing: a test asks every command for its own.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace bragg::apps {

/// "bragg crystals import"
std::string full_name(const CLI::App&);
std::shared_ptr<CLI::FormatterBase> help_formatter();
/// The help of a command as its user typed it.
std::string help_of(const CLI::App&);

}  // namespace bragg::apps
