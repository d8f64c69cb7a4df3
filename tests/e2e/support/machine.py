"""What of the machine decides how a figure came out."""

import os


def described():
    """As in "2 processors, TCP cubic". BBR paces what is sent over loopback as well, by timers
    that cost a server of few threads more than one of many processes."""
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        return f"{os.cpu_count()} processors, TCP {file.read().strip()}"
