"""Serves one file on this machine, with the faults that a test asks for."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server(ThreadingHTTPServer):
    """Serves one file, with the faults that a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.cuts: list[int] = []
        self.busy = 0
        self.status = 200
        self.ranges = True
        self.etag = '"one"'
        self.careless = False  # whether If-Range is ignored
        self.digest = ""
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/images.npz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range", "")
        server.requests.append(wanted)
        if server.busy:
            server.busy -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first, status = 0, server.status
        fresh = server.careless or self.headers.get("If-Range", server.etag) == server.etag
        if wanted and server.ranges and fresh:
            first, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
        if first >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[first:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.digest:
            self.send_header("X-Linked-Etag", f'"{server.digest}"')
        if status == 206:
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{last + 1}")
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)
        self.close_connection = True
