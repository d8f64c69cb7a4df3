#include "runtime/tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/tls_error.h"

namespace runtime {

namespace {

std::size_t size_of(std::span<const iovec> pieces) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

// The first bytes of all pieces behind `skipped`, as many as fit in a record. What lies in more
// than one piece is put together in `buffer`: the header of a message and the begin of its WAL.
std::span<const std::byte> next_record(std::span<const iovec> pieces, std::size_t skipped,
                                       std::span<std::byte, TlsChannel::kRecordBytesMax> buffer) {
  while (!pieces.empty() && skipped >= pieces.front().iov_len) {
    skipped -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return {};
  const std::span first(static_cast<const std::byte*>(pieces.front().iov_base) + skipped,
                        pieces.front().iov_len - skipped);
  if (pieces.size() == 1 || first.size() >= buffer.size()) {
    return first.first(std::min(first.size(), buffer.size()));
  }
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    const std::size_t from = std::exchange(skipped, 0);
    const std::size_t bytes = std::min(piece.iov_len - from, buffer.size() - size);
    if (bytes > 0)
      std::memcpy(buffer.data() + size, static_cast<const std::byte*>(piece.iov_base) + from,
                  bytes);
    size += bytes;
  }
  return buffer.first(size);
}

// Those of OpenSSL's reasons that mean that the two ends have no version in common
// (be-secure-openssl.c, be_tls_open_server).
bool is_about_versions(int reason) {
  constexpr int kReasons[] = {
      SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_BAD_PROTOCOL_VERSION_NUMBER,
      SSL_R_UNKNOWN_PROTOCOL,       SSL_R_UNKNOWN_SSL_VERSION,  SSL_R_UNSUPPORTED_SSL_VERSION,
      SSL_R_WRONG_SSL_VERSION,      SSL_R_WRONG_VERSION_NUMBER, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
      SSL_R_VERSION_TOO_HIGH,       SSL_R_VERSION_TOO_LOW};
  return std::find(std::begin(kReasons), std::end(kReasons), reason) != std::end(kReasons);
}

std::string version_hint(const TlsOptions& options) {
  const auto name = [](TlsVersion version, const char* otherwise) {
    return version == TlsVersion::kAny ? std::string_view(otherwise) : to_text(version);
  };
  return format(
      "This may indicate that the client does not support any SSL protocol version between {} and "
      "{}.",
      name(options.version_min, "TLSv1"), name(options.version_max, "TLSv1.3"));
}

}  // namespace

TlsChannel::TlsChannel(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), output_(socket), ssl_(SSL_new(&context_->get())) {
  BIO* const input = BIO_new_socket(socket, BIO_NOCLOSE);
  CHECK(ssl_ != nullptr && input != nullptr);
  SSL_set0_rbio(ssl_, input);
  SSL_set0_wbio(ssl_, output_.new_bio());
  SSL_set_accept_state(ssl_);
}

TlsChannel::~TlsChannel() { SSL_free(ssl_); }

TlsChannel::Step TlsChannel::shake_hands() {
  DCHECK(!failed_);
  ERR_clear_error();
  errno = 0;
  const int outcome = SSL_do_handshake(ssl_);
  if (outcome == 1) return wait_for(Step::kDone);
  switch (SSL_get_error(ssl_, outcome)) {
    case SSL_ERROR_WANT_READ:
      return wait_for(Step::kWantsInput);
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantsOutput;
    default:
      describe_failure(outcome, "could not accept SSL connection");
      return Step::kFailed;
  }
}

// All that has been said has to go out before.
TlsChannel::Step TlsChannel::wait_for(Step step) {
  const IoResult sent = output_.flush();
  if (sent.status == IoResult::Status::kDone) return step;
  if (sent.status == IoResult::Status::kBlocked) return Step::kWantsOutput;
  fail(sent, "could not accept SSL connection");
  return Step::kFailed;
}

IoResult::Status TlsChannel::fail(const IoResult& result, std::string_view what) {
  failed_ = true;
  sys_errno_ = result.sys_errno;
  failure_ = {.kind = &kInternal, .what = format("{}: {}", what, std::strerror(sys_errno_))};
  return IoResult::Status::kFailed;
}

// Reads errno and OpenSSL's queue, which nothing has touched since the call that failed.
void TlsChannel::describe_failure(int outcome, std::string_view what) {
  const int sys_errno = errno;
  const int kind = SSL_get_error(ssl_, outcome);
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  failed_ = true;
  sys_errno_ = kind == SSL_ERROR_SYSCALL && sys_errno != 0 ? sys_errno : EPROTO;
  std::string why = "EOF detected";
  if (kind == SSL_ERROR_SSL) why = tls_error_text(code);
  if (kind == SSL_ERROR_SYSCALL && sys_errno != 0) why = std::strerror(sys_errno);
  failure_ = {.kind = &kInternal, .what = format("{}: {}", what, why)};
  if (kind != SSL_ERROR_SSL) return;
  if (is_about_versions(ERR_GET_REASON(code))) failure_.hint = version_hint(context_->options());
  if (const long verified = SSL_get_verify_result(ssl_); verified != X509_V_OK) {
    failure_.detail = format("Client certificate verification failed: {}.",
                             X509_verify_cert_error_string(verified));
  }
}

Result<TlsAgreement> TlsChannel::agreement() const {
  TlsAgreement agreed;
  agreed.version = SSL_get_version(ssl_);
  agreed.cipher = SSL_get_cipher_name(ssl_);
  SSL_get_cipher_bits(ssl_, &agreed.bits);
  const unsigned char* protocol = nullptr;
  unsigned int protocol_size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &protocol_size);
  agreed.has_alpn = protocol_size > 0;
  if (const X509* const certificate = SSL_get0_peer_certificate(ssl_); certificate != nullptr) {
    agreed.client = TRY(read_subject(*certificate));
  }
  return agreed;
}

// What has become of a call that moves bytes, and did not move any.
IoResult::Status TlsChannel::take_outcome(int outcome, bool sending) {
  const int kind = SSL_get_error(ssl_, outcome);
  const bool cut_off = kind == SSL_ERROR_SSL &&
                       ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (kind == SSL_ERROR_WANT_READ) {
    if (sending) send_waits_for_input_ = true;
    return IoResult::Status::kBlocked;
  }
  if (kind == SSL_ERROR_WANT_WRITE) {
    if (!sending) receive_waits_for_output_ = true;
    return IoResult::Status::kBlocked;
  }
  if (!sending && (kind == SSL_ERROR_ZERO_RETURN || cut_off)) {
    ERR_clear_error();
    return IoResult::Status::kEnd;
  }
  describe_failure(outcome, "SSL error");
  return IoResult::Status::kFailed;
}

IoResult TlsChannel::receive(std::span<std::byte> buffer) {
  DCHECK(!buffer.empty());
  if (failed_) return {.status = IoResult::Status::kFailed, .sys_errno = sys_errno_};
  receive_waits_for_output_ = output_.unsent_bytes() > kUnsentMemoryBytes &&
                              output_.flush().status == IoResult::Status::kBlocked;
  if (receive_waits_for_output_) return {.status = IoResult::Status::kBlocked};
  send_waits_for_input_ = false;
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int outcome = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &bytes);
  may_have_more_ = outcome == 1;
  if (outcome == 1) return {.status = IoResult::Status::kDone, .bytes = bytes};
  const IoResult::Status status = take_outcome(outcome, /*sending=*/false);
  return {.status = status, .sys_errno = sys_errno_};
}

bool TlsChannel::has_unread() const { return may_have_more_ && SSL_has_pending(ssl_) == 1; }

IoResult TlsChannel::send(std::span<const iovec> pieces) {
  if (failed_) return {.status = IoResult::Status::kFailed, .sys_errno = sys_errno_};
  if (const auto status = flush(); status != IoResult::Status::kDone) {
    return {.status = status, .sys_errno = sys_errno_};
  }
  std::array<std::byte, kRecordBytesMax> together;
  const std::size_t wanted = size_of(pieces);
  std::size_t taken = 0;
  while (taken < wanted && !has_unsent()) {
    const auto plain = next_record(pieces, taken, together);
    expect_more(taken + plain.size() < wanted);
    const IoResult::Status status = send_record(plain);
    if (status == IoResult::Status::kFailed) return {.status = status, .sys_errno = sys_errno_};
    if (status == IoResult::Status::kBlocked) keep(plain);
    taken += plain.size();
  }
  expect_more(false);
  return {.status = IoResult::Status::kDone, .bytes = taken};
}

// Between the records of one message the socket waits for the next, and OpenSSL keeps its buffer.
void TlsChannel::expect_more(bool more) {
  output_.set_more(more);
  more ? SSL_clear_mode(ssl_, SSL_MODE_RELEASE_BUFFERS)
       : SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS);
}

IoResult::Status TlsChannel::send_record(std::span<const std::byte> plain) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int outcome = SSL_write_ex(ssl_, plain.data(), plain.size(), &bytes);
  if (outcome != 1) return take_outcome(outcome, /*sending=*/true);
  CHECK(bytes == plain.size());
  return IoResult::Status::kDone;
}

void TlsChannel::keep(std::span<const std::byte> plain) {
  plain_ = std::make_unique_for_overwrite<std::array<std::byte, kRecordBytesMax>>();
  std::memcpy(plain_->data(), plain.data(), plain.size());
  plain_bytes_ = plain.size();
}

IoResult::Status TlsChannel::flush() {
  if (failed_) return IoResult::Status::kFailed;
  const IoResult sent = output_.flush();
  if (sent.status == IoResult::Status::kFailed) return fail(sent, "could not send data to client");
  if (sent.status != IoResult::Status::kDone || plain_bytes_ == 0) return sent.status;
  send_waits_for_input_ = false;
  const IoResult::Status status = send_record(std::span(*plain_).first(plain_bytes_));
  if (status != IoResult::Status::kDone) return status;
  plain_bytes_ = 0;
  plain_.reset();
  return status;
}

bool TlsChannel::sends_in_kernel() const { return BIO_get_ktls_send(SSL_get_wbio(ssl_)) != 0; }

IoResult TlsChannel::send_file(int file, std::uint64_t offset, std::size_t bytes) {
  if (const auto status = flush(); status != IoResult::Status::kDone) {
    return {.status = status, .sys_errno = sys_errno_};
  }
  ERR_clear_error();
  errno = 0;
  const auto sent = SSL_sendfile(ssl_, file, static_cast<off_t>(offset), bytes, 0);
  const int sys_errno = errno;
  if (sent > 0) return {.status = IoResult::Status::kDone, .bytes = static_cast<std::size_t>(sent)};
  if (sent == 0) return {.status = IoResult::Status::kEnd};
  // Of what the system has refused OpenSSL says "uninitialized", but for what may be tried again.
  const bool is_refused =
      sys_errno != 0 && sys_errno != EAGAIN && sys_errno != EINTR && sys_errno != EBUSY;
  if (sys_errno == EIO) return {.status = IoResult::Status::kFailed, .sys_errno = EIO};
  if (is_refused) {
    const IoResult refused{.status = IoResult::Status::kFailed, .sys_errno = sys_errno};
    return {.status = fail(refused, "SSL error"), .sys_errno = sys_errno};
  }
  const IoResult::Status status = take_outcome(static_cast<int>(sent), /*sending=*/true);
  return {.status = status, .sys_errno = sys_errno_};
}

void TlsChannel::say_end() {
  if (failed_ || has_unsent() || SSL_in_init(ssl_) == 1) return;
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace runtime
