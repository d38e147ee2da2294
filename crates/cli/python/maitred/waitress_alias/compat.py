"""Replaces ``waitress.compat``."""

import os
import socket
import sys

WIN = os.name == "nt"
MAXINT = sys.maxsize
HAS_IPV6 = socket.has_ipv6
IPPROTO_IPV6 = getattr(socket, "IPPROTO_IPV6", 41)
IPV6_V6ONLY = getattr(socket, "IPV6_V6ONLY", 27)
