"""A private API server: etcd and kube-apiserver on loopback, RBAC on, everything in one folder.

No controller and no kubelet runs. Namespaces come without ServiceAccounts, pods are created with their node and get
addresses by `admin.write_status`, and the client finishes the deletion of a namespace by itself.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.kube.binaries import Binaries
from tests.kube.client import Client, Object, kubeconfig
from tests.kube.processes import Process, api_command, etcd_command, free_ports

PATIENCE = 60.0
"""Seconds that the server may take to be ready."""
AT_ONCE = 100
"""Objects that are written to etcd together: it takes at most 128, and 1.5 MiB."""
TOKEN = "administrator"
"""The token of who may do everything."""
NO_ADMISSION = ("ServiceAccount",)
"""No controller makes ServiceAccounts, so pods must do without."""


class Server:
    """The two programs and who may talk to them. `address` and the certificates stay the same in every restart."""

    def __init__(
        self,
        folder: Path,
        binaries: Binaries,
        *,
        flags: Sequence[str] = (),
        no_admission: Sequence[str] = NO_ADMISSION,
    ) -> None:
        """Start nothing yet. `flags` are more of kube-apiserver's; `no_admission` are plugins to leave out."""
        store, peers, port = free_ports(3)
        self.folder = folder
        self.address = f"https://127.0.0.1:{port}"
        self.ca = folder / "cert" / "apiserver.crt"
        self._store = f"http://127.0.0.1:{store}"
        self._kubeconfigs = 0
        (folder / "tokens.csv").write_text(f'{TOKEN},administrator,administrator,"system:masters"\n')
        key = folder / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        api = api_command(binaries.apiserver, folder, port=port, store=self._store, key=key)
        api += ["--disable-admission-plugins", ",".join(no_admission), *flags]
        log = folder / "log.txt"
        self.etcd = Process(
            etcd_command(binaries.etcd, folder, store=self._store, peer=f"http://127.0.0.1:{peers}"), log
        )
        self.api = Process(api, log)
        self._admin: Client | None = None

    def start(self, *flags: str) -> None:
        """Start what does not run, and wait until it is ready; `flags` hold for this one start.

        Raises RuntimeError where it does not become ready.
        """
        if not self.etcd.runs():
            self.etcd.start()
        if not self.api.runs():
            self.api.start(*flags)
        self._hang_up()
        self.wait(self._ready)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so. Raises RuntimeError where it is not in time, or the server ends."""
        limit = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > limit or not (self.etcd.runs() and self.api.runs()):
                raise RuntimeError(f"the API server did not become ready; see {self.folder / 'log.txt'}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return self.admin.request("GET", "/readyz").code == 200
        except (OSError, http.client.HTTPException):
            return False  # not there yet, or not even a certificate

    def stop(self) -> None:
        """End kube-apiserver in order: watches end, connections are closed. etcd goes on."""
        self.api.stop()

    def kill(self) -> None:
        """End kube-apiserver at once. etcd goes on."""
        self.api.kill()

    def restart(self, *flags: str) -> None:
        """Stop kube-apiserver and start it again; `flags` hold for this one run. Its watch cache is empty then."""
        self.stop()
        self.start(*flags)

    def end(self) -> None:
        """End both programs, at once: in order, kube-apiserver would wait for its clients."""
        self._hang_up()
        self.api.kill()
        self.etcd.kill()

    def client(self, token: str) -> Client:
        """A new connection with somebody's token. Raises OSError before the first start."""
        return Client(self.address, token=token, ca=self.ca)

    @property
    def admin(self) -> Client:
        """The connection of who may do everything: one, of the test's own thread, made anew after every restart."""
        self._admin = self._admin or self.client(TOKEN)
        return self._admin

    def _hang_up(self) -> None:
        if self._admin:
            self._admin.close()

    def copy_store(self, name: str = "copy") -> Path:
        """A copy of everything that is stored now. kube-apiserver goes on and finds etcd again."""
        copy = self.folder / name
        self.etcd.stop()
        shutil.copytree(self.folder / "etcd", copy)
        self.start_store()
        return copy

    def start_store(self) -> None:
        """Start etcd, and wait until kube-apiserver, if it runs, is ready with it."""
        self.etcd.start()
        if self.api.runs():
            self.start()

    def replace_store(self, copy: Path) -> None:
        """Go back to an older store, as an administrator does who restores a backup: both programs start again."""
        self.end()
        shutil.rmtree(self.folder / "etcd")
        shutil.copytree(copy, self.folder / "etcd")
        self.start()

    def fill(self, values: Iterable[tuple[str, Object]]) -> None:
        """Write objects straight into etcd, each at its place below /registry, as somebody does who restores a backup.

        Nobody looks at them: they must be as kube-apiserver would have stored them. It reads JSON there, too, and hears
        of them as of any change.
        """
        puts = (
            {"requestPut": {"key": _text(f"/registry/{place}"), "value": _text(json.dumps(value))}}
            for place, value in values
        )
        while some := list(itertools.islice(puts, AT_ONCE)):
            self._ask_store("kv/txn", {"success": some})

    def compact(self) -> int:
        """Make etcd forget every older revision, and return the one that is left.

        kube-apiserver goes on to serve older lists and watches from memory, until it is restarted.
        """
        revision = int(self._ask_store("kv/range", {"key": _text("/registry")})["header"]["revision"])
        self._ask_store("kv/compaction", {"revision": revision, "physical": True})
        return revision

    def _ask_store(self, what: str, question: dict[str, object]) -> dict[str, dict[str, str]]:
        request = urllib.request.Request(f"{self._store}/v3/{what}", json.dumps(question).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return dict(json.load(response))

    def service_account_token(self, namespace: str, name: str, *, seconds: int = 3600) -> str:
        """A token of a ServiceAccount, by the TokenRequest API; 600 s are the least that the server allows."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return str(self.admin.ask("POST", path, asked)["status"]["token"])

    def kubeconfig(self, token: str) -> Path:
        """A new file that leads to this server with a token."""
        self._kubeconfigs += 1
        path = self.folder / f"kubeconfig-{self._kubeconfigs}"
        path.write_text(kubeconfig(self.address, token=token, ca=self.ca))
        return path

    def admin_kubeconfig(self) -> Path:
        """A file for who may do everything."""
        return self.kubeconfig(TOKEN)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A file that leads to this server as a ServiceAccount."""
        return self.kubeconfig(self.service_account_token(namespace, name))


def _text(value: str) -> str:
    """As etcd's JSON has keys and values."""
    return base64.b64encode(value.encode()).decode()


@contextlib.contextmanager
def started(
    folder: Path, binaries: Binaries, *, flags: Sequence[str] = (), no_admission: Sequence[str] = NO_ADMISSION
) -> Iterator[Server]:
    """A server that is ready, and ended after use."""
    server = Server(folder, binaries, flags=flags, no_admission=no_admission)
    try:
        server.start()
        yield server
    finally:
        server.end()
