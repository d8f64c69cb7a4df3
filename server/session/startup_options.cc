#include "server/session/startup_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::session {

namespace {

// What a switch of one letter does (getopt's string in process_postgres_switches).
struct Switch {
  char letter;
  bool takes_value;
  std::string_view sets;  // a setting, to `value` or to the switch's own; empty: nothing here
  std::string_view value = {};
};
constexpr std::array kSwitches{
    Switch{'B', true, "shared_buffers"},
    Switch{'C', true, {}},
    Switch{'D', true, {}},
    Switch{'E', false, {}},
    Switch{'F', false, "fsync", "false"},
    Switch{'N', true, "max_connections"},
    Switch{'O', false, "allow_system_table_mods", "true"},
    Switch{'P', false, "ignore_system_indexes", "true"},
    Switch{'S', true, "work_mem"},
    Switch{'T', false, {}},
    Switch{'W', true, "post_auth_delay"},
    Switch{'d', true, {}},
    Switch{'e', false, "datestyle", "euro"},
    Switch{'h', true, "listen_addresses"},
    Switch{'i', false, "listen_addresses", "*"},
    Switch{'j', false, {}},
    Switch{'k', true, "unix_socket_directories"},
    Switch{'l', false, "ssl", "true"},
    Switch{'n', false, {}},
    Switch{'p', true, "port"},
    Switch{'r', true, {}},
    Switch{'s', false, "log_statement_stats", "true"},
    Switch{'v', true, {}},
};

// Splits at blanks, where a backslash takes the next character as it is.
std::vector<std::string> split(std::string_view options) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const char c = options[i];
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      in_word = false;
      continue;
    }
    if (!std::exchange(in_word, true)) words.emplace_back();
    if (c == '\\' && i + 1 < options.size()) {
      words.back() += options[++i];
    } else if (c != '\\') {
      words.back() += c;
    }
  }
  return words;
}

// "name=value", where dashes in the name stand for underscores (ParseLongOption).
runtime::Result<Assignment> parse_assignment(std::string_view word, std::string_view prefix) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) {
    return runtime::Error{.kind = &wire::kSyntaxError,
                          .what = runtime::format("{}{} requires a value", prefix, word)};
  }
  std::string name(word.substr(0, equals));
  std::replace(name.begin(), name.end(), '-', '_');
  return Assignment{std::move(name), std::string(word.substr(equals + 1))};
}

runtime::Error invalid_argument(std::string_view word) {
  return {.kind = &wire::kSyntaxError,
          .what = runtime::format("invalid command-line argument for server process: {}", word),
          .hint = "Try \"postgres --help\" for more information."};
}

// The switches of one word after another, as getopt takes them: several letters may share a word,
// and a value is the rest of its word or the next one.
class SwitchReader {
 public:
  explicit SwitchReader(const std::vector<std::string>& words) : words_(words) {}

  runtime::Result<void> run() {
    for (; word_ < words_.size(); ++word_) {
      const std::string_view word = words_[word_];
      if (word == "--") return end();
      if (word.size() < 2 || word.front() != '-') return invalid_argument(word);
      TRY(take_word(word.substr(1), word_));
    }
    return {};
  }

  std::vector<Assignment> take_assignments() { return std::move(assignments_); }

 private:
  // "--" ends the switches, and nothing else may follow.
  runtime::Result<void> end() const {
    if (word_ + 1 == words_.size()) return {};
    return invalid_argument(words_[word_ + 1]);
  }

  runtime::Result<void> take_word(std::string_view letters, std::size_t first_word) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (letter == 'c' || letter == '-' || letter == 'f' || letter == 't') {
        const auto value = take_value(letters);
        if (!value.has_value()) return invalid_argument(words_[first_word]);
        return take_setting(letter, *value, words_[first_word]);
      }
      const auto known = std::find_if(kSwitches.begin(), kSwitches.end(),
                                      [&](const Switch& s) { return s.letter == letter; });
      if (known == kSwitches.end()) return invalid_argument(words_[first_word]);
      if (!known->takes_value) {
        if (!known->sets.empty()) put(known->sets, known->value);
        continue;
      }
      const auto value = take_value(letters);
      if (!value.has_value()) return invalid_argument(words_[first_word]);
      if (!known->sets.empty()) put(known->sets, *value);
      return {};
    }
    return {};
  }

  runtime::Result<void> take_setting(char letter, std::string_view value, std::string_view word) {
    switch (letter) {
      case 'f':  // a kind of plan that is not to be used
        return std::string_view("siobtnmh").find(value.substr(0, 1)) != std::string_view::npos
                   ? runtime::Result<void>()
                   : invalid_argument(word);
      case 't':  // statistics of the parser, planner or executor
        return value.starts_with("pa") || value.starts_with("pl") || value.starts_with("e")
                   ? runtime::Result<void>()
                   : invalid_argument(word);
      default:
        assignments_.push_back(TRY(parse_assignment(value, letter == 'c' ? "-c " : "--")));
        return {};
    }
  }

  // The rest of the word, or else the next word.
  std::optional<std::string_view> take_value(std::string_view rest) {
    if (!rest.empty()) return rest;
    if (word_ + 1 == words_.size()) return std::nullopt;
    return words_[++word_];
  }

  void put(std::string_view name, std::string_view value) {
    assignments_.push_back({std::string(name), std::string(value)});
  }

  const std::vector<std::string>& words_;
  std::size_t word_ = 0;
  std::vector<Assignment> assignments_;
};

}  // namespace

ParsedOptions parse_options(std::string_view options) {
  const std::vector<std::string> words = split(options);
  SwitchReader reader(words);
  auto end = reader.run();
  return {reader.take_assignments(), std::move(end)};
}

}  // namespace server::session
