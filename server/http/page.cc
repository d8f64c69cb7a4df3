#include "server/http/page.h"

#include <span>

#include "server/auth/base64.h"
#include "server/auth/digest.h"

namespace server::http {

namespace {

// " 'sha256-...'" for what stands between each pair of these.
std::string hashes_between(std::string_view document, std::string_view open,
                           std::string_view close) {
  std::string hashes;
  for (std::size_t at = 0; (at = document.find(open, at)) != std::string_view::npos;) {
    const std::size_t begin = at + open.size();
    const std::size_t end = document.find(close, begin);
    if (end == std::string_view::npos) break;
    const std::string_view text = document.substr(begin, end - begin);
    const auth::Key digest = auth::sha256(std::as_bytes(std::span(text.data(), text.size())));
    hashes += " 'sha256-" + auth::encode_base64(digest.reveal()) + "'";
    at = end;
  }
  return hashes;
}

}  // namespace

std::string page_policy(std::string_view document) {
  return "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
         "form-action 'none'; frame-ancestors 'none'; script-src" +
         hashes_between(document, "<script>", "</script>") + "; style-src" +
         hashes_between(document, "<style>", "</style>");
}

}  // namespace server::http
