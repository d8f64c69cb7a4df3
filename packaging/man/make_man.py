#!/usr/bin/env python3
"""Makes the man pages walcast(1), walcast.conf(5) and walbench(1) of what the built programs say with
--help: make_man.py BIN_DIRECTORY OUTPUT_DIRECTORY. The same programs make the same pages."""

import os
import re
import subprocess
import sys

PAGE = """.\\" Made by packaging/man/make_man.py.
.TH {title} {section} "" "walcast {version}" "{manual}"
.SH NAME
{name} \\- {purpose}
"""

CONF_TEXT = """.SH DESCRIPTION
The options of \\fBwalcast serve\\fR in a file, which \\fB\\-\\-config\\fR names. The package's unit reads
\\fI/etc/walcast/walcast.conf\\fR.
.PP
The file is read as PostgreSQL reads
.IR postgresql.conf :
\\fIname\\fR \\fB=\\fR \\fIvalue\\fR, one to a line; a value with blanks, slashes or other characters stands in
single quotes, with two for one; \\fB#\\fR begins a comment; \\fBinclude\\fR, \\fBinclude_if_exists\\fR and
\\fBinclude_dir\\fR name further files. Of a parameter that is given more than once the last value
counts, and an option of the command line counts more than the file. \\fBwalcast serve \\-\\-config\\fR
\\fIFILE\\fR \\fB\\-\\-check\\fR says whether the server could run with it. A reload (SIGHUP) reads the file
again; what it cannot change takes effect at the next start, and the log says so.
.SH PARAMETERS
"""

FILES_TEXT = """.SH FILES
.TP
.I /etc/walcast/walcast.conf
The options that the unit \\fBwalcast.service\\fR runs with; \\fBwalcast@\\fR\\fINAME\\fR\\fB.service\\fR reads
.IR /etc/walcast/NAME.conf .
.TP
.I /var/lib/walcast
The spool: WAL, and replication slots in
.IR pg_replslot .
.SH SIGNALS
.TP
.B SIGHUP
The configuration files are read again.
.TP
.BR SIGTERM ", " SIGINT
No client is taken any more; standbys have \\fBshutdown_timeout\\fR to confirm all WAL. A second one ends
all sessions.
.TP
.B SIGUSR1
The memory of each thread is logged.
.TP
.B SIGUSR2
A report of latencies is printed on standard output.
"""

ENVIRONMENT_TEXT = """.SH ENVIRONMENT
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " LISTEN_FDS " and " JOURNAL_STREAM
are heeded as
.BR systemd.exec (5)
has them. What libpq reads, such as
.BR PGPASSFILE ,
counts for the connection to the primary.
"""


def escaped(text):
    """Text that roff takes as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def said_by(program, *words):
    answer = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return answer.stdout if answer.returncode == 0 else ""


class Option:
    def __init__(self, flag, value, text):
        self.flag, self.value, self.text = flag, value, text

    @property
    def name(self):
        """In a file."""
        return self.flag.removeprefix("--").replace("-", "_")

    def flag_as_roff(self):
        value = f" \\fI{escaped(self.value)}\\fR" if self.value else ""
        return f".TP\n\\fB{escaped(self.flag)}\\fR{value}\n{escaped(self.text)}\n"

    def parameter_as_roff(self):
        return f".TP\n\\fB{escaped(self.name)}\\fR\n{escaped(self.text)}\n"


def own_options(text):
    """Of walcast: a line with the flag, and one with what it is for."""
    for flag, value, purpose in re.findall(r"^  (--\S+)(?: (\S+))?\n {6}(\S.*)$", text,
                                           re.MULTILINE):
        # The default is that of the machine that has built it.
        if flag == "--workers":
            purpose = re.sub(r"\(default: \d+\)", "(default: one for each processor)", purpose)
        yield Option(flag, value, purpose)


def cli11_options(text):
    """Of walbench: columns, the second of which may begin in the next line."""
    for flag, value, purpose in re.findall(
            r"^  (-[^\s]+)((?: \S+)*?)(?: {2,}| *\n {20,})(\S.*)$", text, re.MULTILINE):
        yield Option(flag, value.strip(), purpose)


def options_of(text):
    return list(own_options(text)) or list(cli11_options(text))


def section_of(title, text):
    """The options of a command, or what it says where it has another form."""
    roff = f".SH {title}\n"
    usage = re.search(r"^Usage: (.*)$", text, re.MULTILINE)
    if usage:
        words = usage[1].split()
        words[0] = os.path.basename(words[0])
        roff += f".B {escaped(' '.join(words))}\n"
    options = options_of(text)
    if options:
        return roff + "".join(option.flag_as_roff() for option in options)
    return roff + ".PP\n.nf\n" + escaped(text.strip()) + "\n.fi\n"


def walcast_page(program, version):
    text = said_by(program, "--help")
    roff = PAGE.format(title="WALCAST", section=1, version=version, manual="walcast",
                       name="walcast", purpose="one WAL stream in, thousands of standbys out")
    roff += ".SH SYNOPSIS\n"
    commands = []
    for line in re.findall(r"^  (walcast .*)$", text, re.MULTILINE):
        synopsis, purpose = re.fullmatch(r"(.*?)(?: {2,}(.*))?", line).groups()
        roff += f".B {escaped(synopsis)}\n.br\n"
        command = synopsis.split()[1]
        if command.islower() and not command.startswith("-"):
            commands.append((command, purpose or ""))
    roff += """.SH DESCRIPTION
.B walcast
streams the write-ahead log of a PostgreSQL server to any number of standbys, as a walsender does. It
receives WAL from a primary into a spool, follows a directory of segments, or makes WAL itself.
"""
    for command, purpose in commands:
        roff += f".TP\n.B {escaped(command)}\n{escaped(purpose)}\n"
    for command, _ in dict(commands).items():
        roff += section_of(f"OPTIONS OF {command.upper()}", said_by(program, command, "--help"))
    roff += FILES_TEXT + ENVIRONMENT_TEXT
    roff += """.SH EXIT STATUS
0 behind a stop that was asked for; 1 if the server could not start, or had to end. What
.B walcast verify
finds is 1, and 2 if it could not look.
.SH SEE ALSO
.BR walcast.conf (5),
.BR walbench (1),
.BR pg_receivewal (1)
"""
    return roff


def conf_page(program, version):
    roff = PAGE.format(title="WALCAST.CONF", section=5, version=version, manual="walcast",
                       name="walcast.conf", purpose="the configuration of walcast")
    roff += CONF_TEXT
    only_flags = {"--config", "--check", "--help"}
    options = [option for option in own_options(said_by(program, "serve", "--help"))
               if option.flag not in only_flags]
    roff += "".join(option.parameter_as_roff() for option in options)
    return roff + ".SH SEE ALSO\n.BR walcast (1)\n"


def walbench_page(program, version):
    text = said_by(program, "--help")
    roff = PAGE.format(title="WALBENCH", section=1, version=version, manual="walcast",
                       name="walbench", purpose="a fleet of light standbys against any server "
                       "that streams WAL")
    roff += ".SH SYNOPSIS\n.B walbench [OPTION]...\n.br\n"
    commands = re.findall(r"^walbench (\w+) --help", text, re.MULTILINE)
    roff += "".join(f".B walbench {command} [OPTION]...\n.br\n" for command in commands)
    roff += """.SH DESCRIPTION
.B walbench
connects as many standbys as it is told to, which stream WAL, confirm it and measure what comes when.
Each of them is a connection, and no PostgreSQL.
"""
    roff += section_of("OPTIONS", text)
    for command in commands:
        roff += section_of(f"OPTIONS OF {command.upper()}", said_by(program, command, "--help"))
    return roff + ".SH SEE ALSO\n.BR walcast (1)\n"


def main():
    binaries, output = sys.argv[1:]
    walcast, walbench = (os.path.join(binaries, name) for name in ("walcast", "walbench"))
    version = said_by(walcast, "--version").split()[1]
    os.makedirs(output, exist_ok=True)
    for name, page in (("walcast.1", walcast_page(walcast, version)),
                       ("walcast.conf.5", conf_page(walcast, version)),
                       ("walbench.1", walbench_page(walbench, version))):
        with open(os.path.join(output, name), "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
