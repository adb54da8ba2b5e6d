# SPDX-License-Identifier: Apache-2.0
"""A store for tests: files of a folder over FTP, the one remote scheme of fsspec that needs no further package."""

import socket
import socketserver
import sys
from pathlib import Path

ROOT, PORT, DATA_PORT = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


class Session(socketserver.StreamRequestHandler):
    """One control connection; transfers are passive, on one fixed port."""

    def handle(self) -> None:
        self.answer("220 ready")
        for line in self.rfile:
            command, _, argument = line.decode().strip().partition(" ")
            getattr(self, f"do_{command.lower()}", self.unknown)(argument)

    def answer(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def unknown(self, _: str) -> None:
        self.answer("200 ok")

    def do_user(self, _: str) -> None:
        self.answer("230 welcome")

    def do_pasv(self, _: str) -> None:
        host = self.request.getsockname()[0].replace(".", ",")
        self.answer(f"227 passive ({host},{DATA_PORT // 256},{DATA_PORT % 256})")

    def do_rest(self, _: str) -> None:
        self.answer("350 from there")

    def do_mlsd(self, _: str) -> None:
        facts = (f"type=file;size={path.stat().st_size}; {path.name}\r\n" for path in ROOT.iterdir())
        self.send("".join(facts).encode())

    def do_retr(self, name: str) -> None:
        self.send((ROOT / Path(name).name).read_bytes())

    def send(self, content: bytes) -> None:
        self.answer("150 here it comes")
        connection, _ = DATA.accept()
        with connection:
            connection.sendall(content)
        self.answer("226 done")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


DATA = socket.create_server(("", DATA_PORT))
Server(("", PORT), Session).serve_forever()
