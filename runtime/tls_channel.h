#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "runtime/result.h"
#include "runtime/socket.h"
#include "runtime/tls_certificate.h"
#include "runtime/tls_context.h"
#include "runtime/tls_output.h"

struct ssl_st;  // SSL of OpenSSL

namespace runtime {

// What two ends have agreed on.
struct TlsAgreement {
  std::string version = {};  // "TLSv1.3"
  std::string cipher = {};   // "TLS_AES_256_GCM_SHA384"
  int bits = 0;              // of its key
  bool has_alpn = false;     // both named the protocol that is to be spoken
  std::optional<TlsSubject> client =
      {};  // which an authority has vouched for; none: no certificate
};

// The server's side of TLS over a socket that does not block. A record is encrypted once: what of
// it the socket has not taken waits in here, and its bytes count as taken. Either way may have to
// wait for the other one, for TLS has messages of its own: see *_waits_for_*().
//   Owner: the handshake, then the Connection.  Thread: one at a time.
//   Borrows: the socket.
//   Limits: the rest of one record waits to go out, and behind it no more than kOwnBytesMax that
//   the peer has made TLS say; kMemoryBytes, and kUnsentMemoryBytes with them.
class TlsChannel {
 public:
  enum class Step { kDone, kWantsInput, kWantsOutput, kFailed };

  // The most plain text that one record has (RFC 8446, 5.1).
  static constexpr std::size_t kRecordBytesMax = 16 * 1024;
  static constexpr std::size_t kOwnBytesMax = 4 * 1024;
  // What a channel takes of OpenSSL's memory at most within its handshake, and while it is idle,
  // which tls_channel_test measures, and what more while something waits to go out.
  static constexpr std::size_t kHandshakeMemoryBytes = 160 * 1024;
  static constexpr std::size_t kMemoryBytes = 24 * 1024;
  static constexpr std::size_t kUnsentMemoryBytes = kRecordBytesMax + kOwnBytesMax;

  TlsChannel(std::shared_ptr<const TlsContext> context, int socket);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Goes on with the handshake as far as the socket allows; once it has said kDone or kFailed, no
  // more. Takes milliseconds of computing, and may read revocation lists from a disk.
  Step shake_hands();
  // REQUIRES: kDone. A client certificate whose name cannot be told is an error.
  Result<TlsAgreement> agreement() const;
  // Why shake_hands(), receive() or send() has failed, in PostgreSQL's words.
  const Error& failure() const { return failure_; }

  // As those of runtime/socket.h. kEnd: the peer has said that it sends no more, or is gone. One
  // receive() reads one record at most; kBlocked may mean that it was a message of TLS itself.
  IoResult receive(std::span<std::byte> buffer);
  IoResult send(std::span<const iovec> pieces);
  // Sends what waits in here; kDone when nothing is left.
  IoResult::Status flush();
  bool has_unsent() const { return output_.unsent_bytes() > 0 || plain_bytes_ > 0; }

  // More may be received without an event of the socket: the rest of a record.
  bool has_unread() const;
  // What receive() has to send first, or send() to receive.
  bool receive_waits_for_output() const { return receive_waits_for_output_; }
  bool send_waits_for_input() const { return send_waits_for_input_; }

  // The kernel encrypts: pages of a file may be sent, without a copy.
  bool sends_in_kernel() const;
  // REQUIRES: sends_in_kernel().
  IoResult send_file(int file, std::uint64_t offset, std::size_t bytes);

  // Tells the peer that this is the end, if the socket takes it (close_notify).
  void say_end();

 private:
  Step wait_for(Step step);
  IoResult::Status take_outcome(int outcome, bool sending);
  IoResult::Status fail(const IoResult& result, std::string_view what);
  void expect_more(bool more);
  IoResult::Status send_record(std::span<const std::byte> plain);
  void keep(std::span<const std::byte> plain);
  void describe_failure(int outcome, std::string_view what);

  const std::shared_ptr<const TlsContext> context_;
  TlsOutput output_;
  ssl_st* const ssl_;
  // Plain text that OpenSSL wants to be given once more, as only the kernel's TLS makes it do.
  std::unique_ptr<std::array<std::byte, kRecordBytesMax>> plain_;
  std::size_t plain_bytes_ = 0;
  bool may_have_more_ = false;  // the last receive() has received something
  bool receive_waits_for_output_ = false;
  bool send_waits_for_input_ = false;
  bool failed_ = false;
  int sys_errno_ = 0;
  Error failure_{.kind = nullptr, .what = {}};
};

}  // namespace runtime
