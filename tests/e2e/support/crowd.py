"""Connections that come in lots, get to the same point of a conversation, and are dropped."""

import multiprocessing
import socket
import struct
from dataclasses import dataclass

LOT = 100        # connections that one process has at a time
_PROCESSES = 2
_ADDRESSES = 50  # that a process binds to in turn: a closed connection keeps its port for a minute

_IP_BIND_ADDRESS_NO_PORT = 24
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Stage:
    """What each connection says before it is dropped."""
    name: str
    steps: tuple = ()  # (bytes to send, bytes to await in the answer)


def drop_many(port, stage, count, reset):
    """Opens and drops `count` connections, by RST if `reset`, else by FIN."""
    lots = [min(LOT, count - begin) for begin in range(0, count, LOT)]
    shares = [(port, stage, lots[i::_PROCESSES], reset, i) for i in range(_PROCESSES)]
    with multiprocessing.get_context("fork").Pool(_PROCESSES) as pool:
        pool.starmap(_drop_lots, shares)


def _drop_lots(port, stage, lots, reset, process):
    for number, size in enumerate(lots):
        address = f"127.0.{process + 1}.{number % _ADDRESSES + 1}"
        lot = [_connect(address, port) for _ in range(size)]
        for data, awaited in stage.steps:
            for connection in lot:
                connection.sendall(data)
            for connection in lot:
                _await(connection, awaited)
        (_reset if reset else _finish)(lot)


def _connect(address, port):
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def _await(connection, awaited):
    answer = b""
    while awaited not in answer:
        data = connection.recv(65536)
        assert data, f"closed after {answer}"
        answer += data


def _reset(lot):
    for connection in lot:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()


def _finish(lot):
    """Our FIN goes first, and what the server still has to say is read to its end."""
    sink = bytearray(1 << 20)
    for connection in lot:
        connection.shutdown(socket.SHUT_WR)
    for connection in lot:
        try:
            while connection.recv_into(sink):
                pass
        except ConnectionResetError:
            pass  # the server has closed with our bytes unread
        connection.close()
