// hba files, and which of their rules takes a connection.
//   input: flags; an address of four bytes; the user, the database and the peer's name, each a
//   line; then the files (auth_files.h)

#include <algorithm>
#include <string>

#include "runtime/check.h"
#include "server/auth/hba_match.h"
#include "tests/fuzz/auth_files.h"
#include "tests/fuzz/input.h"

namespace {

using namespace server::auth;  // NOLINT(google-build-using-namespace): all of it is about this

std::string written(const std::vector<NameToken>& names) {
  std::string text;
  for (const NameToken& one : names)
    text += (text.empty() ? "" : ",") + tests::written(one.token());
  return text;
}

std::string written(const HostPattern& host) {
  switch (host.kind) {
    case HostPattern::Kind::kAll:
      return "all";
    case HostPattern::Kind::kSameHost:
      return "samehost";
    case HostPattern::Kind::kSameNet:
      return "samenet";
    case HostPattern::Kind::kRange:
      return host.range.address.text() + " " + host.range.mask.text();
    case HostPattern::Kind::kName:
      return tests::written({.text = host.name, .quoted = true});
  }
  UNREACHABLE();
}

std::string written(const HbaRule& rule) {
  std::string text = std::string(name(rule.type)) + " " + written(rule.databases) + " " +
                     written(rule.users) + " ";
  if (rule.type != ConnectionType::kLocal) text += written(rule.host) + " ";
  text += name(rule.method);
  const HbaOptions& options = rule.options;
  if (options.map) text += " " + tests::written({.text = "map=" + *options.map, .quoted = true});
  if (options.client_cert == ClientCert::kVerifyCa) text += " clientcert=verify-ca";
  if (options.client_cert == ClientCert::kVerifyFull) text += " clientcert=verify-full";
  if (options.client_name == ClientName::kDistinguishedName) text += " clientname=DN";
  return text;
}

HbaFile read(const std::string& text) {
  const tests::MemoryFiles files = tests::split_auth_files(text);
  return read_hba_file(std::string(tests::kAuthFile), SslState::kOff, files.source());
}

void check_errors(const HbaFile& file) {
  CHECK(file.rules.has_value() == file.errors.empty());
  for (const FileError& error : file.errors) {
    CHECK(!error.error.what.empty() && !error.file.empty());
    CHECK(error.error.kind->code.size() == 5);
    CHECK(error.context().empty() == (error.line == 0));
  }
}

bool has_keyword(const std::vector<NameToken>& tokens, std::string_view word) {
  return std::ranges::any_of(tokens, [&](const NameToken& one) { return one.is_keyword(word); });
}

struct Asked {
  HbaConnection connection;
  HbaFacts facts;
};

// What must hold of any answer; the rule that it names, or null.
const HbaRule* check_match(const HbaRules& rules, const Asked& asked, const PeerName& name) {
  const HbaMatch first = match_hba(rules, asked.connection, asked.facts);
  HbaFacts facts = asked.facts;
  facts.peer_name = &name;
  const HbaMatch second = match_hba(rules, asked.connection, facts);
  CHECK(second.kind != HbaMatch::Kind::kNeedsPeerName);
  CHECK((second.rule != nullptr) == (second.kind == HbaMatch::Kind::kRule));
  if (first.kind != HbaMatch::Kind::kNeedsPeerName) CHECK(first.rule == second.rule);
  CHECK(!peer_name_detail(rules, asked.connection, &name).empty());
  const HbaRule* const rule = second.rule;
  if (rule == nullptr) return nullptr;
  const bool is_local = asked.connection.transport == Transport::kUnix;
  CHECK((rule->type == ConnectionType::kLocal) == is_local);
  CHECK(rule->type != ConnectionType::kHostGssEnc);
  if (asked.connection.is_physical_replication) CHECK(has_keyword(rule->databases, "replication"));
  if (!is_local && rule->host.kind == HostPattern::Kind::kName) {
    CHECK(name.state == PeerName::State::kConfirmed);
    CHECK(first.kind == HbaMatch::Kind::kNeedsPeerName);
  }
  return rule;
}

std::string take_line(std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const auto flags = input.integer<std::uint8_t>();
  IpAddress peer{.family = AF_INET, .bytes = {}};
  for (std::size_t i = 0; i < 4; ++i) peer.bytes[i] = input.integer<std::uint8_t>();
  std::string text = tests::text_of(input.rest());
  const std::string user = take_line(text);
  const std::string database = take_line(text);
  const PeerName peer_name{
      .state = (flags & 8) != 0 ? PeerName::State::kConfirmed : PeerName::State::kOtherAddress,
      .name = take_line(text)};

  const HbaFile file = read(text);
  check_errors(file);
  if (!file.rules) return 0;

  std::string printed;
  for (const HbaRule& rule : file.rules->all()) printed += written(rule) + "\n";
  const HbaFile again = read(printed);
  CHECK(again.rules.has_value());
  CHECK(again.rules->all().size() == file.rules->all().size());

  const auto transport = static_cast<Transport>(flags % 3);
  const auto own = std::make_shared<const Networks>(
      Networks{{.address = {.family = AF_INET, .bytes = {10, 0, 0, 1}},
                .mask = *parse_mask_bits("8", AF_INET)}});
  Asked asked{.connection = {.transport = transport,
                             .peer = std::nullopt,
                             .user = user,
                             .database = database,
                             .is_physical_replication = (flags & 4) != 0},
              .facts = {.own_networks = [own] { return own; },
                        .is_member = [&](std::string_view role) { return role == database; }}};
  if (transport != Transport::kUnix) asked.connection.peer = peer;
  const HbaRule* const rule = check_match(*file.rules, asked, peer_name);
  const HbaRule* const same = check_match(*again.rules, asked, peer_name);
  CHECK((rule == nullptr) == (same == nullptr));
  if (rule != nullptr) {
    CHECK(rule - file.rules->all().data() == same - again.rules->all().data());
    CHECK(written(*rule) == written(*same));
  }
  return 0;
}
