"""What tests/auth/*_lines.txt says of lines of hba and ident files is what PostgreSQL says.

The unit tests hold walcast to the same two lists. WALCAST_WRITE_AUTH_LINES=1 writes them anew.
"""

import os
import re
import unittest

import play  # noqa: F401  (first, for it finds `support`)
from support.area import Area
from support.cluster import PgCluster, pg_program

_LISTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "auth")
_SAYS = "=> "

# Beside the file that the lines stand in.
_FILES = {
    "users": "ann bob, carl\n# none\n\"dora e\"\n",
    "empty": "# nobody\n\n",
    "with blank": "x\n",
    "quoted": "\"all\" all \"@users\"\n",
    "nested": "y, @users\nz\n",
}

_MESSAGE = re.compile(
    r"^(?:DEBUG|LOG):  (?P<state>[0-9A-Z]{5}): (?P<message>.*)\n"
    r"(?:HINT:  (?P<hint>.*)\n)?"
    r"(?:CONTEXT:  line (?P<line>\d+) of configuration file \"(?P<file>.*)\"\n)?", re.MULTILINE)

# PostgreSQL 15 words this one differently in its log, and 16 as both do in the view.
_MISSING_ENTRY = re.compile(r"missing entry in file \"(.*)\" at end of line (\d+)\n")
_MISSING_ENTRY_16 = r"""missing entry at end of line
CONTEXT:  line \2 of configuration file "\1"
"""

_COLUMNS = {
    "hba": ("pg_hba_file_rules",
            "type, database, user_name, address, netmask, auth_method, options"),
    "ident": ("pg_ident_file_mappings", "map_name, sys_name, pg_username"),
}


def read_cases(text):
    """[(line or continued lines, [what is said of it])]"""
    cases = []
    lines = []
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith(_SAYS):
            if lines:
                cases.append(("\n".join(lines), []))
                lines = []
            cases[-1][1].append(line.removeprefix(_SAYS))
        else:
            lines.append(line)
    assert not lines, "nothing is said of the last line"
    return cases


class AuthLinesTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.area = Area()
        cls.addClassCleanup(cls.area.close)
        cls.cluster = PgCluster.create(cls.area, "primary", ssl="on")
        data = cls.cluster.data
        cls.area.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
                      "-keyout", f"{data}/server.key", "-out", f"{data}/server.crt"])
        cls.cluster.start()
        for name, text in _FILES.items():
            cls.area.write_file(os.path.join(cls.cluster.data, name), text)

    def test_hba_lines(self):
        self.play("hba")

    def test_ident_lines(self):
        self.play("ident")

    def play(self, kind):
        path = os.path.join(_LISTS, f"{kind}_lines.txt")
        with open(path, encoding="utf-8", newline="\n") as file:
            cases = read_cases(file.read())
        said = self.ask(kind, [case for case, _ in cases])
        if os.environ.get("WALCAST_WRITE_AUTH_LINES"):
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                for (case, _), lines in zip(cases, said):
                    file.write("\n".join([case] + [_SAYS + line for line in lines]) + "\n")
            return
        for (case, listed), lines in zip(cases, said):
            with self.subTest(case):
                self.assertEqual(listed, lines)

    def ask(self, kind, cases):
        """What PostgreSQL says of each, of one file that has them all; it need not load that."""
        self.area.write_file(os.path.join(self.cluster.data, f"pg_{kind}.conf"),
                             "".join(case + "\n" for case in cases))
        view, columns = _COLUMNS[kind]
        done = self.area.run(
            [pg_program("psql"), "-XqAt", "-F", "\t", "-v", "VERBOSITY=verbose", "-v",
             "SHOW_CONTEXT=always", "-h", "127.0.0.1", "-p", self.cluster.port, "-U", "postgres",
             "-d", "postgres", "-c",
             f"SET client_min_messages = debug3; "
             f"SELECT line_number, coalesce(error, ''), {columns} FROM {view}"])
        rows = {}
        for row in done.stdout.splitlines():
            line, error, values = row.split("\t", 2)
            rows[int(line)] = (error, values.replace("\t", "|"))
        messages = list(_MESSAGE.finditer(_MISSING_ENTRY.sub(_MISSING_ENTRY_16, done.stderr)))
        at = 1
        said = []
        for case in cases:
            said.append(self.said_of(at, rows, messages))
            at += case.count("\n") + 1
        return said

    def said_of(self, line, rows, messages):
        error, values = rows.get(line, ("", None))
        for message in messages:
            # PostgreSQL 15 gives no line where a file cannot be opened.
            here = (int(message["line"]) == line if message["line"]
                    else error and message["message"] == error)
            if not here:
                continue
            lines = [f"{message['state']} {message['message']}"]
            if message["hint"]:
                lines.append(f"HINT {message['hint']}")
            return [text.replace(self.cluster.data, "$DIR") for text in lines]
        if values is None:
            return ["nothing"]
        self.assertEqual(error, "", line)
        return [f"ok {values}"]


if __name__ == "__main__":
    unittest.main()
