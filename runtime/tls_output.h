#pragma once

#include <cstddef>
#include <string>

#include "runtime/socket.h"

struct bio_st;         // BIO of OpenSSL
struct bio_method_st;  // BIO_METHOD

namespace runtime {

// Where OpenSSL writes records to: a socket, and what that has not taken. OpenSSL never has to
// write a record again, which would be in the way of whatever else it has to say meanwhile: a
// client may ask for new keys at any time, and is answered behind what waits. Where the kernel
// encrypts, it is a plain socket of OpenSSL's.
//   Owner: TlsChannel.  Thread: its.  Borrows: the socket.
//   Limits: none of its own; a record, and what TLS itself has to say.
class TlsOutput {
 public:
  explicit TlsOutput(int socket) : socket_(socket) {}
  TlsOutput(const TlsOutput&) = delete;
  TlsOutput& operator=(const TlsOutput&) = delete;

  // A BIO that writes here. It is the caller's, and this outlives it.
  bio_st* new_bio();
  // Whether what OpenSSL writes next is continued at once. The socket then waits for what follows,
  // so that the records of one message go out in large packets.
  void set_more(bool more) { more_ = more; }
  std::size_t unsent_bytes() const { return rest_.size() - sent_; }
  // Sends what waits; kDone when nothing is left.
  IoResult flush();

 private:
  static const bio_method_st& method();
  static TlsOutput& output_of(bio_st* bio);
  static int write(bio_st* bio, const char* bytes, std::size_t size, std::size_t* written);
  static long control(bio_st* bio, int command, long number, void* pointer);
  IoResult take(const char* bytes, std::size_t size);

  const int socket_;
  std::string rest_;
  std::size_t sent_ = 0;  // of the rest
  bool more_ = false;
};

}  // namespace runtime
