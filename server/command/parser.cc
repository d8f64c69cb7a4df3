#include "server/command/parser.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "server/command/lexer.h"
#include "server/wire/errors.h"

namespace server::command {

namespace {

bool begins_command(const Token& token) {
  if (token.kind != TokenKind::kKeyword) return false;
  return token.text == "SHOW" || token.text == "BASE_BACKUP" || token.text == "IDENTIFY_SYSTEM" ||
         token.text == "TIMELINE_HISTORY" || token.text == "START_REPLICATION" ||
         token.text.ends_with("_REPLICATION_SLOT");
}

runtime::Error no_sql() {
  return {.kind = &wire::kFeatureNotSupported,
          .what = "cannot execute SQL commands in WAL sender for physical replication"};
}

// One command's tokens with one of lookahead.
class Parser {
 public:
  Parser(std::string_view text, settings::Notices& notices) : lexer_(text, notices) {}

  runtime::Result<Command> run() {
    TRY(advance());
    if (!begins_command(token_)) return no_sql();
    const std::string verb = std::move(token_.text);
    TRY(advance());
    Command command = TRY(dispatch(verb));
    TRY(take(";"));
    if (token_.kind != TokenKind::kEnd) return syntax_error();
    return command;
  }

 private:
  runtime::Result<Command> dispatch(const std::string& verb) {
    if (verb == "IDENTIFY_SYSTEM") return Command(IdentifySystem{});
    if (verb == "SHOW") return Command(Show{TRY(dotted_name())});
    if (verb == "TIMELINE_HISTORY") return timeline_history();
    if (verb == "START_REPLICATION") return start_replication();
    if (verb == "BASE_BACKUP") return base_backup();
    if (verb == "READ_REPLICATION_SLOT") return Command(ReadSlot{TRY(dotted_name())});
    if (verb == "DROP_REPLICATION_SLOT") return drop_slot();
    return create_slot();
  }

  // Refused whatever its options say, if they can be read.
  runtime::Result<Command> base_backup() {
    if (token_.is("(")) TRY(generic_options());
    return Command(BaseBackup{});
  }

  runtime::Result<Command> drop_slot() {
    DropSlot drop{.slot = TRY(identifier())};
    drop.wait = TRY(take("WAIT"));
    return Command(std::move(drop));
  }

  runtime::Result<Command> create_slot() {
    CreateSlot create{.slot = TRY(identifier())};
    create.temporary = TRY(take("TEMPORARY"));
    create.logical = TRY(take("LOGICAL"));
    if (create.logical) {
      TRY(identifier());  // the plugin
    } else {
      TRY(expect("PHYSICAL"));
    }
    create.options = token_.is("(") ? TRY(generic_options()) : TRY(old_slot_options());
    return Command(std::move(create));
  }

  // Those of the syntax before PostgreSQL 15, under the names that they have had since.
  runtime::Result<std::vector<Option>> old_slot_options() {
    std::vector<Option> options;
    for (;; TRY(advance())) {
      if (token_.is("EXPORT_SNAPSHOT")) {
        options.push_back({.name = "snapshot", .value = "export"});
      } else if (token_.is("NOEXPORT_SNAPSHOT")) {
        options.push_back({.name = "snapshot", .value = "nothing"});
      } else if (token_.is("USE_SNAPSHOT")) {
        options.push_back({.name = "snapshot", .value = "use"});
      } else if (token_.is("RESERVE_WAL")) {
        options.push_back({.name = "reserve_wal"});
      } else if (token_.is("TWO_PHASE")) {
        options.push_back({.name = "two_phase"});
      } else {
        return options;
      }
    }
  }

  // generic_option_list, in its parentheses.
  runtime::Result<std::vector<Option>> generic_options() {
    std::vector<Option> options;
    do {
      TRY(advance());  // past "(" or ","
      Option option{.name = TRY(option_name())};
      if (token_.kind == TokenKind::kNumber) {
        option.value = runtime::format("{}", token_.number);
        option.is_number = true;
        TRY(advance());
      } else if (token_.kind == TokenKind::kIdentifier || token_.kind == TokenKind::kString) {
        option.value = std::move(token_.text);
        TRY(advance());
      }
      options.push_back(std::move(option));
    } while (token_.is(","));
    TRY(expect(")"));
    return options;
  }

  // ident_or_keyword: an option may be called as any keyword is but one, which came too late.
  runtime::Result<std::string> option_name() {
    if (token_.kind != TokenKind::kKeyword || token_.is("READ_REPLICATION_SLOT")) {
      return identifier();
    }
    std::string name = std::move(token_.text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c == '_' ? c : static_cast<char>(c | 0x20); });
    TRY(advance());
    return name;
  }

  // plugin_options: identifiers, each with a string or nothing.
  runtime::Result<void> plugin_options() {
    do {
      TRY(advance());  // past "(" or ","
      TRY(identifier());
      if (token_.kind == TokenKind::kString) TRY(advance());
    } while (token_.is(","));
    return expect(")");
  }

  // var_name.
  runtime::Result<std::string> dotted_name() {
    std::string name = TRY(identifier());
    while (TRY(take("."))) name += "." + TRY(identifier());
    return name;
  }

  runtime::Result<Command> timeline_history() {
    return Command(TimelineHistoryOf{TRY(timeline_id())});
  }

  runtime::Result<Command> start_replication() {
    StartReplication start;
    if (TRY(take("SLOT"))) start.slot = TRY(identifier());
    if (start.slot.has_value() && TRY(take("LOGICAL"))) {
      TRY(position());
      if (token_.is("(")) TRY(plugin_options());
      return Command(StartLogicalReplication{});
    }
    TRY(take("PHYSICAL"));
    start.start = TRY(position());
    if (TRY(take("TIMELINE"))) start.timeline = TRY(timeline_id());
    return Command(std::move(start));
  }

  runtime::Result<wal::Lsn> position() {
    if (token_.kind != TokenKind::kPosition) return syntax_error();
    const wal::Lsn lsn = token_.lsn;
    TRY(advance());
    return lsn;
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

  // Goes past a keyword or symbol, if it is there. Returns whether it was.
  runtime::Result<bool> take(std::string_view keyword_or_symbol) {
    const bool there = token_.is(keyword_or_symbol);
    if (there) TRY(advance());
    return there;
  }

  runtime::Result<void> expect(std::string_view keyword_or_symbol) {
    if (!token_.is(keyword_or_symbol)) return syntax_error();
    return advance();
  }

  runtime::Result<void> advance() {
    token_ = TRY(lexer_.next());
    return {};
  }

  Lexer lexer_;
  Token token_;
};

}  // namespace

runtime::Result<Command> parse(std::string_view text, settings::Notices& notices) {
  return Parser(text, notices).run();
}

}  // namespace server::command
