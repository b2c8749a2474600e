"""Settings that are read from text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.config import Settings, SettingsError, listen_address
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("off", None),
        ("", None),
    ],
    ids=str,
)
def test_addresses_to_listen_at(text: str, expected: tuple[str, int] | None) -> None:
    """ADDRESS:PORT, IPv6 in brackets, or nothing."""
    assert listen_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
     "[127.0.0.1]:80", "on"],
    ids=str,
)  # fmt: skip
def test_addresses_that_are_none(text: str) -> None:
    """Refused in one sentence that says how it is written."""
    with pytest.raises(SettingsError, match=r"^--metrics-bind .*: it is ADDRESS:PORT, as in 127.0.0.1:9464, or off$"):
        listen_address(text)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"manifests": Path(__file__).parent}, f"folder {Path(__file__).parent}"),
        ({"kubeconfig": Path(__file__)}, f"API server of {__file__}"),
        ({"kubeconfig": Path(__file__), "context": "blue"}, f"API server of {__file__}, context blue"),
        ({"in_cluster": True}, "API server of the agent's own cluster"),
    ],
    ids=["folder", "kubeconfig", "context", "in a cluster"],
)
def test_where_the_state_comes_from(source: dict[str, Any], words: str) -> None:
    """In words, for status."""
    settings = Settings(node=NodeName("n"), pod_cidrs=(Cidr.parse("10.1.0.0/24"),), **source)

    assert settings.source == words
