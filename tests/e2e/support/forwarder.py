"""The floors: what stands for the least that a relay, or that sending files, can cost."""

import os

from support.walcast import binary


class _Floor:
    """A running program of build/.../bench on a free port of 127.0.0.1."""

    def __init__(self, area, name, *arguments):
        path = binary(area, os.path.join("..", "bench", name))
        self.process = area.spawn(name, [path, *arguments])
        ready = self.process.wait_for(rf"^{name}: ready on \S+:(\d+)$", stream="stdout")
        self.port = int(ready[1])

    def stop(self):
        self.process.stop()


class Forwarder(_Floor):

    def __init__(self, area, primary_port):
        super().__init__(area, "forwarder", primary_port)


class SendfileLoop(_Floor):

    def __init__(self, area, directory):
        super().__init__(area, "sendfile_loop", directory)
