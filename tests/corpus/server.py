"""A real API server to ask: one that runs somewhere, or etcd and kube-apiserver started here, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

PATIENCE = 60.0
_TOKEN = "recorder"
_IN_NAMESPACE = {
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Pod": "/api/v1/namespaces/{}/pods",
}
_ELSEWHERE = {"Namespace": "/api/v1/namespaces"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one object."""

    code: int
    body: dict[str, Any]


class Server:
    """A connection to an API server."""

    def __init__(self, address: str, *, token: str, ca: Path) -> None:
        self._url = urlsplit(address)
        self._token = token
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._url.hostname or "", self._url.port, timeout=PATIENCE, context=self._tls
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def request(self, method: str, path: str, body: bytes | None = None, *, content: str = "json") -> Answer:
        """Ask once. Raises OSError or HTTPException where there is no answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": f"application/{content}"}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read()
        return Answer(response.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()})

    def version(self) -> str:
        """The version of the server, as `v1.34.2`."""
        return str(self.request("GET", "/version").body["gitVersion"])

    def create(self, kind: str, body: bytes, *, namespace: str, content: str = "json") -> Answer:
        """Try to create an object, as `kubectl create --dry-run=server --validate=strict` does."""
        path = _ELSEWHERE.get(kind) or _IN_NAMESPACE[kind].format(quote(namespace, safe=""))
        return self.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", body, content=content)


@contextlib.contextmanager
def started(assets: Path, folder: Path) -> Iterator[Server]:
    """Run the etcd and kube-apiserver found in `assets`, with everything they write below `folder`."""
    store, peers, port = _free_ports(3)
    (folder / "tokens.csv").write_text(f'{_TOKEN},recorder,recorder,"system:masters"\n')
    key = folder / "sa.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    client, peer = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peers}"
    etcd = [
        *(assets / "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
    ]
    api = [
        *(assets / "kube-apiserver", "--etcd-servers", client, "--cert-dir", folder / "cert"),
        *("--bind-address", "127.0.0.1", "--secure-port", port, "--authorization-mode", "RBAC"),
        *("--token-auth-file", folder / "tokens.csv", "--service-cluster-ip-range", "10.96.0.0/16"),
        *("--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", key, "--service-account-signing-key-file", key),
        # No controller makes service accounts, and namespaces need not exist to be judged.
        *("--disable-admission-plugins", "ServiceAccount,NamespaceLifecycle,PodSecurity"),
    ]
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "log.txt").open("wb"))
        processes = []
        for command in (etcd, api):
            process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
            stack.callback(_end, process)
            processes.append(process)
        server = _wait(f"https://127.0.0.1:{port}", folder / "cert/apiserver.crt", processes)
        stack.callback(server.close)
        yield server


def _wait(address: str, ca: Path, processes: list[subprocess.Popen[bytes]]) -> Server:
    """Wait until the server is ready. Raises RuntimeError where it does not become so."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and all(process.poll() is None for process in processes):
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.ExitStack() as unless_ready:
            server = Server(address, token=_TOKEN, ca=ca)
            unless_ready.callback(server.close)
            if server.request("GET", "/readyz").code == 200:
                unless_ready.pop_all()
                return server
        time.sleep(0.2)
    raise RuntimeError(f"the API server did not become ready; see {ca.parents[1] / 'log.txt'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
