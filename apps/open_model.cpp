#include "apps/open_model.h"

#include <span>

#include <fmt/format.h>

#include "kernels/base/embedded_file.h"
#include "kernels/base/error.h"

#ifdef BRAGG_EMBEDDED_FILE
BRAGG_EMBED_FILE(bragg_model, BRAGG_EMBEDDED_FILE)
#endif

namespace bragg::apps {

std::string built_in_model_name() {
#ifdef BRAGG_EMBEDDED_NAME
  return BRAGG_EMBEDDED_NAME;
#else
  return {};
#endif
}

SafetensorsFile open_model(const std::string& file) {
  if (!file.empty()) return SafetensorsFile(file);
#ifdef BRAGG_EMBEDDED_FILE
  return {std::span(bragg_model_begin, bragg_model_end),
          fmt::format("built-in model {}", built_in_model_name())};
#else
  throw UsageError("this bragg was built without a model: name one (bragg train makes them)");
#endif
}

}  // namespace bragg::apps
