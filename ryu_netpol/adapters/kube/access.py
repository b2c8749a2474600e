"""Who the agent is for the API server, and where that is: kubeconfig or the service account of a pod.

The `kubernetes` package reads both, with certificates, token files, exec plugins and proxies, and makes the TLS
connections; it is named in this module only. Credentials rotate: they are read again when they are a minute old, and
when the server does not know them any more. A plugin may hang, and the package waits for it without end: so they are
read in a thread of their own, for which others wait a while.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config import load_incluster_config, load_kube_config

FRESH = 60.0
"""Seconds for which credentials are used without looking again."""
PATIENCE = 10.0
"""Seconds that reading them may take, where nobody is there to be asked."""


class AccessError(Exception):
    """The credentials cannot be read; one sentence."""


@dataclass(frozen=True, slots=True)
class Session:
    """How to reach the server now."""

    address: str
    authorization: str
    """The header; empty with a client certificate."""
    pool: urllib3.PoolManager
    made_of: tuple[object, ...]
    """What makes another pool necessary when it changes."""


class Access:
    """The credentials as they are now. Any thread may ask."""

    def __init__(self, load: Callable[[Configuration], None], *, interactive: bool = False) -> None:
        """Read them for the first time. Raises AccessError. `interactive`: a plugin may ask somebody who is there."""
        self._load = load
        self._patience = None if interactive else PATIENCE
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._fresh_until = 0.0
        self._reading: tuple[float, Future[Session]] | None = None
        """Since when they are being read, and what will be found."""
        self.session()

    def session(self) -> Session:
        """The session for the next request. Raises AccessError where credentials that are old cannot be read again."""
        with self._lock:
            if self._session is not None and time.monotonic() < self._fresh_until:
                return self._session
            if self._reading is None:
                found: Future[Session] = Future()
                # Where no thread can be started, the next one who asks tries again.
                threading.Thread(target=self._renew, args=[found], name="kube-access", daemon=True).start()
                self._reading = time.monotonic(), found
            began, reading = self._reading
        left = None if self._patience is None else max(0.0, began + self._patience - time.monotonic())
        try:
            return reading.result(left)
        except TimeoutError:
            raise AccessError(f"nothing has answered for {self._patience:g} s; does a plugin hang?") from None

    def renew(self) -> None:
        """The server does not know the credentials: read them again before the next request."""
        with self._lock:
            self._fresh_until = 0.0

    def _renew(self, reading: Future[Session]) -> None:
        """The thread that reads them once."""
        try:
            found = self._read(self._session)
        except AccessError as error:
            with self._lock:
                self._reading = None
            reading.set_exception(error)
            return
        with self._lock:
            self._session, self._fresh_until, self._reading = found, time.monotonic() + FRESH, None
        reading.set_result(found)

    def _read(self, before: Session | None) -> Session:
        configuration = Configuration()
        try:
            self._load(configuration)
            authorization = configuration.auth_settings().get("BearerToken", {}).get("value") or ""
            made_of = _made_of(configuration)
            if before is not None and before.made_of == made_of:
                pool = before.pool
            else:
                pool = ApiClient(configuration).rest_client.pool_manager
        except Exception as error:
            # The package raises whatever comes to it over a file that is not as it should be.
            raise AccessError(f"{type(error).__name__}: {error}") from error
        return Session(configuration.host.rstrip("/"), " ".join(authorization.split()), pool, made_of)


def kubeconfig(path: Path, context: str | None = None, *, interactive: bool = False) -> Access:
    """Credentials of a kubeconfig, of its current context unless another one is named. Raises AccessError."""

    def load(configuration: Configuration) -> None:
        load_kube_config(  # type: ignore[no-untyped-call]
            str(path), context=context, client_configuration=configuration, persist_config=False
        )

    return Access(load, interactive=interactive)


def as_kubectl(path: Path | None, context: str | None = None) -> Access:
    """Credentials where kubectl finds them. Raises AccessError.

    These are the file, else those of $KUBECONFIG, else ~/.kube/config, else the service account of a pod.
    """
    names = str(path) if path is not None else os.environ.get("KUBECONFIG") or "~/.kube/config"
    there = [name for name in names.split(os.pathsep) if name and Path(name).expanduser().exists()]
    if len(there) > 1 and context is None:
        # The package takes the current context of the last one, kubectl of the first.
        raise AccessError(f"there are several kubeconfigs, {' and '.join(there)}: name a context")
    if there:
        return kubeconfig(Path(names), context, interactive=True)
    if path is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster()
    raise AccessError(f"there is no kubeconfig {names}")


def in_cluster() -> Access:
    """The service account of the pod that this process runs in. Raises AccessError."""
    return Access(load_incluster_config)


def _made_of(configuration: Configuration) -> tuple[object, ...]:
    files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    other = (configuration.host, configuration.verify_ssl, configuration.tls_server_name, configuration.proxy)
    return (*other, *files, *(_signature(file) for file in files if file))


def _signature(file: str) -> tuple[int, int, int, int]:
    stat = os.stat(file)
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
