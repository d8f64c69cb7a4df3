#pragma once

#include "runtime/routes.h"
#include "runtime/socket.h"

namespace runtime {

// Where the peer of a connection is, as far as this host's kernel can tell. Pages of a file that
// are sent without a copy stay the file's until they leave this kernel: a peer that shares it may
// have them in its receive queue, and read what the file has by then, long after TCP has
// acknowledged them, and also when the connection has been reset.
enum class PeerPlace {
  kHere,  // its address is one of this host's own: the end of the connection is told at once
  kNear,  // it may share this kernel, as a container does, though the address is not this host's
  kAway,  // what is sent to it is copied on its way, by hardware or a program
};

// The place of a socket's peer, by the way that leads there now from the socket's own address,
// port, device and mark: rules may send other connections to the same peer another way. An address
// may be this host's own whichever address of it the connection has come to. What is not known for
// sure counts as near.
PeerPlace find_peer_place(int fd);
// The same of an address of TCP.
PeerPlace find_place(const SocketAddress& address, const RouteOrigin& from = {});

}  // namespace runtime
