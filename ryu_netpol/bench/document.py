"""Results as a table for docs/performance.md: `python -m ryu_netpol.bench.document < RESULTS.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ryu_netpol.bench.results import COLUMNS, number


def table(results: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of what `ryu-netpol bench -o json` printed."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    met = {True: "yes", False: "**no**", None: ""}[result["met"]]
    texts = {name: number(result[name]) for name in ("value", "peer", "ratio")}
    words = {name: str(result[name] or "") for name in ("id", "measure", "unit", "target")}
    return tuple({**words, **texts, "met": met}[name] for name in COLUMNS)


if __name__ == "__main__":
    print(table(json.load(sys.stdin)["results"]), end="")
