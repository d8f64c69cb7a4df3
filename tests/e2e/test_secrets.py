"""What clients and keys have proven themselves with is nowhere in the server's memory afterwards."""

import os
import secrets
import unittest

from support.case import E2eCase
from support.certificates import Authority
from support.replication import ReplicationClient
from support.secrets import (ScramPassword, find_in_memory, md5_verifier, prove_by_md5,
                             prove_by_password, prove_by_scram)
from support.wait import wait_until
from support.walcast import Walcast, generate

_RULES = """
host replication plain  127.0.0.1/32 password
host replication hashed 127.0.0.1/32 md5
host replication scram  127.0.0.1/32 scram-sha-256
"""
# With TLS and without, the right password and one that is wrong at its end.
_WAYS = [(tls, ending) for tls in (False, True) for ending in ("", "x")]


class SecretsTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wal = cls.area.directory("wal")
        generate(cls.area, cls.wal, size="32MB")
        certificate, key = Authority(cls.area, "own").issue("server", "/CN=localhost")
        cls.passphrase = f"passphrase-{secrets.token_hex(16)}"
        locked, words = cls.area.path("locked.key"), cls.area.path("words")
        cls.area.run(["openssl", "ec", "-in", key, "-aes256", "-passout",
                      f"pass:{cls.passphrase}", "-out", locked])
        os.chmod(locked, 0o600)
        cls.area.write_file(words, cls.passphrase + "\n")
        cls.plain, cls.scram = (ScramPassword(f"password-{secrets.token_hex(16)}")
                                for _ in range(2))
        cls.hashed = f"password-{secrets.token_hex(16)}"
        rules, users = cls.area.path("hba"), cls.area.path("users")
        cls.area.write_file(rules, _RULES)
        cls.area.write_file(users, f'"plain" "{cls.plain.verifier()}" replication\n'
                                   f'"scram" "{cls.scram.verifier()}" replication\n'
                                   f'"hashed" "{md5_verifier("hashed", cls.hashed)}" replication\n')
        cls.walcast = Walcast.of_directory(
            cls.area, cls.wal, workers=1, hba_file=rules, auth_file=users, ssl="on",
            ssl_cert_file=certificate, ssl_key_file=locked,
            ssl_passphrase_command=f"cat {words}", authentication_failure_delay=0)
        cls.addClassCleanup(cls.walcast.stop)

    def setUp(self):
        try:
            with open(f"/proc/{self.walcast.process.pid}/mem", "rb"):
                pass
        except PermissionError as error:
            raise unittest.SkipTest("the memory of others is closed here") from error

    def begin(self, user, tls):
        client = ReplicationClient(self.walcast.port)
        self.addCleanup(client.close)
        if tls:
            client.start_tls()
        client.send_startup(user=user, database="replication", replication="true")
        return client

    def end(self, client, ending):
        answer = client.result()
        self.assertEqual(answer.error is None, not ending, answer)
        return client

    def assert_forgotten(self, needles, known):
        """`known` is in memory, which shows that what is there is found."""
        pid = self.walcast.process.pid
        self.assertEqual(find_in_memory(pid, {"known": known}), {"known"})
        wait_until(lambda: not find_in_memory(pid, needles),
                   lambda: f"what is forgotten: {find_in_memory(pid, needles)} is not", timeout=20)

    def test_a_password_in_the_clear(self):
        for tls, ending in _WAYS:
            client = self.begin("plain", tls)
            prove_by_password(client, self.plain.password + ending)
            self.end(client, ending)
            # The first half of the message is with the server when it answers another client.
            other = self.begin("plain", tls)
            prove_by_password(other, self.plain.password + ending,
                              between=lambda: self.begin("plain", False).receive())
            self.end(other, ending).close()
        self.assert_forgotten({"password": self.plain.password.encode(),
                               "salted": self.plain.salted,
                               "client key": self.plain.client_key}, self.plain.server_key)

    def test_a_proof_of_scram(self):
        needles = {"client key": self.scram.client_key, "salted": self.scram.salted}
        wrong = ScramPassword("wrong")
        for tls, ending in _WAYS:
            client = self.begin("scram", tls)
            proof, text = prove_by_scram(client, wrong if ending else self.scram)
            needles[f"proof {tls} {ending}"] = proof
            needles[f"text {tls} {ending}"] = text
            self.end(client, ending)
        self.assert_forgotten(needles, self.scram.server_key)

    def test_an_answer_of_md5(self):
        needles = {"password": self.hashed.encode()}
        for tls, ending in _WAYS:
            client = self.begin("hashed", tls)
            needles[f"answer {tls} {ending}"] = prove_by_md5(client, "hashed", self.hashed + ending)
            self.end(client, ending)
        self.assert_forgotten(needles, self.scram.server_key)

    def test_the_passphrase_of_a_key(self):
        self.begin("plain", tls=True).receive()  # the key was read
        self.assert_forgotten({"passphrase": self.passphrase.encode()}, self.scram.server_key)
