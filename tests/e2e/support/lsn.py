"""Positions in WAL, as numbers and as PostgreSQL writes them."""


def parse_lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn):
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
