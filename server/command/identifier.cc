#include "server/command/identifier.h"

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::command {

void truncate_identifier(std::string& name, Notices& notices) {
  if (name.size() <= kIdentifierBytesMax) return;
  std::string cut = name.substr(0, kIdentifierBytesMax);
  notices.push_back(
      {.kind = &wire::kNameTooLong,
       .what = runtime::format("identifier \"{}\" will be truncated to \"{}\"", name, cut)});
  name = std::move(cut);
}

}  // namespace server::command
