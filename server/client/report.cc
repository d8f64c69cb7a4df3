#include "server/client/report.h"

#include <cstdio>

#include "runtime/format.h"

namespace server::client {

int report(const runtime::Error& error) {
  std::string text = runtime::format("walcast: {}\n", error.what);
  if (!error.hint.empty()) text += runtime::format("HINT:  {}\n", error.hint);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return 1;
}

}  // namespace server::client
