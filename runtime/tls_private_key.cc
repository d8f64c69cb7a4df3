#include "runtime/tls_private_key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/system_call.h"
#include "runtime/tls_error.h"

namespace runtime {

namespace {

Error config_error(std::string what, std::string detail = {}) {
  return {.kind = &kConfigFileError, .what = std::move(what), .detail = std::move(detail)};
}

Result<void> check_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return fail_call("access private key file", path);
  if (!S_ISREG(file.st_mode)) {
    return config_error(format("private key file \"{}\" is not a regular file", path));
  }
  const bool is_own = file.st_uid == ::geteuid();
  if (!is_own && file.st_uid != 0) {
    return config_error(
        format("private key file \"{}\" must be owned by the database user or root", path));
  }
  const mode_t forbidden = is_own ? S_IRWXG | S_IRWXO : S_IWGRP | S_IXGRP | S_IRWXO;
  if ((file.st_mode & forbidden) == 0) return {};
  return config_error(format("private key file \"{}\" has group or world access", path),
                      "File must have permissions u=rw (0600) or less if owned by the database "
                      "user, or permissions u=rw,g=r (0640) or less if owned by root.");
}

// With the prompt for %p and a percent sign for %% (run_ssl_passphrase_command).
std::string expand(std::string_view command) {
  std::string expanded;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const std::string_view pair = command.substr(i, 2);
    if (pair == "%p") {
      expanded += "Enter PEM pass phrase:";
    } else {
      expanded += command[i];
    }
    if (pair == "%p" || pair == "%%") ++i;
  }
  return expanded;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status))
    return format("child process was terminated by signal {}", WTERMSIG(status));
  return format("child process exited with exit code {}", WEXITSTATUS(status));
}

// Puts the first line of what the command says into the buffer, which OpenSSL overwrites, and
// nowhere else: a buffer of the stream would keep it. Returns its length.
Result<int> run(const std::string& command, char* buffer, int size) {
  std::FILE* const output = ::popen(command.c_str(), "re");
  if (output == nullptr) return fail_call("execute command", command);
  std::setvbuf(output, nullptr, _IONBF, 0);
  if (std::fgets(buffer, size, output) == nullptr) buffer[0] = '\0';
  while (std::fgetc(output) != EOF) {  // what says more must not fail for that
  }
  const int status = ::pclose(output);
  if (status != 0) {
    OPENSSL_cleanse(buffer, static_cast<std::size_t>(size));
    return config_error(format("command \"{}\" failed", command), describe_end(status));
  }
  return static_cast<int>(std::strcspn(buffer, "\r\n"));
}

// What OpenSSL asks when the key is encrypted, and what has become of the question.
struct Question {
  const TlsPassphrase& passphrase;
  bool was_asked = false;
  std::optional<Error> error = {};
};

int answer(char* buffer, int size, int /*for_writing*/, void* userdata) {
  auto& question = *static_cast<Question*>(userdata);
  question.was_asked = true;
  const TlsPassphrase& passphrase = question.passphrase;
  if (passphrase.command.empty() || !passphrase.may_run) return 0;
  const auto length = run(expand(passphrase.command), buffer, size);
  if (!length) question.error = length.error();
  return length ? *length : 0;
}

// OpenSSL, when it asks for a passphrase, leaves it on the stack (ui_util.c, ui_read), below the
// frame that this is called from.
[[gnu::noinline]] void wipe_used_stack() {
  constexpr std::size_t kUsedBytesMax = 64 * 1024;
  char used[kUsedBytesMax];
  OPENSSL_cleanse(used, sizeof(used));
}

Error load_error(const std::string& path, const Question& question) {
  const std::string reason = take_tls_error();
  if (question.error) return *question.error;
  const TlsPassphrase& passphrase = question.passphrase;
  if (question.was_asked && !passphrase.may_run) {
    return config_error(format(
        "private key file \"{}\" cannot be reloaded because it requires a passphrase", path));
  }
  Error error = config_error(format("could not load private key file \"{}\": {}", path, reason));
  if (question.was_asked && passphrase.command.empty()) {
    error.hint = "The key is encrypted: set ssl_passphrase_command.";
  }
  return error;
}

}  // namespace

Result<void> load_private_key(ssl_ctx_st& context, const std::string& path,
                              const TlsPassphrase& passphrase) {
  TRY(check_file(path));
  Question question{.passphrase = passphrase};
  SSL_CTX_set_default_passwd_cb(&context, &answer);
  SSL_CTX_set_default_passwd_cb_userdata(&context, &question);
  const bool loaded = SSL_CTX_use_PrivateKey_file(&context, path.c_str(), SSL_FILETYPE_PEM) == 1;
  if (question.was_asked) wipe_used_stack();
  SSL_CTX_set_default_passwd_cb_userdata(&context, nullptr);
  SSL_CTX_set_default_passwd_cb(&context, nullptr);
  if (!loaded) return load_error(path, question);
  if (SSL_CTX_check_private_key(&context) == 1) return {};
  return config_error(format("check of private key failed: {}", take_tls_error()));
}

}  // namespace runtime
