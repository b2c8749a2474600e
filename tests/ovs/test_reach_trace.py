"""`reach --via trace`: on every example, model, our interpreter and Open vSwitch say the same of every probe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.cli.main import main
from ryu_netpol.cli.offline import completed
from ryu_netpol.model.probe import default_probes, encode_probe
from tests.e2e.reach_probes import odd_probes

WAYS = ("model", "flows", "trace")


@pytest.mark.parametrize("example", ["seed", "default-deny", "two-way"])
def test_three_ways_agree(example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pods, the node, the outside, oneself, all protocols, both families; flows and trace give the same reason."""
    folder = f"examples/{example}"
    cluster = completed(load([folder]))
    asked = [*default_probes(cluster), *odd_probes(cluster)]
    file = tmp_path / "probes.json"
    file.write_text(json.dumps([encode_probe(probe) for probe in asked]))
    status = main(["reach", "-f", folder, "--probes", str(file), "-o", "json", *(f"--via={way}" for way in WAYS)])

    printed = capsys.readouterr()
    assert status == 0, printed.err
    found = json.loads(printed.out)["probes"]
    assert len(found) == len(asked) > 250
    assert {tuple(entry["via"]) for entry in found} == {WAYS}
    assert [entry["via"]["trace"] for entry in found] == [entry["via"]["flows"] for entry in found]
    assert {entry["allowed"] for entry in found} == {True, False}
