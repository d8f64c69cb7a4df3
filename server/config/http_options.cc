#include "server/config/http_options.h"

#include <algorithm>
#include <string_view>

#include "runtime/format.h"
#include "server/settings/option_types.h"
#include "server/wire/errors.h"

namespace server::config {

using runtime::Result;

namespace {

runtime::Fail refuse(std::string what, std::string hint = {}) {
  return runtime::Fail(
      {.kind = &wire::kInvalidParameterValue, .what = std::move(what), .hint = std::move(hint)});
}

settings::OptionType<std::vector<http::Address>> addresses() {
  const auto texts = settings::comma_list();
  return {
      [texts](std::string_view name, std::string_view text) -> Result<std::vector<http::Address>> {
        std::vector<http::Address> parsed;
        for (const std::string& part : TRY(texts.parse(name, text))) {
          auto address = http::parse_address(part);
          if (!address) return settings::invalid_value(name, text, address.error().hint);
          parsed.push_back(std::move(*address));
        }
        return parsed;
      },
      [texts](const std::vector<http::Address>& parsed) {
        std::vector<std::string> shown;
        for (const http::Address& address : parsed) shown.push_back(address.text());
        return texts.show(shown);
      }};
}

}  // namespace

void add_http_options(settings::Options& options, HttpConfig& config, int& metrics_standbys) {
  options.add("http-listen-addresses", config.addresses, "", addresses(),
              "Addresses with ports on which metrics, health and a page are shown by HTTP, "
              "separated by commas, such as 127.0.0.1:9187; none: no HTTP");
  options.add("http-ssl", config.ssl, "off", settings::boolean(),
              "HTTP goes by TLS, with the certificate of --ssl-cert-file");
  options.add("http-token-file", config.token_file, "", settings::text(),
              "File with tokens, one a line, that let HTTP clients in as Bearer");
  options.add("http-user-file", config.user_file, "", settings::text(),
              "File of the form of --auth-file with the names and passwords of HTTP clients");
  options.add("http-metrics-standbys", metrics_standbys, "1000", settings::integer<int>(0, 100'000),
              "Standbys that have metrics of their own, those that came first; the others are "
              "counted together",
              settings::SettingContext::kSighup);
}

Result<void> check_http_options(const HttpConfig& config, bool ssl) {
  if (config.addresses.empty()) {
    if (config.ssl) return refuse("--http-ssl needs --http-listen-addresses");
    if (config.has_authentication()) {
      return refuse(config.token_file.empty() ? "--http-user-file needs --http-listen-addresses"
                                              : "--http-token-file needs --http-listen-addresses");
    }
    return {};
  }
  if (config.ssl && !ssl) return refuse("--http-ssl needs --ssl");
  const auto open = std::find_if_not(config.addresses.begin(), config.addresses.end(),
                                     [](const auto& address) { return address.is_loopback(); });
  if (open == config.addresses.end() || (config.ssl && config.has_authentication())) return {};
  return refuse(runtime::format("HTTP on {} would be open to other machines", open->text()),
                "Set http_ssl, and http_token_file or http_user_file, or listen on a loopback "
                "address.");
}

}  // namespace server::config
