#include "server/source/source.h"

#include "runtime/errors.h"

namespace server::source {

runtime::Result<void> Source::switch_upstream(const std::string& /*conninfo*/) {
  return runtime::Error{.kind = &runtime::kObjectNotInPrerequisiteState,
                        .what = "this server has no primary",
                        .hint = "Start it with primary_conninfo."};
}

}  // namespace server::source
