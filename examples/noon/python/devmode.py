"""Lets the quickstart run against `latchkey dev` with nothing set up. A real integration needs none of this."""

import os
import socket
import urllib.request

_resolve = socket.getaddrinfo


def _loopback(host, *args, **kwargs):
    """Finds *.localhost, which not every resolver knows (RFC 6761 section 6.3), on this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    return _resolve("127.0.0.1" if name and name.endswith(".localhost") else host, *args, **kwargs)


def environment(example):
    """Takes what the environment lacks from latchkey dev."""
    socket.getaddrinfo = _loopback
    dev = os.environ.get("LATCHKEY_DEV", "http://localhost:8080")
    try:
        with urllib.request.urlopen(f"{dev}/dev/env/{example}", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return  # whatever is missing, os.environ[...] says so
    for line in lines:
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)
