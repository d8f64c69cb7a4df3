#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/file.h"
#include "runtime/format.h"
#include "server/console/relations.h"
#include "server/console/server_text.h"
#include "server/console/setting_row.h"
#include "server/wal/names.h"

namespace server::console {

namespace {

using C = ReadContext;
template <typename Item>
using Columns = std::vector<typename TableOf<Item>::Definition>;

struct Nothing {};
std::vector<Nothing> one(const ReadContext&, std::span<const Value>) { return {Nothing{}}; }

template <typename Item, Type kType>
typename TableOf<Item>::Definition unknown(std::string_view name, int since = 0, int before = 99) {
  return {name, kType, [](const Item&, const C&) { return null(); }, since, before};
}

std::vector<SettingRow> settings(const ReadContext& context, std::span<const Value>) {
  std::vector<SettingRow> rows;
  for (const settings::Setting& setting : context.snapshot.settings->all()) {
    auto shown = shown_setting(*context.snapshot.settings, context.session, setting.name);
    rows.push_back(setting_row(setting, shown ? *shown : setting.value));
  }
  return rows;
}

Columns<SettingRow> setting_columns() {
  using S = SettingRow;
  return {
      {"name", Type::kText, [](const S& s, const C&) { return text(s.name); }},
      {"setting", Type::kText, [](const S& s, const C&) { return text(s.setting); }},
      {"unit", Type::kText, [](const S& s, const C&) { return text_or_null(s.unit); }},
      {"category", Type::kText, [](const S&, const C&) { return text("walcast"); }},
      {"short_desc", Type::kText, [](const S& s, const C&) { return text(s.description); }},
      unknown<S, Type::kText>("extra_desc"),
      {"context", Type::kText, [](const S& s, const C&) { return text(s.context); }},
      {"vartype", Type::kText, [](const S& s, const C&) { return text(s.type); }},
      {"source", Type::kText, [](const S&, const C&) { return text("configuration file"); }},
      unknown<S, Type::kText>("min_val"),
      unknown<S, Type::kText>("max_val"),
      unknown<S, Type::kTextArray>("enumvals"),
      {"boot_val", Type::kText, [](const S& s, const C&) { return text(s.setting); }},
      {"reset_val", Type::kText, [](const S& s, const C&) { return text(s.setting); }},
      unknown<S, Type::kText>("sourcefile"),
      unknown<S, Type::kInt4>("sourceline"),
      {"pending_restart", Type::kBool, [](const S&, const C&) { return flag(false); }},
  };
}

std::vector<stats::MemoryContextStatus> memory(const ReadContext& context, std::span<const Value>) {
  return context.snapshot.memory;
}

Columns<stats::MemoryContextStatus> memory_columns() {
  using S = stats::MemoryContextStatus;
  return {
      {"name", Type::kText, [](const S& s, const C&) { return text(s.name); }},
      {"ident", Type::kText, [](const S& s, const C&) { return text(s.thread); }},
      {"parent", Type::kText, [](const S& s, const C&) { return text_or_null(s.parent); }, 0, 18},
      {"type", Type::kText, [](const S&, const C&) { return text("AllocSet"); }, 18},
      {"level", Type::kInt4, [](const S& s, const C&) { return integer(s.level); }},
      unknown<S, Type::kInt4Array>("path", 18),
      {"total_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.total_bytes); }},
      {"total_nblocks", Type::kInt8, [](const S& s, const C&) { return count_of(s.total_blocks); }},
      {"free_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.free_bytes); }},
      {"free_chunks", Type::kInt8, [](const S&, const C&) { return integer(0); }},
      {"used_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.used_bytes()); }},
  };
}

// PG_CONTROL_VERSION and CATALOG_VERSION_NO of each major version's release, from 13 on.
struct ControlNumbers {
  std::int64_t control;
  std::int64_t catalog;
};
constexpr std::array<ControlNumbers, 6> kControlNumbers{{{1300, 202007201},
                                                         {1300, 202107181},
                                                         {1300, 202209061},
                                                         {1300, 202307071},
                                                         {1700, 202406281},
                                                         {1800, 202506291}}};
const ControlNumbers& numbers_of(const C& context) {
  return kControlNumbers.at(static_cast<std::size_t>(shown_version(context.snapshot)) - 13);
}

Columns<Nothing> control_system_columns() {
  using S = Nothing;
  return {
      {"pg_control_version", Type::kInt4,
       [](const S&, const C& c) { return integer(numbers_of(c).control); }},
      {"catalog_version_no", Type::kInt4,
       [](const S&, const C& c) { return integer(numbers_of(c).catalog); }},
      {"system_identifier", Type::kInt8,
       [](const S&, const C& c) { return count_of(c.snapshot.identity.system_identifier); }},
      unknown<S, Type::kTimestamptz>("pg_control_last_modified"),
  };
}

// The timeline is what a server without a control file knows of its last checkpoint.
Columns<Nothing> control_checkpoint_columns() {
  using S = Nothing;
  const auto timeline = [](const S&, const C& c) { return integer(value(c.snapshot.timeline)); };
  return {
      unknown<S, Type::kLsn>("checkpoint_lsn"),
      unknown<S, Type::kLsn>("redo_lsn"),
      unknown<S, Type::kText>("redo_wal_file"),
      {"timeline_id", Type::kInt4, timeline},
      {"prev_timeline_id", Type::kInt4, timeline},
      unknown<S, Type::kBool>("full_page_writes"),
      unknown<S, Type::kText>("next_xid"),
      unknown<S, Type::kOid>("next_oid"),
      unknown<S, Type::kXid>("next_multixact_id"),
      unknown<S, Type::kXid>("next_multi_offset"),
      unknown<S, Type::kXid>("oldest_xid"),
      unknown<S, Type::kOid>("oldest_xid_dbid"),
      unknown<S, Type::kXid>("oldest_active_xid"),
      unknown<S, Type::kXid>("oldest_multi_xid"),
      unknown<S, Type::kOid>("oldest_multi_dbid"),
      unknown<S, Type::kXid>("oldest_commit_ts_xid"),
      unknown<S, Type::kXid>("newest_commit_ts_xid"),
      unknown<S, Type::kTimestamptz>("checkpoint_time"),
  };
}

struct WalFile {
  std::string name;
  std::int64_t bytes;
  runtime::WallMicros modified;
};

// The directory is looked at, on the console's thread; a file that goes meanwhile is left out.
std::vector<WalFile> wal_files(const ReadContext& context, std::span<const Value>) {
  std::vector<WalFile> files;
  const std::string& directory = context.snapshot.spool.directory;
  const auto names = runtime::list_directory(directory);
  if (!names) return files;
  for (const std::string& name : *names) {
    struct stat status = {};
    if (!wal::parse_file_name(name)) continue;
    if (::stat((directory + "/" + name).c_str(), &status) != 0) continue;
    files.push_back({name, status.st_size, status.st_mtim.tv_sec * std::int64_t{1'000'000}});
  }
  std::sort(files.begin(), files.end(),
            [](const WalFile& a, const WalFile& b) { return a.name < b.name; });
  return files;
}

Columns<Nothing> database_columns() {
  using S = Nothing;
  return {
      {"oid", Type::kOid, [](const S&, const C&) { return integer(5); }},
      {"datname", Type::kName, [](const S&, const C&) { return text("walcast"); }},
      {"datdba", Type::kOid, [](const S&, const C&) { return integer(10); }},
      {"encoding", Type::kInt4, [](const S&, const C&) { return integer(0); }},
      {"datlocprovider", Type::kChar, [](const S&, const C&) { return text("c"); }, 15},
      {"datistemplate", Type::kBool, [](const S&, const C&) { return flag(false); }},
      {"datallowconn", Type::kBool, [](const S&, const C&) { return flag(true); }},
      {"dathasloginevt", Type::kBool, [](const S&, const C&) { return flag(false); }, 17},
      {"datconnlimit", Type::kInt4, [](const S&, const C&) { return integer(-1); }},
      unknown<S, Type::kOid>("datlastsysoid", 0, 15),
      unknown<S, Type::kXid>("datfrozenxid"),
      unknown<S, Type::kXid>("datminmxid"),
      {"dattablespace", Type::kOid, [](const S&, const C&) { return integer(1663); }},
      {"datcollate", Type::kText, [](const S&, const C&) { return text("C"); }},
      {"datctype", Type::kText, [](const S&, const C&) { return text("C"); }},
      unknown<S, Type::kText>("daticulocale", 15, 17),
      unknown<S, Type::kText>("datlocale", 17),
      unknown<S, Type::kText>("daticurules", 16),
      unknown<S, Type::kText>("datcollversion", 15),
      unknown<S, Type::kAclitemArray>("datacl"),
  };
}

Columns<Nothing> user_columns() {
  using S = Nothing;
  const auto admin = [](const S&, const C& c) { return flag(may_administer(c.session)); };
  const auto no = [](const S&, const C&) { return flag(false); };
  return {
      {"usename", Type::kName, [](const S&, const C& c) { return text(c.session.user); }},
      {"usesysid", Type::kOid, [](const S&, const C&) { return integer(10); }},
      {"usecreatedb", Type::kBool, no},
      {"usesuper", Type::kBool, admin},
      {"userepl", Type::kBool, [](const S&, const C&) { return flag(true); }},
      {"usebypassrls", Type::kBool, no},
      {"passwd", Type::kText, [](const S&, const C&) { return text("********"); }},
      unknown<S, Type::kTimestamptz>("valuntil"),
      unknown<S, Type::kTextArray>("useconfig"),
  };
}

Columns<Nothing> role_columns() {
  using S = Nothing;
  const auto no = [](const S&, const C&) { return flag(false); };
  const auto yes = [](const S&, const C&) { return flag(true); };
  return {
      {"rolname", Type::kName, [](const S&, const C& c) { return text(c.session.user); }},
      {"rolsuper", Type::kBool,
       [](const S&, const C& c) { return flag(may_administer(c.session)); }},
      {"rolinherit", Type::kBool, yes},
      {"rolcreaterole", Type::kBool, no},
      {"rolcreatedb", Type::kBool, no},
      {"rolcanlogin", Type::kBool, yes},
      {"rolreplication", Type::kBool, yes},
      {"rolconnlimit", Type::kInt4, [](const S&, const C&) { return integer(-1); }},
      {"rolpassword", Type::kText, [](const S&, const C&) { return text("********"); }},
      unknown<S, Type::kTimestamptz>("rolvaliduntil"),
      {"rolbypassrls", Type::kBool, no},
      unknown<S, Type::kTextArray>("rolconfig"),
      {"oid", Type::kOid, [](const S&, const C&) { return integer(10); }},
  };
}

}  // namespace

void add_server_relations(Catalog& catalog) {
  catalog.add(std::make_unique<TableOf<SettingRow>>("pg_settings", settings, setting_columns()));
  catalog.add(std::make_unique<TableOf<stats::MemoryContextStatus>>("pg_backend_memory_contexts",
                                                                    memory, memory_columns()));
  const std::vector<Type> none;
  catalog.add(
      std::make_unique<TableOf<Nothing>>("pg_control_system", one, control_system_columns(), none));
  catalog.add(std::make_unique<TableOf<Nothing>>("pg_control_checkpoint", one,
                                                 control_checkpoint_columns(), none));
  catalog.add(std::make_unique<TableOf<WalFile>>(
      "pg_ls_waldir", wal_files,
      Columns<WalFile>{
          {"name", Type::kText, [](const WalFile& f, const C&) { return text(f.name); }},
          {"size", Type::kInt8, [](const WalFile& f, const C&) { return integer(f.bytes); }},
          {"modification", Type::kTimestamptz,
           [](const WalFile& f, const C&) { return time(f.modified); }}},
      none));
  catalog.add(std::make_unique<TableOf<Nothing>>("pg_database", one, database_columns()));
  catalog.add(std::make_unique<TableOf<Nothing>>("pg_user", one, user_columns()));
  catalog.add(std::make_unique<TableOf<Nothing>>("pg_roles", one, role_columns()));
}

}  // namespace server::console
