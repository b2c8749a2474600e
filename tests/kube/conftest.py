"""API servers for tests: one for all that leave it as it is, and one of its own for each that breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kube.binaries import find
from tests.kube.client import Client
from tests.kube.scene import deploy
from tests.kube.server import Server, started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that many tests share: each uses a namespace of its own, and none stops it."""
    with started(tmp_path_factory.mktemp("kube"), find()) as one:
        yield one


@pytest.fixture(scope="session")
def deployed(server: Server) -> Server:
    """The shared server with everything of deploy/ but the DaemonSet, which no controller would start."""
    deploy(server)
    return server


@pytest.fixture
def streams() -> bool | None:
    """Whether a test's own server has streaming lists, where the test has it as a parameter; otherwise as it comes."""
    return None


@pytest.fixture
def own_server(tmp_path: Path, streams: bool | None) -> Iterator[Server]:
    """A server for this test alone, which may stop it, kill it and take its store away.

    It has no streaming lists where its etcd is too old for them, or where it is told so.
    """
    folder = tmp_path / "kube"
    folder.mkdir()
    programs, flags = find(), []
    if streams:
        programs = replace(programs, etcd=programs.streaming_etcd)
    elif streams is False and programs.etcd == programs.streaming_etcd:
        flags = ["--feature-gates=WatchList=false"]
    with started(folder, programs, flags=flags) as one:
        yield one


@pytest.fixture
def admin(server: Server) -> Client:
    """Who may do everything on the shared server."""
    return server.admin
