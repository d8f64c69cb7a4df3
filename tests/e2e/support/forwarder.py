"""The bare forwarder: what stands for the least that a relay can cost."""

import os

from support.walcast import binary


class Forwarder:
    """A running build/.../bench/forwarder on a free port of 127.0.0.1."""

    def __init__(self, area, primary_port):
        path = binary(area, os.path.join("..", "bench", "forwarder"))
        self.process = area.spawn("forwarder", [path, primary_port])
        ready = self.process.wait_for(r"^forwarder: ready on \S+:(\d+)$", stream="stdout")
        self.port = int(ready[1])

    def stop(self):
        self.process.stop()
