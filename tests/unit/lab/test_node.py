"""Nodes of the lab, as far as they are values."""

from __future__ import annotations

import pytest

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.node import lab_datapath


@pytest.mark.parametrize("name", ["netdev", "system"])
def test_the_environment_chooses_the_datapath(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """DATAPATH names the datapath; without it, the userspace one."""
    monkeypatch.setenv("DATAPATH", name)
    assert lab_datapath() == name

    monkeypatch.delenv("DATAPATH")
    assert lab_datapath() == "netdev"


def test_another_datapath_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A datapath that there is not is one sentence."""
    monkeypatch.setenv("DATAPATH", "kernel")
    with pytest.raises(LabError, match="netdev or system"):
        lab_datapath()
