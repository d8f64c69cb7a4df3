"""client_encoding: what is taken, and what it makes of bytes beyond ASCII."""

from play.messages import message, query, startup
from play.script import ask, greet, script, send, session

_NAMES = ("UTF8", "utf8", "utf-8", "UTF_8", "Unicode", "SQL_ASCII", "sql_ascii", "LATIN1",
          "latin-1", "ISO-8859-1", "ISO88591", "ISO_8859_5", "WIN1252", "windows-1252", "KOI8",
          "KOI8-R", "EUC_JP", "eucjp", "SJIS", "ShiftJIS", "BIG5", "GBK", "GB18030", "UHC", "JOHAB",
          "MULE_INTERNAL", "LATIN10", "WIN874", "TCVN", "ABC", "ALT", "MSKANJI", "'utf8'",
          "U-T-F-8", "EUC_JIS_2004")

_BAD_NAMES = ("", "nonsense", "UTF16", "UTF-32", "latin0", "latin11", "ascii", "C", "default",
              "UTF8;", "\u00fctf8", "x" * 80, "8", "-1", "auto", "binary")

_BYTES = {
    "two bytes of UTF-8": "SHOW caf\u00e9".encode(),
    "quoted UTF-8": 'SHOW "\u2603"'.encode(),
    "four bytes of UTF-8": 'SHOW "\U0001f418"'.encode(),
    "a lone continuation byte": b'SHOW "\x80"',
    "a lone first byte": b'SHOW "\xe9"',
    "a cut sequence": b'SHOW "\xe2\x98"',
    "an overlong sequence": b'SHOW "\xc0\xaf"',
    "a surrogate": b'SHOW "\xed\xa0\x80"',
    "beyond Unicode": b'SHOW "\xf4\x90\x80\x80"',
    "byte FF": b'SHOW "\xff"',
    "bytes of Latin 1": b"SHOW caf\xe9",
    "bytes in SQL": b"SELECT '\xe9\xff'",
    "upper case beyond ASCII": "SHOW \u00c9T\u00c9".encode(),
}


def scripts(site):
    del site
    for name in _NAMES:
        yield session(f"client_encoding={name}", ask("SHOW client_encoding"), client_encoding=name)
    for name in _BAD_NAMES:
        yield script(f"client_encoding={name[:20]!r}", send(startup(client_encoding=name)),
                     send(query("IDENTIFY_SYSTEM")))
    for encoding in "SQL_ASCII", "UTF8", "LATIN1", "SJIS", "EUC_JP", "WIN1252":
        for name, text in _BYTES.items():
            yield session(f"{name} in {encoding}", ask(text), ask("SHOW wal_segment_size"),
                          client_encoding=encoding)
    yield script("options=-c client_encoding=utf8", greet(options="-c client_encoding=utf8"),
                 ask("SHOW client_encoding"), ask(b'SHOW "\xff"'))
    yield session("a cut identifier in UTF8", ask('SHOW "' + "\u00e9" * 40 + '"'),
                  client_encoding="UTF8")
    yield session("a cut identifier in UTF8, at an odd byte", ask('SHOW "x' + "\u00e9" * 40 + '"'),
                  client_encoding="UTF8")
    yield session("a cut identifier in SQL_ASCII", ask('SHOW "x' + "\u00e9" * 40 + '"'))
    yield session("CopyFail with bad bytes between commands", send(message("f", b"\xff\0")),
                  client_encoding="UTF8")
