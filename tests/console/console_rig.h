#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "server/console/engine.h"
#include "server/stats/snapshot.h"
#include "tests/console/sample_snapshot.h"

namespace tests {

// Verbs that write down what they were asked for.
class RecordedVerbs final : public server::console::AdminVerbs {
 public:
  using Actor = server::console::Actor;

  runtime::Result<void> reload(const Actor& actor) override {
    calls.push_back("reload by " + actor.user);
    return {};
  }
  runtime::Result<bool> terminate(const Actor&, std::uint32_t pid) override {
    calls.push_back("terminate " + std::to_string(pid));
    return pid == 100;
  }
  runtime::Result<bool> cancel(const Actor&, std::uint32_t pid) override {
    calls.push_back("cancel " + std::to_string(pid));
    return pid == 100;
  }
  runtime::Result<server::console::CreatedSlot> create_slot(const Actor&, std::string_view name,
                                                            bool reserves_wal,
                                                            bool temporary) override {
    calls.push_back("create " + std::string(name) + (reserves_wal ? " reserve" : "") +
                    (temporary ? " temporary" : ""));
    return server::console::CreatedSlot{std::string(name),
                                        server::wal::Lsn(reserves_wal ? 0x3000000 : 0)};
  }
  runtime::Result<void> drop_slot(const Actor&, std::string_view name) override {
    calls.push_back("drop " + std::string(name));
    return {};
  }
  runtime::Result<bool> log_memory_contexts(const Actor&, std::uint32_t pid) override {
    calls.push_back("memory " + std::to_string(pid));
    return true;
  }
  runtime::Result<std::int64_t> pause(const Actor&, std::string_view standby) override {
    calls.push_back("pause " + std::string(standby));
    return 1;
  }
  runtime::Result<std::int64_t> resume(const Actor&, std::string_view standby) override {
    calls.push_back("resume " + std::string(standby));
    return 1;
  }
  runtime::Result<void> switch_upstream(const Actor&, std::string_view conninfo) override {
    calls.push_back("switch " + std::string(conninfo));
    return {};
  }

  std::vector<std::string> calls;
};

// What a statement has answered: values by rows, NULL as "<null>"; or its error.
struct Answer {
  std::vector<std::string> columns;
  std::vector<std::uint32_t> types;
  std::vector<std::vector<std::string>> rows;
  std::string tag;
  std::optional<runtime::Error> error;

  std::string code() const { return error ? std::string(error->kind->code) : ""; }
  std::string what() const { return error ? error->what : ""; }
  // The one value that there is.
  std::string value() const {
    if (error) return "ERROR " + code() + ": " + what() + " " + error->detail;
    if (rows.size() != 1 || rows[0].size() != 1) {
      return std::to_string(rows.size()) + " rows";
    }
    return rows[0][0];
  }
};

// An engine over one snapshot, driven by hand.
class ConsoleRig : public ::testing::Test {
 protected:
  explicit ConsoleRig(int major = 15)
      : snapshot_(std::make_shared<server::stats::Snapshot>(sample_snapshot(major))) {
    session_.process_id = 200;
    session_.user = "ann";
    session_.database = "walcast";
    session_.client_address = "10.0.0.1";
    session_.client_port = 5000;
  }

  server::console::Engine& engine() {
    if (!engine_) {
      options_.snapshot = [this] { return snapshot_; };
      options_.verbs = &verbs_;
      options_.clock = &clock_;
      engine_ = std::make_unique<server::console::Engine>(options_);
    }
    return *engine_;
  }

  Answer run(std::string_view sql, std::vector<server::console::Parameter> parameters = {},
             server::console::Format format = server::console::Format::kText,
             std::vector<std::uint32_t> types = {}) {
    Answer answer;
    auto prepared = engine().prepare(session_, sql, types);
    if (!prepared) return failed(std::move(prepared).error());
    for (const auto& column : (*prepared)->columns()) {
      answer.columns.push_back(column.name);
      answer.types.push_back(column.type);
    }
    const server::console::Format formats[]{format};
    auto portal = engine().bind(session_, *prepared, parameters, formats);
    if (!portal) return failed(std::move(portal).error());
    auto fetched = (*portal)->fetch(0, 0, [&answer](auto values) {
      auto& row = answer.rows.emplace_back();
      for (const auto& value : values) row.push_back(value ? std::string(*value) : "<null>");
    });
    if (!fetched) return failed(std::move(fetched).error());
    answer.tag = fetched->tag;
    return answer;
  }
  std::string value(std::string_view sql) { return run(sql).value(); }

  Answer failed(runtime::Error error) {
    server::console::fail_transaction(session_);
    Answer answer;
    answer.error = std::move(error);
    return answer;
  }

  std::shared_ptr<server::stats::Snapshot> snapshot_;
  server::console::SessionState session_;
  runtime::SystemClock clock_;
  RecordedVerbs verbs_;
  server::console::Engine::Options options_;
  std::unique_ptr<server::console::Engine> engine_;
};

}  // namespace tests
