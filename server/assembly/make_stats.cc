#include "server/assembly/make_stats.h"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/source/conninfo.h"

namespace server::assembly {

namespace {

std::uint64_t at_least_zero(std::int64_t number) {
  return number < 0 ? 0 : static_cast<std::uint64_t>(number);
}

// A whole number, as SHOW has it.
std::uint64_t number_of(const settings::Settings& settings, std::string_view name) {
  const settings::Setting* const setting = settings.find(name);
  std::uint64_t number = 0;
  if (setting == nullptr) return number;
  std::from_chars(setting->value.data(), setting->value.data() + setting->value.size(), number);
  return number;
}

}  // namespace

// What a reload may change is asked of the settings that were shared, or of what has a lock.
stats::ServerFacts::Options make_facts_options(const config::ServeConfig& config,
                                               const runtime::Gauge& wal_senders,
                                               const session::Admissions& admissions,
                                               const slot::Slots& slots) {
  const bool is_first = config.upstream_ack.kind == source::AckPolicy::Kind::kFirst;
  const auto limits = [&wal_senders, &admissions, &slots](
                          const settings::Settings& settings) -> std::vector<stats::LimitStatus> {
    const session::Admissions::Load load = admissions.load();
    return {{.name = "max_client_connections",
             .used = at_least_zero(load.connections),
             .max = at_least_zero(load.connections_max)},
            {.name = "max_startups",
             .used = at_least_zero(load.startups),
             .max = at_least_zero(load.startups_max)},
            {.name = "max_wal_senders",
             .used = at_least_zero(wal_senders.get()),
             .max = number_of(settings, "max_wal_senders")},
            {.name = "max_replication_slots",
             .used = slots.all().size(),
             .max = number_of(settings, "max_replication_slots")}};
  };
  const bool has_primary = !config.primary_conninfo.empty();
  const bool grows =
      !config.spool_directory.empty() && (has_primary ? config.wal_directory.empty() : true);
  return {.slot_rules = {.segment_size = {},
                         .wal_keep_bytes = config.wal_keep_size,
                         .slot_keep_bytes_max = config.max_slot_wal_keep_size},
          .min_free_bytes = config.min_free_space,
          .spool_grows = grows,
          .has_primary = has_primary,
          .conninfo = has_primary ? source::show_conninfo(config.primary_conninfo) : "",
          .slot_name = config.primary_slot_name,
          .sync_standbys = is_first ? config.upstream_ack.count : 0,
          .process_id = static_cast<std::uint32_t>(::getpid()),
          .limits = limits};
}

}  // namespace server::assembly
