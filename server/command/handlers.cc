#include "server/command/handlers.h"

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/command/start.h"
#include "server/wal/format.h"
#include "server/wal/names.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::command {

namespace {

int major_of(const stream::WalView& view) {
  return wal::major_version(view.identity().page_magic).value_or(0);
}

void identify_system(const stream::WalView& view, wire::MessageWriter& out) {
  // int4 up to 15, int8 from 16 on.
  const wire::ColumnType timeline_type = major_of(view) >= 16 ? wire::kInt8 : wire::kInt4;
  out.row_description({{"systemid", wire::kText},
                       {"timeline", timeline_type},
                       {"xlogpos", wire::kText},
                       {"dbname", wire::kText}});
  out.data_row({runtime::format("{}", view.identity().system_identifier),
                runtime::format("{}", wal::value(view.history().tip())), wal::to_string(view.end()),
                std::nullopt});
  out.command_complete("IDENTIFY_SYSTEM");
}

runtime::Result<void> show(const settings::Settings& settings, std::string_view name,
                           const settings::SessionSettings& own, wire::MessageWriter& out) {
  if (wire::equal_ignoring_case(name, "all")) {
    out.row_description(
        {{"name", wire::kText}, {"setting", wire::kText}, {"description", wire::kText}});
    for (const settings::Setting& setting : settings.all()) {
      out.data_row(
          {setting.name, own.find(setting.name).value_or(setting.value), setting.description});
    }
  } else {
    const settings::SessionSettings::Value shown = TRY(settings::find_shown(settings, own, name));
    out.row_description({{shown.name, wire::kText}});
    out.data_row({shown.value});
  }
  out.command_complete("SHOW");
  return {};
}

runtime::Result<void> timeline_history(const stream::WalView& view, wal::TimelineId timeline,
                                       wire::MessageWriter& out) {
  const int major = major_of(view);
  const std::int32_t type_modifier = major >= 16 ? -1 : 0;
  out.row_description({{"filename", wire::kText, type_modifier},
                       {"content", major >= 14 ? wire::kText : wire::kBytea, type_modifier}});
  const std::string name = wal::history_name(timeline);
  const auto text = wal::history_text(view.timelines(), timeline);
  if (!text.has_value()) {
    return runtime::system_error(ENOENT,
                                 runtime::format("could not open file \"pg_wal/{}\"", name));
  }
  out.data_row({name, *text});
  out.command_complete("TIMELINE_HISTORY");
  return {};
}

runtime::Error no_base_backup() {
  return {.kind = &wire::kFeatureNotSupported,
          .what = "base backups are not available from this server",
          .hint = "walcast has WAL and no data directory: take the base backup from the primary."};
}

}  // namespace

runtime::Result<void> execute(const Command& command, const stream::WalView& view,
                              const settings::Settings& settings,
                              const settings::SessionSettings& own, wire::MessageWriter& out) {
  if (std::holds_alternative<IdentifySystem>(command)) {
    identify_system(view, out);
    return {};
  }
  if (const auto* request = std::get_if<Show>(&command)) {
    return show(settings, request->name, own, out);
  }
  if (const auto* request = std::get_if<TimelineHistoryOf>(&command)) {
    return timeline_history(view, request->timeline, out);
  }
  if (std::holds_alternative<StartLogicalReplication>(command)) return no_logical_decoding();
  if (std::holds_alternative<BaseBackup>(command)) return no_base_backup();
  UNREACHABLE();  // the command loop runs the others itself
}

runtime::Error no_logical_decoding() {
  return {.kind = &wire::kObjectNotInPrerequisiteState,
          .what = "logical decoding requires wal_level >= logical"};
}

void slot_created(std::string_view name, wire::MessageWriter& out) {
  out.row_description({{"slot_name", wire::kText},
                       {"consistent_point", wire::kText},
                       {"snapshot_name", wire::kText},
                       {"output_plugin", wire::kText}});
  // A physical slot has no consistent point (walsender.c, CreateReplicationSlot).
  out.data_row({name, wal::to_string(wal::Lsn()), std::nullopt, std::nullopt});
  out.command_complete("CREATE_REPLICATION_SLOT");
}

// A slot that is not there has no type (walsender.c, ReadReplicationSlot).
void show_slot(const std::optional<slot::SlotInfo>& slot, const stream::WalView& view,
               wire::MessageWriter& out) {
  out.row_description(
      {{"slot_type", wire::kText}, {"restart_lsn", wire::kText}, {"restart_tli", wire::kInt8}});
  if (!slot.has_value()) {
    out.data_row({std::nullopt, std::nullopt, std::nullopt});
  } else if (!slot->restart_lsn.valid()) {
    out.data_row({"physical", std::nullopt, std::nullopt});
  } else {
    const auto timeline = view.history().owner(slot->restart_lsn);
    out.data_row({"physical", wal::to_string(slot->restart_lsn),
                  runtime::format("{}", wal::value(timeline))});
  }
  out.command_complete("READ_REPLICATION_SLOT");
}

void end_of_stream(const std::optional<stream::NextTimeline>& next, wire::MessageWriter& out) {
  if (next.has_value()) {
    out.row_description({{"next_tli", wire::kInt8}, {"next_tli_startpos", wire::kText}});
    out.data_row({runtime::format("{}", wal::value(next->timeline)), wal::to_string(next->begin)});
  }
  out.command_complete("START_STREAMING");
  out.command_complete("START_REPLICATION");
}

}  // namespace server::command
