#include "server/command/parser.h"

#include <utility>

#include "runtime/format.h"
#include "server/command/lexer.h"
#include "server/wire/errors.h"

namespace server::command {

namespace {

// One command's tokens with one of lookahead.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  runtime::Result<Parsed> run() {
    TRY(advance());
    const std::string verb = std::move(token_.text);
    TRY(advance());
    Command command = TRY(dispatch(verb));
    if (token_.is(";")) TRY(advance());
    if (token_.kind != TokenKind::kEnd) return syntax_error();
    return Parsed{std::move(command), std::move(notices_)};
  }

 private:
  runtime::Result<Command> dispatch(const std::string& verb) {
    if (verb == "IDENTIFY_SYSTEM") return Command(IdentifySystem{});
    if (verb == "SHOW") return show();
    if (verb == "TIMELINE_HISTORY") return timeline_history();
    if (verb == "START_REPLICATION") return start_replication();
    if (verb == "BASE_BACKUP") {
      // Refused whatever its options say.
      TRY(skip_to_end());
      return Command(BaseBackup{});
    }
    return slot_command(verb);
  }

  runtime::Result<Command> slot_command(const std::string& verb) {
    std::string slot = TRY(identifier());
    if (verb == "READ_REPLICATION_SLOT") return Command(ReadSlot{std::move(slot)});
    if (verb == "DROP_REPLICATION_SLOT") {
      const bool wait = token_.is("WAIT");
      if (wait) TRY(advance());
      return Command(DropSlot{std::move(slot), wait});
    }
    CreateSlot create{.slot = std::move(slot)};
    create.temporary = token_.is("TEMPORARY");
    if (create.temporary) TRY(advance());
    create.logical = token_.is("LOGICAL");
    if (!create.logical && !token_.is("PHYSICAL")) return syntax_error();
    TRY(advance());
    if (create.logical && token_.kind != TokenKind::kIdentifier) return syntax_error();
    // Its options change nothing: no slot can be made.
    TRY(skip_to_end());
    return Command(std::move(create));
  }

  runtime::Result<Command> show() {
    std::string name = TRY(identifier());
    while (token_.is(".")) {
      TRY(advance());
      name += "." + TRY(identifier());
    }
    return Command(Show{std::move(name)});
  }

  runtime::Result<Command> timeline_history() {
    return Command(TimelineHistoryOf{TRY(timeline_id())});
  }

  runtime::Result<Command> start_replication() {
    StartReplication start;
    if (token_.is("SLOT")) {
      TRY(advance());
      start.slot = TRY(identifier());
    }
    if (token_.is("LOGICAL")) {
      if (!start.slot.has_value()) return syntax_error();
      TRY(skip_to_end());
      return Command(StartLogicalReplication{});
    }
    if (token_.is("PHYSICAL")) TRY(advance());
    if (token_.kind != TokenKind::kPosition) return syntax_error();
    start.start = token_.lsn;
    TRY(advance());
    if (token_.is("TIMELINE")) {
      TRY(advance());
      start.timeline = TRY(timeline_id());
    }
    return Command(std::move(start));
  }

  runtime::Result<wal::TimelineId> timeline_id() {
    if (token_.kind != TokenKind::kNumber) return syntax_error();
    const wal::TimelineId timeline{token_.number};
    if (wal::value(timeline) == 0) {
      return runtime::Error{.kind = &wire::kSyntaxError, .what = "invalid timeline 0"};
    }
    TRY(advance());
    return timeline;
  }

  runtime::Result<std::string> identifier() {
    if (token_.kind != TokenKind::kIdentifier) return syntax_error();
    std::string name = std::move(token_.text);
    TRY(advance());
    return name;
  }

  runtime::Result<void> skip_to_end() {
    while (token_.kind != TokenKind::kEnd) TRY(advance());
    return {};
  }

  runtime::Result<void> advance() {
    token_ = TRY(lexer_.next());
    if (token_.truncated) {
      notices_.push_back({.kind = &wire::kNameTooLong,
                          .what = runtime::format("identifier \"{}\" will be truncated to \"{}\"",
                                                  token_.whole, token_.text)});
    }
    return {};
  }

  Lexer lexer_;
  Token token_;
  std::vector<runtime::Error> notices_;
};

}  // namespace

bool is_replication_command(std::string_view text) {
  const auto first = Lexer(text).next();
  if (!first || first->kind != TokenKind::kKeyword) return false;
  return first->text == "SHOW" || first->text == "BASE_BACKUP" ||
         first->text == "IDENTIFY_SYSTEM" || first->text == "TIMELINE_HISTORY" ||
         first->text == "START_REPLICATION" || first->text.ends_with("_REPLICATION_SLOT");
}

runtime::Result<Parsed> parse(std::string_view text) { return Parser(text).run(); }

}  // namespace server::command
