#include "server/settings/cluster_settings.h"

#include <string>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/settings/postgres_settings.h"

namespace server::settings {

void add_cluster_facts(const wal::ClusterFacts& facts, Settings& settings) {
  for (const wal::ClusterFact& fact : wal::cluster_facts()) {
    const auto said = facts.find(fact.name);
    if (said == facts.end()) continue;
    const FixedSetting* const fixed = find_fixed_setting(fact.name);
    settings.set(std::string(fact.name), said->second, std::string(fact.description),
                 fixed != nullptr ? fixed->context : SettingContext::kInternal);
  }
}

runtime::Error unknown_cluster_fact(std::string_view name) {
  DCHECK(wal::is_cluster_fact(name));
  return {.kind = &runtime::kObjectNotInPrerequisiteState,
          .what = runtime::format("parameter \"{}\" of the cluster is not known", name),
          .detail = "Only a primary can tell it, and none has been asked, or none has told."};
}

}  // namespace server::settings
