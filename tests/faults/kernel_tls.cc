// Preloaded into a server, this makes it believe that the kernel encrypts what its connections
// send, on a host whose kernel does not: pages of files then go the way that they have with kernel
// TLS. The server is told so by BIO_ctrl, and libssl itself is not, which goes on encrypting. A
// page that is sent becomes a record of OpenSSL's.

#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace {

constexpr int kGetKernelTls = 73;  // BIO_CTRL_GET_KTLS_SEND of bio.h
constexpr std::size_t kRecordBytes = 16'384;

// Whether that code is OpenSSL's own.
bool is_of_openssl(void* code) {
  Dl_info info{};
  if (::dladdr(code, &info) == 0 || info.dli_fname == nullptr) return true;
  const std::string_view name(info.dli_fname);
  return name.find("libssl") != std::string_view::npos ||
         name.find("libcrypto") != std::string_view::npos;
}

// The test finds out so that pages have gone this way.
void say_once() {
  static std::atomic<bool> said = false;
  if (!said.exchange(true)) std::fputs("kernel_tls: a page was sent\n", stderr);
}

// failing_files.so, which is loaded before this, lets sendfile fail so if it is to.
bool fails(int file) { return ::sendfile(-1, file, nullptr, 1) < 0 && errno == EIO; }

}  // namespace

extern "C" {

long BIO_ctrl(BIO* bio, int command, long number, void* pointer) {
  using Function = long(BIO*, int, long, void*);
  static auto* const real = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, "BIO_ctrl"));
  if (command == kGetKernelTls && !is_of_openssl(__builtin_return_address(0))) return 1;
  return real(bio, command, number, pointer);
}

ossl_ssize_t SSL_sendfile(SSL* ssl, int file, off_t offset, std::size_t bytes, int /*flags*/) {
  say_once();
  char record[kRecordBytes];
  const ssize_t read =
      fails(file) ? -1 : ::pread(file, record, std::min(bytes, sizeof(record)), offset);
  if (read < 0) {
    const int sys_errno = errno;
    ERR_raise(ERR_LIB_SSL, SSL_R_UNINITIALIZED);
    errno = sys_errno;
  }
  if (read <= 0) return read;
  std::size_t sent = 0;
  const int outcome = SSL_write_ex(ssl, record, static_cast<std::size_t>(read), &sent);
  return outcome == 1 ? static_cast<ossl_ssize_t>(sent) : -1;
}

}  // extern "C"
