"""A few seconds of `make fuzz`, always the same ones, and texts that are hard on purpose (VA, UR-2)."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ryu_netpol.cli.main import main
from ryu_netpol.model.load import read
from tests.fuzz import closed, fuzzer
from tests.fuzz.fuzzer import Finding

POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: ns}\n"


def test_what_nobody_meant(tmp_path: Path) -> None:
    """Damaged texts raise nothing, every problem has its place, and what is accepted means what it says."""
    counts = fuzzer.run(seed=4, folder=tmp_path, go_on=lambda number: number < 400)

    assert counts["texts"] == 400
    assert counts["accepted"] > 20
    assert counts["through the command"] == 20


def test_what_cannot_be_read_stays_closed() -> None:
    """UR-2: an entry that cannot be read is an error and allows nothing that the whole policy does not allow."""
    assert closed.run(seed=4, go_on=lambda number: number < 200) == 200


WRONG = {
    "rule": ("spec: {ingress: [{ports: [{port: 1}]}, {}]}\n", "spec: {ingress: [{ports: [{port: 1}]}]}\n"),
    "peer": ("spec: {ingress: [{from: [{podSelector: {}}]}]}\n", "spec: {ingress: [{}]}\n"),
    "port": ("spec: {ingress: [{ports: [{port: 1}]}]}\n", "spec: {ingress: [{ports: [{port: 1, endPort: 2}]}]}\n"),
    "except": ("spec: {ingress: [{from: [{ipBlock: {cidr: 1.0.0.0/8, except: [1.1.0.0/16]}}]}]}\n",) * 2,
    "selector": ("spec: {podSelector: {matchLabels: {a: ''}}}\n", "spec: {podSelector: {}}\n"),
    "types": ("spec: {egress: [{}]}\n", "spec: {}\n"),
    "unknown field": ("spec: {ingres: []}\n", "spec: {}\n"),
    "key twice": ("spec: {ingress: []}\nspec: {}\n", "spec: {}\n"),
    "number for text": ("spec: {podSelector: {matchLabels: {a: 1}}}\n", "spec: {podSelector: {}}\n"),
}
WRONG["except"] = (WRONG["except"][0], WRONG["except"][0].replace("1.1.0.0/16", ""))


@pytest.mark.parametrize("name", WRONG)
def test_the_second_reading_catches(name: str) -> None:
    """P10: a decoder that loses something, or accepts what it must not, is found."""
    text, lost = (POLICY + part for part in WRONG[name])

    with pytest.raises(Finding):
        fuzzer.compare(text.encode(), read(lost, file="f"))


@pytest.mark.parametrize(
    "text",
    [
        POLICY + "spec: {podSelector: {matchLabels: {a: b}}}\n",
        POLICY + "spec: {podSelector: {matchLabels: {a: c}}}\nx: 1\n",
        POLICY + "spec: {podSelector: {matchLabels: {a: b}}, policyTypes: [Egress], x: 1}\n",
        POLICY + "spec: {podSelector: {}, ingress: [{}], policyTypes: [Ingress, Egress], x: 1}\n",
    ],
    ids=["accepted", "other subject", "one direction", "wider rule"],
)
def test_the_checker_of_closed_policies_catches(text: str) -> None:
    """P10: a broken policy that is accepted, selects others or allows more is found."""
    with pytest.raises(Finding):
        closed.examine(text, closed.whole(closed.SEEDS[0]))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]\n" for before, now in itertools.pairwise("abcdefghi")
)
MEGABYTES = 10 * 1024 * 1024
TRAPS = {
    "empty": (b"", 0, "0 objects"),
    "blank": (b"\n \n", 0, "0 objects"),
    "marks": (b"---\n...\n---\n", 0, "0 objects"),
    "bomb": (BOMB.encode(), 1, "aliases stand for more than"),
    "alias of itself": (b"a: &a [*a]\n", 1, "f.yaml:1: "),
    "deep": (b"- " * 200_000, 1, "f.yaml:1: cannot be read: nested deeper than 100"),
    "deep JSON": (b'{"a":' * 200_000, 1, "f.yaml:1: cannot be read: nested deeper than 100"),
    "deep JSON that ends": (b"[" * 900 + b"]" * 900, 1, "f.yaml:1: "),
    "Python": (b"!!python/object/apply:os.system [x]\n", 1, "f.yaml:1: "),
    "UTF-8 broken": (b"a: b\nc: \xff\n", 1, "f.yaml:2: cannot be read: it is not UTF-8 text"),
    "UTF-16": ("kind: Pod\n".encode("utf-16"), 1, "f.yaml:1: cannot be read: it is not UTF-8 text"),
    "UTF-16 without mark": ("kind: Pod\n".encode("utf-16-le"), 1, "f.yaml:1: cannot be read: character"),
    "NUL": (b"kind: Pod\n\0\n", 1, "f.yaml:2: "),
    "tab": (b"kind: Pod\nmetadata:\n\tname: p\n", 1, "f.yaml:3: Pod ?/?: cannot be read"),
    "numbers as keys": (b"1: 2\n3.5: 4\n", 1, "f.yaml:1: kind: is required"),
    "ten megabytes in a line": (b"# " + b"x" * MEGABYTES, 0, "0 objects"),
    "ten megabytes of text": (b"kind: Pod\nx: " + b"y" * MEGABYTES, 1, "metadata.name: is required"),
    "many documents": (b"---\nkind: x\n" * 5000, 0, "0 objects"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_traps_end_with_a_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` ends with 0 or 1 and says what is wrong, and where, whatever the file does to YAML."""
    data, code, sentence = TRAPS[name]
    (tmp_path / "f.yaml").write_bytes(data)

    ended = main(["check", "-f", str(tmp_path / "f.yaml")])
    out, err = capsys.readouterr()

    assert (code, "") == (ended, err)
    assert sentence in out
