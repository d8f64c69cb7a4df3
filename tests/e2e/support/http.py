"""A client of walcast's HTTP: answers as they come, metrics by name, and events."""

import base64
import http.client
import json
import re
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    text: str


class Window:
    """One address of a server, which its log has named."""

    def __init__(self, walcast, authority=None, **headers):
        found = walcast.wait_for_log(r"listening on (https?)://([^/]+):(\d+)/")
        self._host, self._port = found[2], int(found[3])
        self.url = f"{found[1]}://{found[2]}:{found[3]}/"
        self._tls = None
        if found[1] == "https":
            self._tls = ssl.create_default_context(cafile=authority)
            self._tls.check_hostname = False
        self.headers = headers

    def connect(self, timeout=30):
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout,
                                               context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def ask(self, path, method="GET", **headers):
        connection = self.connect()
        try:
            connection.request(method, path, headers={**self.headers, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value
                                          in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()

    def snapshot(self):
        return json.loads(self.ask("/api/snapshot").text)

    def metrics(self):
        """The values by name and labels, as they are written."""
        values = {}
        for line in self.ask("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                values[series] = float(value)
        return values

    def events(self, count):
        """The next events of a stream, which ends then."""
        connection = self.connect()
        try:
            connection.request("GET", "/events", headers=self.headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            said = []
            while len(said) < count:
                line = answer.readline().decode()
                if line.startswith("data: "):
                    said.append(json.loads(line.removeprefix("data: ")))
            return said
        finally:
            connection.close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(user, password):
    return {"Authorization":
            "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def family_names(text):
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
