"""A model hub on this machine: the few calls that the client makes to upload files."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_writes"


class Hub(ThreadingHTTPServer):
    """Keeps what was uploaded; files that do not end in .json are taken in two steps, as large."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.large: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.has_room = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.has_room:
            return self.answer({"error": "no room"}, 403)
        assert "Authorization" not in self.headers
        self.server.large[hashlib.sha256(content).hexdigest()] = content
        return self.answer({})

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer({"error": "Invalid credentials"}, 401)
        assert self.path.startswith("/api/models/me/mine/tree/main")
        files = [
            {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
            for name, content in self.server.files.items()
        ]
        return self.answer(files)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer({"error": "Invalid credentials"}, 401)
        lines = [json.loads(line) for line in content.splitlines()]
        if self.path == "/api/repos/create":
            return self.create(lines[0])
        if self.path.endswith("/preupload/main"):
            return self.answer({"files": [self.mode(file) for file in lines[0]["files"]]})
        if self.path.endswith(".git/info/lfs/objects/batch"):
            return self.answer({"objects": [self.place(one) for one in lines[0]["objects"]]})
        assert self.path == "/api/models/me/mine/commit/main"
        return self.commit(lines)

    def create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        url = {"url": f"{self.server.address}/{name}"}
        if name in self.server.repositories:
            return self.answer({**url, "error": "You already created this repository"}, 409)
        self.server.repositories[name] = wanted
        return self.answer(url)

    def mode(self, file: dict[str, Any]) -> dict[str, Any]:
        mode = "regular" if file["path"].endswith(".json") else "lfs"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

    def place(self, one: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.server.address}/large/{one['oid']}?Signature=secret"
        return {**one, "actions": {"upload": {"href": href}}}

    def commit(self, lines: list[dict[str, Any]]) -> None:
        assert lines[0]["key"] == "header"
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "deletedFile":
                del self.server.files[value["path"]]
                continue
            self.server.files[value["path"]] = (
                base64.b64decode(value["content"])
                if line["key"] == "file"
                else self.server.large[value["oid"]]
            )
        url = f"{self.server.address}/me/mine/commit/{'0' * 40}"
        self.answer({"success": True, "commitOid": "0" * 40, "commitUrl": url})

    def answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_hub() -> Iterator[Hub]:
    with Hub() as hub:
        thread = Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
