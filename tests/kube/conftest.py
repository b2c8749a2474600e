"""API servers for tests: one for all that leave it as it is, and one of its own for each that breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.binaries import find
from tests.kube.client import Client
from tests.kube.server import Server, started
from tests.support.deploy import objects

STATUSES = "/apis/netpol.ryu-netpol.io/v1alpha1/nodepolicystatuses"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that many tests share: each uses a namespace of its own, and none stops it."""
    with started(tmp_path_factory.mktemp("kube"), find()) as one:
        yield one


@pytest.fixture(scope="session")
def deployed(server: Server) -> Server:
    """The shared server with everything of deploy/ but the DaemonSet, which no controller would start."""
    for value in objects():
        if value["kind"] != "DaemonSet":
            server.admin.apply(value)
    server.wait(lambda: server.admin.request("GET", STATUSES).code == 200)
    return server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for this test alone, which may stop it, kill it and take its store away."""
    folder = tmp_path / "kube"
    folder.mkdir()
    with started(folder, find()) as one:
        yield one


@pytest.fixture
def admin(server: Server) -> Client:
    """Who may do everything on the shared server."""
    return server.admin
