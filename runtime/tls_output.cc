#include "runtime/tls_output.h"

#include <openssl/bio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "runtime/check.h"

namespace runtime {

namespace {

// Where a BIO has its TlsOutput. The pointer that BIO_set_data() sets is not this code's: what it
// takes of OpenSSL's sockets may keep a state of its own there, and free it.
int output_index() {
  static const int kIndex = [] {
    const int made = BIO_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    CHECK(made >= 0);
    return made;
  }();
  return kIndex;
}

}  // namespace

// Nearly all but writing is that of OpenSSL's own sockets, so that the kernel can be asked to
// encrypt.
const bio_method_st& TlsOutput::method() {
  static BIO_METHOD* const kMethod = [] {
    const BIO_METHOD* const socket = BIO_s_socket();
    BIO_METHOD* const made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "output");
    CHECK(made != nullptr && BIO_meth_set_write_ex(made, &TlsOutput::write) == 1);
    BIO_meth_set_ctrl(made, &TlsOutput::control);
    BIO_meth_set_create(made, BIO_meth_get_create(socket));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(socket));
    return made;
  }();
  return *kMethod;
}

bio_st* TlsOutput::new_bio() {
  BIO* const bio = BIO_new(&method());
  CHECK(bio != nullptr && BIO_set_ex_data(bio, output_index(), this) == 1);
  BIO_set_fd(bio, socket_, BIO_NOCLOSE);
  return bio;
}

TlsOutput& TlsOutput::output_of(bio_st* bio) {
  return *static_cast<TlsOutput*>(BIO_get_ex_data(bio, output_index()));
}

int TlsOutput::write(bio_st* bio, const char* bytes, std::size_t size, std::size_t* written) {
  if (BIO_get_ktls_send(bio) != 0) {
    const int sent = BIO_meth_get_write(BIO_s_socket())(
        bio, bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    *written = static_cast<std::size_t>(std::max(sent, 0));
    return sent > 0 ? 1 : sent;
  }
  BIO_clear_retry_flags(bio);
  const IoResult result = output_of(bio).take(bytes, size);
  *written = result.bytes;
  if (result.status == IoResult::Status::kDone) return 1;
  errno = result.sys_errno;
  return -1;
}

// The kernel would encrypt what waits here once more, so that it encrypts nothing then.
long TlsOutput::control(bio_st* bio, int command, long number, void* pointer) {
  constexpr int kSetKernelTls = 72;  // BIO_CTRL_SET_KTLS_SEND of bio.h, which is not for all
  if (command == kSetKernelTls && output_of(bio).unsent_bytes() > 0) return 0;
  return BIO_meth_get_ctrl(BIO_s_socket())(bio, command, number, pointer);
}

IoResult TlsOutput::take(const char* bytes, std::size_t size) {
  std::size_t sent = 0;
  if (unsent_bytes() == 0) {
    const iovec piece{const_cast<char*>(bytes), size};
    const IoResult result = send_vector(socket_, {&piece, 1}, more_);
    if (result.status == IoResult::Status::kFailed) return result;
    sent = result.bytes;
  }
  rest_.append(bytes + sent, size - sent);
  return {.status = IoResult::Status::kDone, .bytes = size};
}

IoResult TlsOutput::flush() {
  while (unsent_bytes() > 0) {
    const iovec piece{rest_.data() + sent_, unsent_bytes()};
    const IoResult result = send_vector(socket_, {&piece, 1}, /*more=*/false);
    if (result.status != IoResult::Status::kDone) return result;
    sent_ += result.bytes;
  }
  rest_ = std::string();
  sent_ = 0;
  return {.status = IoResult::Status::kDone};
}

}  // namespace runtime
