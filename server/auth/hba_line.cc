#include "server/auth/hba_line.h"

#include <netdb.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/auth/file_error.h"
#include "server/auth/hba_options.h"

namespace server::auth {

using runtime::Error;
using runtime::format;
using runtime::Result;

namespace {

constexpr std::string_view kMethodsElsewhere[]{"ident", "gss",  "sspi",   "pam",
                                               "bsd",   "ldap", "radius", "oauth"};

Error wrong(std::string what, std::string hint = {}) {
  return {.kind = &kConfigFileError, .what = std::move(what), .hint = std::move(hint)};
}

// Takes a line's fields from left to right.
class LineParser {
 public:
  explicit LineParser(const TokenLine& line) : line_(line), rest_(line.fields) {}

  Result<HbaRule> parse();

 private:
  // The next field; `what` says what it should have had.
  Result<const Field*> field(std::string_view what, std::string_view hint = {});
  // The only word of a field.
  static Result<const Token*> word(const Field& field, std::string_view what,
                                   std::string_view hint = {});
  Result<ConnectionType> type();
  Result<std::vector<NameToken>> names(std::string_view what);
  Result<HostPattern> host();
  Result<HostPattern> host_or_range(const Token& token);
  Result<IpAddress> mask_field(int family);
  Result<AuthMethod> method(ConnectionType type);
  Result<HbaOptions> options(ConnectionType type, AuthMethod method);

  const TokenLine& line_;
  std::span<const Field> rest_;
};

Result<HbaRule> LineParser::parse() {
  HbaRule rule;
  rule.file = line_.file;
  rule.line = line_.line;
  rule.text = line_.text;
  rule.type = TRY(type());
  rule.databases = TRY(names("database"));
  rule.users = TRY(names("role"));
  if (rule.type != ConnectionType::kLocal) rule.host = TRY(host());
  rule.method = TRY(method(rule.type));
  rule.options = TRY(options(rule.type, rule.method));
  return rule;
}

Result<const Field*> LineParser::field(std::string_view what, std::string_view hint) {
  if (rest_.empty()) return wrong(format("end-of-line before {}", what), std::string(hint));
  const Field* const taken = &rest_.front();
  rest_ = rest_.subspan(1);
  return taken;
}

Result<const Token*> LineParser::word(const Field& field, std::string_view what,
                                      std::string_view hint) {
  CHECK(!field.empty());
  if (field.size() > 1) {
    return wrong(format("multiple values specified for {}", what), std::string(hint));
  }
  return &field.front();
}

Result<ConnectionType> LineParser::type() {
  const Field* const words = TRY(field("connection type"));
  const Token* const token =
      TRY(word(*words, "connection type", "Specify exactly one connection type per line."));
  if (const auto type = find_connection_type(token->text)) return *type;
  return wrong(format("invalid connection type \"{}\"", token->text));
}

Result<std::vector<NameToken>> LineParser::names(std::string_view what) {
  const Field* const words = TRY(field(format("{} specification", what)));
  std::vector<NameToken> names;
  for (const Token& token : *words) names.push_back(TRY(NameToken::make(token)));
  return names;
}

Result<HostPattern> LineParser::host() {
  using Kind = HostPattern::Kind;
  const Field* const words = TRY(field("IP address specification"));
  const Token& token = *TRY(word(*words, "host address", "Specify one address range per line."));
  if (token.is_keyword("all")) return HostPattern{.kind = Kind::kAll, .range = {}, .name = {}};
  if (token.is_keyword("samehost")) {
    return HostPattern{.kind = Kind::kSameHost, .range = {}, .name = {}};
  }
  if (token.is_keyword("samenet")) {
    return HostPattern{.kind = Kind::kSameNet, .range = {}, .name = {}};
  }
  return host_or_range(token);
}

Result<HostPattern> LineParser::host_or_range(const Token& token) {
  const std::size_t slash = token.text.find('/');
  const bool has_bits = slash != std::string::npos;
  const std::string host = token.text.substr(0, slash);
  const NumericAddress numeric = parse_numeric_address(host);
  if (!numeric.address) {
    if (numeric.gai_error != EAI_NONAME) {
      return wrong(
          format("invalid IP address \"{}\": {}", host, ::gai_strerror(numeric.gai_error)));
    }
    if (has_bits) {
      return wrong(
          format("specifying both host name and CIDR mask is invalid: \"{}\"", token.text));
    }
    return HostPattern{.kind = HostPattern::Kind::kName, .range = {}, .name = host};
  }
  const int family = numeric.address->family;
  const auto mask =
      has_bits ? parse_mask_bits(token.text.substr(slash + 1), family) : TRY(mask_field(family));
  if (!mask) return wrong(format("invalid CIDR mask in address \"{}\"", token.text));
  return HostPattern{.kind = HostPattern::Kind::kRange,
                     .range = {.address = *numeric.address, .mask = *mask},
                     .name = {}};
}

Result<IpAddress> LineParser::mask_field(int family) {
  const Field* const words =
      TRY(field("netmask specification",
                "Specify an address range in CIDR notation, or provide a separate netmask."));
  const Token* const token = TRY(word(*words, "netmask"));
  const NumericAddress mask = parse_numeric_address(token->text);
  if (!mask.address) {
    return wrong(format("invalid IP mask \"{}\": {}", token->text, ::gai_strerror(mask.gai_error)));
  }
  if (mask.address->family != family) return wrong("IP address and mask do not match");
  return *mask.address;
}

Result<AuthMethod> LineParser::method(ConnectionType type) {
  const Field* const words = TRY(field("authentication method"));
  const std::string& named =
      TRY(word(*words, "authentication type", "Specify exactly one authentication type per line."))
          ->text;
  // On a Unix socket PostgreSQL takes ident for peer too.
  if (type == ConnectionType::kLocal && named == "ident") return AuthMethod::kPeer;
  if (std::ranges::find(kMethodsElsewhere, named) != std::end(kMethodsElsewhere)) {
    return wrong(
        format("invalid authentication method \"{}\": not supported by this build", named));
  }
  const auto method = find_auth_method(named);
  if (!method) return wrong(format("invalid authentication method \"{}\"", named));
  if (type != ConnectionType::kLocal && method == AuthMethod::kPeer) {
    return wrong("peer authentication is only supported on local sockets");
  }
  if (type != ConnectionType::kHostSsl && method == AuthMethod::kCert) {
    return wrong("cert authentication is only supported on hostssl connections");
  }
  return *method;
}

Result<HbaOptions> LineParser::options(ConnectionType type, AuthMethod method) {
  HbaOptions options;
  for (; !rest_.empty(); rest_ = rest_.subspan(1)) {
    for (const Token& token : rest_.front()) {
      TRY(take_hba_option(token.text, type, method, options));
    }
  }
  if (method == AuthMethod::kCert) options.client_cert = ClientCert::kVerifyFull;
  return options;
}

}  // namespace

Result<HbaRule> parse_hba_line(const TokenLine& line) { return LineParser(line).parse(); }

}  // namespace server::auth
