#include "server/source/doubts.h"

#include "runtime/log.h"

namespace server::source {

bool Doubts::note(const std::vector<std::string>& warnings, runtime::Instant now) {
  const std::set<std::string> all(warnings.begin(), warnings.end());
  std::erase_if(since_, [&](const auto& doubt) { return !all.contains(doubt.first); });
  for (const std::string& warning : all) {
    if (logged_.contains(warning)) continue;
    const auto since = since_.try_emplace(warning, now).first->second;
    if (now < since + kGrace) continue;
    runtime::log::warning("{}", warning);
    logged_.insert(warning);
    since_.erase(warning);
  }
  return !since_.empty();
}

}  // namespace server::source
