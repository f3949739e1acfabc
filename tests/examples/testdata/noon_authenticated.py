"""Runs the program that Noon's document prints, as the document assumes it runs: "your backend has already authenticated with Noon
using your integrator service account credentials and is reusing that authenticated client or session"."""

import os
import socket
import sys

import requests

resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

authenticated = requests.Session()
authenticated.headers["Cookie"] = os.environ["NOON_SESSION"]
requests.post = authenticated.post

with open(os.path.join(os.path.dirname(__file__), "noon_printed.py"), encoding="utf-8") as file:
    program = file.read()
replaced = sys.argv[1:]  # old, new, old, new …: hosts and credentials
for old, new in zip(replaced[::2], replaced[1::2]):
    assert old in program, old
    program = program.replace(old, new)

names = {"__name__": "noon_printed"}
exec(compile(program, "noon_printed.py", "exec"), names)
names["app"].run(host="127.0.0.1", port=8092)  # debug=True would begin a second process
