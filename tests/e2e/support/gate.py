"""A TCP relay that lets so much through and no more: a connection that stalls where we want it."""

import socket
import threading


class Gate:
    """Relays one connection to `port`; what the server sends is held back after `limit` bytes."""

    def __init__(self, port, limit):
        self._limit = limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._held = threading.Event()
        self._sockets = [self._listener]
        threading.Thread(target=self._relay, args=(port,), daemon=True).start()

    def wait_until_held(self, timeout=60):
        assert self._held.wait(timeout), "the gate was never reached"

    def close(self):
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the peer was faster
            end.close()

    def _relay(self, port):
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        self._sockets += [client, server]
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        _pump(server, client, self._limit)
        self._held.set()


def _pump(source, target, limit=float("inf")):
    """Until `limit` bytes have passed, or one side is closed."""
    try:
        while limit > 0 and (data := source.recv(int(min(limit, 1 << 16)))):
            target.sendall(data)
            limit -= len(data)
    except OSError:
        pass  # a test has closed or killed one side
