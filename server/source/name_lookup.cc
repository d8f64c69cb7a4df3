#include "server/source/name_lookup.h"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/mutex.h"
#include "runtime/unattended_thread.h"
#include "server/source/errors.h"

namespace server::source {

using runtime::format;
using runtime::Instant;
using runtime::Result;

namespace {

runtime::Fail untranslatable(const std::string& name, std::string_view why) {
  return runtime::Fail(
      {.kind = &kUpstreamLost,
       .what = format("could not translate host name \"{}\" to address: {}", name, why)});
}

}  // namespace

// What one thread of a lookup leaves for the receiver's. Both own it: either may be gone first.
struct NameLookup::Answer {
  runtime::UniqueFd ready{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  runtime::Mutex mutex;
  Result<std::vector<std::string>> addresses GUARDED_BY(mutex) = std::vector<std::string>();
};

Result<std::vector<std::string>> NameLookup::resolve_name(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (failed != 0) return untranslatable(name, ::gai_strerror(failed));
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char address[NI_MAXHOST];
    const bool shown = ::getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), nullptr,
                                     0, NI_NUMERICHOST) == 0;
    if (shown && std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.emplace_back(address);
    }
  }
  ::freeaddrinfo(found);
  return addresses;
}

Result<std::vector<Host>> NameLookup::addresses_of(const Host& host, runtime::Duration at_most) {
  const bool is_socket = host.name.starts_with('/') || host.name.starts_with('@');
  if (host.name.empty() || is_socket || !host.address.empty()) return std::vector{host};
  const std::shared_ptr<Answer> answer = TRY(ask(host.name));
  TRY(wait_for(*answer, host.name, at_most));
  asked_.erase(host.name);
  const runtime::Lock lock(answer->mutex);
  std::vector<Host> hosts;
  for (const std::string& address : TRY(answer->addresses)) {
    hosts.push_back({.name = host.name, .address = address, .port = host.port});
  }
  return hosts;
}

// Without a descriptor or a thread for it the name is not looked up; the next round asks anew.
Result<std::shared_ptr<NameLookup::Answer>> NameLookup::ask(const std::string& name) {
  if (const auto asked = asked_.find(name); asked != asked_.end()) return asked->second;
  const auto answer = std::make_shared<Answer>();
  if (!answer->ready.valid()) return untranslatable(name, std::strerror(errno));
  const auto started = runtime::run_unattended("lookup", [answer, resolve = resolve_, name] {
    auto addresses = resolve(name);
    {
      const runtime::Lock lock(answer->mutex);
      answer->addresses = std::move(addresses);
    }
    CHECK(::eventfd_write(answer->ready.get(), 1) == 0);
  });
  if (!started) return untranslatable(name, started.error().what);
  asked_.emplace(name, answer);
  return answer;
}

Result<void> NameLookup::wait_for(const Answer& answer, const std::string& name,
                                  runtime::Duration at_most) {
  const Instant deadline = at_most.count() > 0 ? clock_.now() + at_most : Instant::max();
  for (;;) {
    const Instant now = clock_.now();
    if (TRY(wait_.wait(answer.ready.get(), POLLIN, deadline - now)) != 0) return {};
    if (now >= deadline) return untranslatable(name, "timeout expired");
  }
}

}  // namespace server::source
