"""The clients that people have, each by each method over each way: they are let in."""

import concurrent.futures
import getpass
import json
import os
import secrets
import socket
import unittest

from support.case import E2eCase
from support.certificates import Authority
from support.cluster import pg_program
from support.process import SERVER_USER
from support.secrets import ScramPassword, md5_verifier
from support.wait import wait_until
from support.walcast import Walcast, generate

_PASSWORD = f"open {secrets.token_hex(8)}"
# Debian's own, which has Debian's modules.
_PYTHON = "/usr/bin/python3"
_HAPROXY = "/usr/sbin/haproxy"
# By the role, which is called after its method: over what it may come.
_ANY_WAY = ("tcp", "ipv6", "unix", "tls")
_METHODS = {"trust": _ANY_WAY, "md5": _ANY_WAY, "scram-sha-256": _ANY_WAY, "password": _ANY_WAY,
            "cert": ("tls",), "peer": ("unix",)}
_WITH_PASSWORD = ("md5", "scram-sha-256", "password")
_RIGHT = [(role, way, _PASSWORD) for role, ways in _METHODS.items() for way in ways]
_WRONG = [(role, "tcp", password) for role in _WITH_PASSWORD for password in ("wrong", "")]

# Connects by each conninfo that it is given, and says what the server answers.
_PSYCOPG2 = """
import json, sys
import psycopg2, psycopg2.extras
def identify(conninfo):
    try:
        session = psycopg2.connect(
            conninfo, connection_factory=psycopg2.extras.PhysicalReplicationConnection)
        cursor = session.cursor()
        cursor.execute("IDENTIFY_SYSTEM")
        return str(cursor.fetchone()[0])
    except psycopg2.Error as error:
        return str(error)
print(json.dumps([identify(conninfo) for conninfo in json.loads(sys.argv[1])]))
"""
_PSYCOPG = """
import json, sys
import psycopg
def identify(conninfo):
    try:
        with psycopg.connect(conninfo + " replication=true", autocommit=True) as session:
            return session.execute("IDENTIFY_SYSTEM").fetchone()[0].decode()  # of no encoding
    except psycopg.Error as error:
        return str(error)
print(json.dumps([identify(conninfo) for conninfo in json.loads(sys.argv[1])]))
"""


def _rules():
    lines = []
    for method in _METHODS:
        how = f"{method} map=people" if method == "peer" else method
        if method != "cert":
            lines.append(f"local replication,all {method} {how}")
        if method != "peer":
            kind = "hostssl" if method == "cert" else "host"
            lines += [f"{kind} replication,all {method} {address} {how}"
                      for address in ("127.0.0.1/32", "::1/128")]
    return "\n".join(lines) + "\n"


class ClientsTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        area = cls.area
        wal = area.directory("wal")
        generate(area, wal, size="4MB")
        authority = Authority(area, "own")
        certificate, key = authority.issue("server", "/CN=localhost", "localhost")
        cls.root, cls.card = authority.certificate, authority.issue("card", "/CN=cert")
        cls.sockets = area.directory("sockets")
        rules, maps, users = area.path("hba"), area.path("ident"), area.path("users")
        area.write_file(rules, _rules())
        area.write_file(maps, f"people {SERVER_USER or getpass.getuser()} peer\n")
        verifiers = {"md5": md5_verifier("md5", _PASSWORD)}
        area.write_file(users, "".join(
            f'"{role}" "{verifiers.get(role, ScramPassword(_PASSWORD).verifier())}" replication\n'
            for role in _METHODS))
        cls.walcast = Walcast(
            area, wal_directory=wal, state_directory=area.directory("state"),
            listen_addresses="127.0.0.1, ::1", unix_socket_directories=cls.sockets, hba_file=rules,
            ident_file=maps, auth_file=users, ssl="on", ssl_cert_file=certificate,
            ssl_key_file=key, ssl_ca_file=cls.root, authentication_failure_delay=0,
            slot_owner_check="off")
        cls.addClassCleanup(cls.walcast.stop)
        cls.system_identifier = cls.of_psql("trust", "tcp").split("|")[0]

    @classmethod
    def conninfo(cls, role, way, password=_PASSWORD):
        hosts = {"tcp": "127.0.0.1", "ipv6": "::1", "unix": cls.sockets, "tls": "localhost"}
        options = {"host": hosts[way], "port": cls.walcast.port, "user": role, "dbname": "any",
                   "sslmode": "disable"}
        if way == "tls":
            options |= {"hostaddr": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": cls.root,
                        "sslcert": "/nowhere"}
        if role == "cert":
            options |= {"sslcert": cls.card[0], "sslkey": cls.card[1]}
        if role in _WITH_PASSWORD and password:
            options["password"] = password
        return " ".join(f"{name}='{value}'" for name, value in options.items())

    @classmethod
    def run_client(cls, *argv):
        done = cls.area.run(argv, check=False)
        return (done.stdout + done.stderr).strip()

    @classmethod
    def of_psql(cls, role, way, password=_PASSWORD):
        return cls.run_client(pg_program("psql"), "-XAtwc", "IDENTIFY_SYSTEM",
                              cls.conninfo(role, way, password) + " replication=true")

    def each(self, client, expected):
        """`client(role, way, password)` is let in on each way, and with no wrong password."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.check(list(pool.map(lambda case: client(*case), _RIGHT + _WRONG)), expected)

    def check(self, said, expected):
        self.assertEqual(len(said), len(_RIGHT) + len(_WRONG))
        for case, answer in zip(_RIGHT, said):
            with self.subTest(case=case):
                self.assertRegex(answer, expected)
        for (role, way, password), answer in zip(_WRONG, said[len(_RIGHT):]):
            with self.subTest(role=role, way=way, password=password):
                failure = (f'FATAL:  password authentication failed for user "{role}"' if password
                           else "no password supplied")
                self.assertIn(failure, answer)

    def test_psql(self):
        self.each(self.of_psql, rf"^{self.system_identifier}\|")

    def test_pg_receivewal(self):
        def client(role, way, password):
            return self.run_client(
                pg_program("pg_receivewal"), "-wv", "--slot", f"of_{role.replace('-', '_')}_{way}",
                "--create-slot", "-d", self.conninfo(role, way, password))
        self.each(client, "creating replication slot")

    def test_pg_basebackup_logs_in(self):
        def client(role, way, password):
            return self.run_client(
                pg_program("pg_basebackup"), "-w", "-X", "none", "-D",
                self.area.path(f"backup-{role}-{way}-{len(password)}"), "-d",
                self.conninfo(role, way, password))
        self.each(client, "could not initiate base backup|could not send replication command")

    def check_module(self, module, script):
        if not os.path.exists(_PYTHON) or self.run_client(_PYTHON, "-c", f"import {module}"):
            raise unittest.SkipTest(f"{module} is not there")
        said = self.run_client(_PYTHON, "-c", script, json.dumps(
            [self.conninfo(*case) for case in _RIGHT + _WRONG]))
        self.check(json.loads(said), f"^{self.system_identifier}$")

    def test_psycopg2(self):
        self.check_module("psycopg2", _PSYCOPG2)

    def test_psycopg_3(self):
        self.check_module("psycopg", _PSYCOPG)

    def test_the_health_check_of_haproxy(self):
        """Which asks for no replication, gives the user alone, and wants an `R`."""
        if not os.path.exists(_HAPROXY):
            raise unittest.SkipTest("HAProxy is not there")
        places = {"tcp": f"127.0.0.1:{self.walcast.port}", "ipv6": f"[::1]:{self.walcast.port}",
                  "unix": f"unix@{self.sockets}/.s.PGSQL.{self.walcast.port}"}
        stats = os.path.join(self.sockets, "stats")
        config = [f"global\n stats socket {stats}\ndefaults\n mode tcp\n timeout connect 10s\n"
                  " timeout server 10s\n timeout check 10s\n"]
        expected = {}
        for role, ways in _METHODS.items():
            config.append(f"backend {role}\n option pgsql-check user {role}\n")
            for way, place in places.items():
                config.append(f" server {way} {place} check inter 200ms fall 1 rise 1\n")
                # The kernel names HAProxy's user too.
                expected[role, way] = "L7OK" if way in ways else "L7RSP"
        path = self.area.path("haproxy.cfg")
        self.area.write_file(path, "".join(config))
        self.area.spawn("haproxy", [_HAPROXY, "-db", "-f", path])
        wait_until(lambda: self.listens(stats), "HAProxy")
        wait_until(lambda: self.statuses(stats) == expected,
                   lambda: f"{expected}, and not {self.statuses(stats)}")

    @staticmethod
    def listens(path):
        """A socket has its name before anything listens on it."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(path) == 0

    @staticmethod
    def statuses(path):
        """What the last check of each server has come to, by backend and server."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"show stat\n")
            text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        names, *rows = [line.split(",") for line in text.lstrip("# ").splitlines() if line]
        lines = [dict(zip(names, row)) for row in rows]
        return {(line["pxname"], line["svname"]): line["check_status"] for line in lines
                if line["svname"] not in ("FRONTEND", "BACKEND")}
