"""Texts with something wrong in them, and what has to hold for each."""

from __future__ import annotations

import contextlib
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ryu_netpol.cli.main import main
from ryu_netpol.model.load import Loaded, merge, read
from tests.corpus import mutate
from tests.corpus.replay import corpus
from tests.fuzz import naive

ROOT = Path(__file__).resolve().parents[2]
LINE_ENDS = (b"\n", b"\r", "\x85".encode(), "\u2028".encode(), "\u2029".encode())
"""What ends a line in YAML 1.1, which is how lines are counted."""
SLOWEST = 10.0
"""Seconds for one text: far more than any takes, but for one that never ends."""
EVERY = 20
"""Each of so many texts goes through the command, too."""
TOKENS = (
    "&a ", "*a", "<<: *a\n", "{<<: 5}", "<<: 5\n", "!!python/object:os.system ", "!!str ", "!x ", "? ", "- ", ": ",
    "\t", "\0",
    "\ufeff", "---\n", "...\n", "%YAML 1.1\n", "{", "}", "[", "]", ",", "|", ">", "'", '"', "#", "@", "`", "\\",
    "\n", "\r", "  ",
    "0x50", "0o17", "017", "1:20", "yes", "y", "~", "null", ".nan", "-.inf", "1e400", "80.0", "2016-01-01", "\x85",
    "\u2028",
    "\ud83d", "[" * 300, "- " * 300, "{a: " * 300, "9" * 5000, "a" * 70000, "\\ud83d", "[a]: b", "? [a]\n: b\n",
    "~: b", "{}", "[]",
    "kind: List", "kind: NetworkPolicy\n", "spec:\n", "ingress:\n", "apiVersion: extensions/v1beta1\n", "items:\n",
)  # fmt: skip


class Finding(AssertionError):
    """Something that must not be. Its text says what."""


def seeds() -> list[str]:
    """Texts that people wrote, and recorded ones."""
    files = [*sorted((ROOT / "examples").rglob("*.yaml")), *sorted((ROOT / "tests/golden").glob("*.yaml"))]
    return [path.read_text() for path in files] + [entry.text for entry in corpus()[::7]]


def texts(chance: random.Random) -> Iterator[bytes]:
    """One text after the other, without end; the same ones for the same chance."""
    written = seeds()
    while True:
        way = chance.random()
        if way < 0.4:
            yield _mutant(chance)
            continue
        text = _damaged(chance.choice(written), chance, written)
        if way < 0.9:
            yield text.encode("utf-8", "surrogatepass")
        else:
            yield _bytes(text, chance)


def _mutant(chance: random.Random) -> bytes:
    """A policy, pod or namespace with other values, in YAML or JSON, at times with a line twice."""
    document = mutate.mutated(
        chance.choice((mutate.SEED, mutate.SEED, mutate.LEGACY, mutate.POD, mutate.NAMESPACE)), chance
    )
    if chance.random() < 0.5:
        text = json.dumps(document, indent=chance.choice((None, 1, 2)), ensure_ascii=chance.random() < 0.5)
    else:
        text = yaml.safe_dump(document, default_flow_style=chance.choice((None, True, False)), sort_keys=False)
    if chance.random() < 0.2:
        text = _line_twice(text, chance)
    return text.encode("utf-8", "surrogatepass")


def _damaged(text: str, chance: random.Random, others: list[str]) -> str:
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randint(0, len(text))
        end = min(len(text), at + chance.choice((0, 0, 1, 5, 50)))
        other = chance.choice(others)
        begin = chance.randint(0, len(other))
        way = chance.randrange(6)
        if way == 0:
            text = _line_twice(text, chance)
        elif way == 1:
            text = text[:at] + text[end:]
        elif way == 2:
            text = text[:at] + other[begin : begin + 60] + text[end:]
        else:
            text = text[:at] + chance.choice(TOKENS) + text[end:]
    return text


def _line_twice(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def _bytes(text: str, chance: random.Random) -> bytes:
    """The text in another encoding, or with wrong bytes in it."""
    if chance.random() < 0.1:
        return text.encode(chance.choice(("utf-16", "utf-32", "utf-16-le", "utf-8-sig")), "surrogatepass")
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        data[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
    return bytes(data)


def examine(data: bytes) -> Loaded:
    """Read a text as commands do, and raise Finding for whatever must not be."""
    begin = time.monotonic()
    try:
        loaded = merge([read(data, file="f.yaml")])
    except Exception as error:
        raise Finding(f"raises {type(error).__name__}: {error}") from error
    took = time.monotonic() - begin
    if took > SLOWEST:
        raise Finding(f"took {took:.1f} s")
    last = 1 + sum(map(data.count, LINE_ENDS))
    for problem in loaded.problems:
        if problem.file != "f.yaml" or not 1 <= problem.line <= last or not problem.reason:
            raise Finding(f"a problem without its place: {problem!r}")
        if not str(problem).isprintable():
            raise Finding(f"a problem that no terminal shows: {problem!r}")
    if not loaded.errors:
        compare(data, loaded)
    return loaded


def compare(data: bytes, loaded: Loaded) -> None:
    """What is accepted is what a second reading says."""
    try:
        expected = naive.objects(data.decode("utf-8-sig"))
    except naive.Unclear:
        return
    except Exception as error:
        raise Finding(f"accepted, although a second reading fails: {type(error).__name__}: {error}") from error
    found = [seen for item in loaded.items if not item.stand_in and (seen := naive.seen(item.object))]
    if sorted(map(repr, map(_stable, expected))) != sorted(map(repr, map(_stable, found))):
        raise Finding(f"read as {found}, a second reading says {expected}")


def _stable(value: Any) -> Any:
    """Sets in an order, so that two of them can be compared as text."""
    if isinstance(value, frozenset):
        return tuple(sorted(repr(_stable(item)) for item in value))
    return tuple(map(_stable, value)) if isinstance(value, tuple) else value


def command(data: bytes, folder: Path) -> None:
    """Let `ryu-netpol check` read the text; raises Finding where it does not end as it should."""
    path = folder / "f.yaml"
    path.write_bytes(data)
    errors = read(data, file="f.yaml").errors or merge([read(data, file="f.yaml")]).errors
    for output in ("text", "json"):
        out, err = io.StringIO(), io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(["check", "-f", str(path), "-o", output])
        except Exception as error:
            raise Finding(f"check raises {type(error).__name__}: {error}") from error
        if code != (1 if errors else 0) or "Traceback" in err.getvalue() or not out.getvalue():
            raise Finding(f"check -o {output} ends with {code}, there are {errors} errors; {err.getvalue()!r}")
        if output == "json":
            json.loads(out.getvalue())


def run(*, seed: int, folder: Path, go_on: Callable[[int], bool]) -> dict[str, int]:
    """Examine texts for as long as wanted. Raises Finding with the text at the first that is not right."""
    counts = {"texts": 0, "accepted": 0, "through the command": 0}
    for number, data in enumerate(texts(random.Random(seed))):
        if not go_on(number):
            break
        try:
            loaded = examine(data)
            if number % EVERY == 0:
                command(data, folder)
                counts["through the command"] += 1
        except Finding as finding:
            raise Finding(f"text {number} of seed {seed}: {finding}\n{data!r}") from finding
        counts["texts"] += 1
        counts["accepted"] += not loaded.errors and bool(loaded.items)
    return counts
