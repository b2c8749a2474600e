"""Results as a table for the document."""

from __future__ import annotations

from ryu_netpol.bench.document import table
from ryu_netpol.bench.results import Result, Target, as_json


def test_table() -> None:
    """A row for each result; what is missed stands out."""
    found = table(as_json([Result("B3", "lag", 12.3, "ms", None, Target(10, "ms"))])["results"])

    assert (
        found == "| id | measure | value | unit | peer | ratio | target | met |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| B3 | lag | 12.3 | ms | - | - | at most 10 ms | **no** |\n"
    )
