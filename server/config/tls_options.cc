#include "server/config/tls_options.h"

#include "server/settings/option_types.h"
#include "server/settings/setting_value.h"

namespace server::config {

using runtime::Result;
using runtime::TlsVersion;

namespace {

constexpr auto kReloaded = settings::SettingContext::kSighup;

// TLSv1.2 and its like; as the newest version, the empty text stands for any.
settings::OptionType<TlsVersion> tls_version(bool may_be_any) {
  return {
      [may_be_any](std::string_view name, std::string_view text) -> Result<TlsVersion> {
        for (const TlsVersion version : {TlsVersion::kAny, TlsVersion::kTls1, TlsVersion::kTls11,
                                         TlsVersion::kTls12, TlsVersion::kTls13}) {
          if (version == TlsVersion::kAny && !may_be_any) continue;
          if (to_text(version) == text) return version;
        }
        return settings::invalid_value(name, text,
                                       may_be_any
                                           ? "Available values: , TLSv1, TLSv1.1, TLSv1.2, TLSv1.3."
                                           : "Available values: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3.");
      },
      [](const TlsVersion& version) { return std::string(to_text(version)); }};
}

void add_file_options(settings::Options& options, runtime::TlsOptions& files) {
  const auto add = [&](const std::string& flag, std::string& file, const std::string& initial,
                       const std::string& help) {
    options.add(flag, file, initial, settings::text(), help, kReloaded);
  };
  add("ssl-cert-file", files.certificate_file, "server.crt",
      "Certificate that clients are shown, and the chain behind it");
  add("ssl-key-file", files.private_key_file, "server.key",
      "Its private key, which only walcast's user or root may read");
  add("ssl-ca-file", files.ca_file, "",
      "Authorities of clients' certificates; none: clients are not asked for one");
  add("ssl-crl-file", files.crl_file, "", "Certificates that are revoked");
  add("ssl-crl-dir", files.crl_directory, "", "The same, in files with names by openssl rehash");
  add("ssl-dh-params-file", files.dh_parameters_file, "",
      "Parameters of Diffie-Hellman without curves; none: OpenSSL's own");
}

}  // namespace

void add_tls_options(settings::Options& options, TlsConfig& config) {
  runtime::TlsOptions& files = config.files;
  options.add("ssl", config.on, "off", settings::boolean(),
              "Take TLS of clients that come by TCP and ask for it", kReloaded);
  add_file_options(options, files);
  options.add("ssl-min-protocol-version", files.version_min, "TLSv1.2", tls_version(false),
              "Oldest version of TLS that is spoken", kReloaded);
  options.add("ssl-max-protocol-version", files.version_max, "", tls_version(true),
              "Newest version of TLS that is spoken; none: the newest that there is", kReloaded);
  options.add("ssl-ciphers", files.ciphers, files.ciphers, settings::text(),
              "Ciphers up to TLS 1.2, as a list of OpenSSL's", kReloaded);
  options.add("ssl-prefer-server-ciphers", files.prefers_own_ciphers, "on", settings::boolean(),
              "The order of the ciphers is walcast's, and not the client's", kReloaded);
  options.add("ssl-groups", config.groups, "", settings::text(),
              "Groups for the exchange of keys, separated by colons; none: --ssl-ecdh-curve",
              kReloaded);
  options.add("ssl-ecdh-curve", config.ecdh_curve, "prime256v1", settings::text(),
              "The curve that is one of these, as it was called before version 18", kReloaded);
  options.add("ssl-passphrase-command", files.passphrase.command, "", settings::secret(),
              "Command that prints the passphrase of the private key", kReloaded);
  options.add("ssl-passphrase-command-supports-reload", config.passphrase_command_supports_reload,
              "off", settings::boolean(), "It may be run at a reload too", kReloaded);
}

std::optional<runtime::TlsOptions> TlsConfig::options(bool at_reload) const {
  if (!on) return std::nullopt;
  runtime::TlsOptions made = files;
  made.groups = groups.empty() ? ecdh_curve : groups;
  made.passphrase.may_run = !at_reload || passphrase_command_supports_reload;
  return made;
}

}  // namespace server::config
