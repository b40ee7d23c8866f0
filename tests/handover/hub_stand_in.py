"""A model hub on this machine: the few endpoints by which a repository is created, filled, listed and read."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

RESOLVED = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
OF_MODEL = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?P<rest>/.*)?")
SHA = "0123456789abcdef0123456789abcdef01234567"
LARGE = ".safetensors"


@dataclass
class HubStandIn:
    """What the hub holds."""

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The files of each repository."""
    private: set[str] = field(default_factory=set)
    blobs: dict[str, bytes] = field(default_factory=dict)
    """Large files by their digest, before they are committed."""
    tokens: set[str] = field(default_factory=set)
    """The tokens that requests came with."""
    said_sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that the hub states in place of the true ones."""


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does."""

    protocol_version = "HTTP/1.1"
    hub: HubStandIn

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._get(body=False)

    def do_GET(self) -> None:
        self._get(body=True)

    def do_PUT(self) -> None:
        content = self._read()
        self.hub.blobs[hashlib.sha256(content).hexdigest()] = content
        self._send(200, b"")

    def do_POST(self) -> None:
        path, content = urlsplit(self.path).path, self._read()
        if path == "/api/repos/create":
            wanted = json.loads(content)
            owner = wanted.get("organization") or "ann"
            name = f"{owner}/{wanted['name']}"
            self.hub.repositories.setdefault(name, {})
            self.hub.private |= {name} if wanted.get("private") or wanted.get("visibility") == "private" else set()
            self._json({"url": f"{self.hub.address}/{name}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.hub.address}/blob/{each['oid']}"}}}
                for each in json.loads(content)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif found := OF_MODEL.fullmatch(path):
            self._change(found["repo"], found["rest"] or "", content)
        else:
            self._refuse()

    def _change(self, repo: str, rest: str, content: bytes) -> None:
        if rest.startswith("/preupload/"):
            files = json.loads(content)["files"]
            modes = [
                {"path": each["path"], "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                 "shouldIgnore": False}
                for each in files
            ]  # fmt: skip
            self._json({"files": modes})
        elif rest.startswith("/commit/"):
            files = self.hub.repositories[repo]
            for line in map(json.loads, content.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.hub.blobs[value["oid"]]
            self._json({"commitUrl": f"{self.hub.address}/{repo}/commit/{SHA}", "commitOid": SHA, "success": True})
        else:
            self._refuse()

    def _get(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/":
            self._send(200, b"", body=body)
        elif found := RESOLVED.fullmatch(path):
            content = self.hub.repositories.get(found["repo"], {}).get(found["file"])
            if content is None:
                self._refuse()
                return
            mark = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": SHA}
            self._send(200, content, body=body, **mark)
        elif (found := OF_MODEL.fullmatch(path)) and found["repo"] in self.hub.repositories:
            files = self.hub.repositories[found["repo"]]
            siblings = [
                {"rfilename": name, "size": self.hub.said_sizes.get(name, len(content)), "blobId": SHA}
                for name, content in files.items()
            ]
            if (found["rest"] or "").startswith("/tree/"):
                listing = [
                    {"type": "file", "path": name, "size": len(content), "oid": SHA} for name, content in files.items()
                ]
                self._json(listing)
            else:
                self._json({"id": found["repo"], "sha": SHA, "siblings": siblings, "private": False, "tags": []})
        else:
            self._refuse()

    def _read(self) -> bytes:
        if authorization := self.headers.get("Authorization"):
            self.hub.tokens.add(authorization.removeprefix("Bearer "))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _refuse(self) -> None:
        self._send(404, b"", **{"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, *, body: bool = True, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def hub_on_this_machine() -> Iterator[HubStandIn]:
    """Serve an empty hub on a free port."""
    hub = HubStandIn()
    handler = type("OwnHandler", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
