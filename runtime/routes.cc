#include "runtime/routes.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kAnswerBytesMax = 32'768;  // a device tells much of itself

constexpr std::size_t aligned(std::size_t size) {
  static_assert(NLMSG_ALIGNTO == RTA_ALIGNTO);
  return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

// A value at the begin of `bytes`; of zeros if these are too few.
template <typename T>
T read_as(Bytes bytes) {
  T value{};
  if (bytes.size() >= sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// What lies behind the first `size` bytes.
Bytes behind(Bytes bytes, std::size_t size) {
  return bytes.subspan(std::min(aligned(size), bytes.size()));
}

// A header, the message's own struct, and attributes.
class Request {
 public:
  template <typename Body>
  Request(std::uint16_t type, const Body& body) : type_(type) {
    append(&body, sizeof(body));
  }

  void add(std::uint16_t type, const void* value, std::size_t size) {
    const rtattr header{.rta_len = static_cast<std::uint16_t>(sizeof(rtattr) + size),
                        .rta_type = type};
    append(&header, sizeof(header));
    append(value, size);
  }

  Bytes finish() {
    const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(size_),
                          .nlmsg_type = type_,
                          .nlmsg_flags = NLM_F_REQUEST,
                          .nlmsg_seq = 0,
                          .nlmsg_pid = 0};
    std::memcpy(buffer_.data(), &header, sizeof(header));
    return Bytes(buffer_).first(size_);
  }

 private:
  void append(const void* value, std::size_t size) {
    CHECK(size_ + size <= buffer_.size());
    std::memcpy(buffer_.data() + size_, value, size);
    size_ = aligned(size_ + size);
  }

  const std::uint16_t type_;
  std::array<std::byte, 128> buffer_{};
  std::size_t size_ = sizeof(nlmsghdr);
};

// The body of the answer, of the type `wanted`; none if the kernel refuses.
std::optional<Bytes> ask(Request request, std::uint16_t wanted, std::span<std::byte> buffer) {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return std::nullopt;
  const Bytes message = request.finish();
  if (::send(socket.get(), message.data(), message.size(), 0) < 0) return std::nullopt;
  const ssize_t size = retry_on_signal(
      [&] { return ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC); });
  if (size < 0 || static_cast<std::size_t>(size) > buffer.size()) return std::nullopt;
  const Bytes answer = Bytes(buffer).first(static_cast<std::size_t>(size));
  if (read_as<nlmsghdr>(answer).nlmsg_type != wanted) return std::nullopt;
  return behind(answer, sizeof(nlmsghdr));
}

// The value of the first attribute of a type.
std::optional<Bytes> find(Bytes attributes, std::uint16_t type) {
  while (attributes.size() >= sizeof(rtattr)) {
    const auto header = read_as<rtattr>(attributes);
    if (header.rta_len < sizeof(rtattr) || header.rta_len > attributes.size()) break;
    if ((header.rta_type & NLA_TYPE_MASK) == type) {
      return attributes.first(header.rta_len).subspan(sizeof(rtattr));
    }
    attributes = behind(attributes, header.rta_len);
  }
  return std::nullopt;
}

std::string text_of(Bytes value) {
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  return std::string(text.substr(0, text.find('\0')));
}

// The address is added as an attribute of one type, and the port, in the order of bytes that it has
// there, as one of another.
void add_end(Request& request, const SocketAddress& end, std::uint16_t address_type,
             std::uint16_t port_type) {
  if (end.storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(end.storage);
    request.add(address_type, &v6.sin6_addr, sizeof(v6.sin6_addr));
    request.add(port_type, &v6.sin6_port, sizeof(v6.sin6_port));
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(end.storage);
    request.add(address_type, &v4.sin_addr, sizeof(v4.sin_addr));
    request.add(port_type, &v4.sin_port, sizeof(v4.sin_port));
  }
}

int scope_of(const SocketAddress& address) {
  if (address.storage.ss_family != AF_INET6) return 0;
  return static_cast<int>(reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_scope_id);
}

// A kernel passes over attributes that it does not know, of ports before 4.18.
Request route_request(const SocketAddress& to, const RouteOrigin& from) {
  const unsigned char bits = to.storage.ss_family == AF_INET6 ? 128 : 32;
  rtmsg body{};
  body.rtm_family = static_cast<unsigned char>(to.storage.ss_family);
  body.rtm_dst_len = bits;
  body.rtm_src_len = from.address.has_value() ? bits : 0;
  Request request(RTM_GETROUTE, body);
  add_end(request, to, RTA_DST, RTA_DPORT);
  if (from.address.has_value()) add_end(request, *from.address, RTA_SRC, RTA_SPORT);
  const std::uint8_t protocol = IPPROTO_TCP;
  request.add(RTA_IP_PROTO, &protocol, sizeof(protocol));
  if (from.mark != 0) request.add(RTA_MARK, &from.mark, sizeof(from.mark));
  const int scope = scope_of(to);
  const int device = scope != 0 ? scope : from.bound_to;
  if (device != 0) request.add(RTA_OIF, &device, sizeof(device));
  return request;
}

}  // namespace

std::optional<Route> find_route(const SocketAddress& to, const RouteOrigin& from) {
  const bool of_one_family =
      !from.address.has_value() || from.address->storage.ss_family == to.storage.ss_family;
  if (!of_one_family) return std::nullopt;
  std::array<std::byte, kAnswerBytesMax> buffer;
  const auto answer = ask(route_request(to, from), RTM_NEWROUTE, buffer);
  if (!answer.has_value()) return std::nullopt;
  const auto type = read_as<rtmsg>(*answer).rtm_type;
  const auto device = find(behind(*answer, sizeof(rtmsg)), RTA_OIF);
  if (type == RTN_LOCAL) return Route{.is_local = true};
  if (type != RTN_UNICAST || !device.has_value()) return std::nullopt;
  return Route{.device = read_as<int>(*device)};
}

std::optional<NetworkDevice> find_device(int index) {
  ifinfomsg body{};
  body.ifi_family = AF_UNSPEC;
  body.ifi_index = index;
  std::array<std::byte, kAnswerBytesMax> buffer;
  const auto answer = ask(Request(RTM_GETLINK, body), RTM_NEWLINK, buffer);
  if (!answer.has_value()) return std::nullopt;
  const Bytes attributes = behind(*answer, sizeof(ifinfomsg));
  NetworkDevice device;
  device.is_loopback = (read_as<ifinfomsg>(*answer).ifi_flags & IFF_LOOPBACK) != 0;
  const auto kind = find(find(attributes, IFLA_LINKINFO).value_or(Bytes()), IFLA_INFO_KIND);
  if (kind.has_value()) device.kind = text_of(*kind);
  const auto lower = find(attributes, IFLA_LINK);
  const bool is_elsewhere = find(attributes, IFLA_LINK_NETNSID).has_value();
  if (lower.has_value() && !is_elsewhere) device.lower = read_as<int>(*lower);
  return device;
}

}  // namespace runtime
