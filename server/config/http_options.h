#pragma once

#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/http/address.h"
#include "server/settings/options.h"

namespace server::config {

// Where the server answers HTTP, and whom: metrics, health, the page.
struct HttpConfig {
  std::vector<http::Address> addresses;  // empty: nowhere
  bool ssl = false;
  std::string token_file;  // empty: no token lets in; so is the next
  std::string user_file;

  bool has_authentication() const { return !token_file.empty() || !user_file.empty(); }
};

// `metrics_standbys` is what a reload may change of them.
void add_http_options(settings::Options& options, HttpConfig& config, int& metrics_standbys);

// The error is an operator's: options that would be ignored, and an address that other machines
// reach without TLS and without a word who may come in. `ssl`: the server has a certificate.
runtime::Result<void> check_http_options(const HttpConfig& config, bool ssl);

}  // namespace server::config
