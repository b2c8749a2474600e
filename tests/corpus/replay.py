"""The recorded answers, and whether ours are the same."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ryu_netpol.model.load import read

CORPUS = Path(__file__).with_name("validation.jsonl")
ACCEPTED, INVALID, UNKNOWN, UNREADABLE = "accepted", "invalid", "unknown field", "unreadable"
"""What a server says: it takes the object; it names the invalid fields; it names fields that are unknown or there
twice, and looks no further; or it names at most the first thing that it cannot read."""

_STRICT = re.compile(r'(?:unknown|duplicate) field "((?:[^"\\]|\\.)*)"')
_TYPE = re.compile(r"Go struct field \w+\.([\w.]+) of type")
_FURTHER = re.compile(r"\.except\[\d+\]$|^spec\.policyTypes\[\d+\]$")
"""What we name although the server stops before it: excepts of a bad cidr, entries of too long a list."""
_CONSEQUENCES = {
    frozenset({"metadata.generateName", "metadata.name"}): frozenset({"metadata.name"}),
    frozenset({"metadata.labels", "metadata.name"}): frozenset({"metadata.labels"}),
}
"""What the server names a second time: the name that it generated, the label with the namespace's name."""
_UNUSED = re.compile(r"^metadata\.(ownerReferences|finalizers|managedFields)\b|^status$")
_UNUSED_IN_PODS = re.compile(
    r"\.host(Port|IP)$|^spec\.(?!nodeName$|hostNetwork$|(initC|c)ontainers(\[\d+\])?\.ports\b)"
)
_API = re.compile(r'"apiVersion": "\w')
_FLOAT = "kubectl turns YAML's 80.0 into 80, and refuses it in JSON: we ask for a whole number in both"
_TAG = "a tag that we do not know is an error"
_MERGE = "YAML says what a merge key means; kubectl resolves it before a server looks"
DELIBERATE = {
    "VA-9 JSON trailing comma": "a file is YAML, which allows it",
    "VA-9 YAML label binary": _TAG,
    "VA-9 YAML label tag": _TAG,
    "VA-9 YAML label key twice as text": "1 and '1' are one key, and nobody knows which value is meant",
    "VA-9 YAML port 80.0": _FLOAT,
    "VA-9 YAML port 8e1": _FLOAT,
    "VA-9 YAML endPort 90.0": _FLOAT,
    "VA-9 YAML port float tag": _FLOAT,
    "VA-9 YAML merge over": _MERGE,
    "VA-9 YAML merge of merges": _MERGE,
}
"""Where we mean to answer otherwise, and why; docs/testing.md has the list, too."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, and what the server said."""

    name: str
    text: str
    yaml: bool
    verdict: str
    fields: tuple[str, ...] = ()

    @property
    def pod(self) -> bool:
        """Whether it is a pod."""
        return '"kind": "Pod"' in self.text

    def line(self) -> str:
        """The entry as a line of the corpus: an object where JSON can say it, its text where it cannot."""
        head: dict[str, Any] = {"name": self.name, "verdict": self.verdict}
        if self.fields:
            head["fields"] = self.fields
        body: dict[str, Any] = {"yaml": self.text} if self.yaml else {"json": self.text}
        if not self.yaml and _same(self.text):
            body = {"object": json.loads(self.text)}
        return json.dumps({**head, **body})


def _same(text: str) -> bool:
    try:
        return json.dumps(json.loads(text)) == text
    except ValueError:
        return False


@cache
def corpus() -> tuple[Entry, ...]:
    """The recorded entries."""
    lines = CORPUS.read_text().splitlines()[1:]
    return tuple(_entry(json.loads(line)) for line in lines)


def _entry(data: dict[str, Any]) -> Entry:
    text = data.get("yaml") or data.get("json") or json.dumps(data["object"])
    return Entry(data["name"], text, "yaml" in data, data["verdict"], tuple(data.get("fields", ())))


def verdict(code: int, body: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Put an answer in a word, with the fields that it names. Raises ValueError where it is about something else."""
    message = str(body.get("message", ""))
    if code == 201:
        return ACCEPTED, ()
    if code == 422:
        causes = body["details"].get("causes", ())
        return INVALID, tuple(sorted({cause["field"] for cause in causes}))
    if code != 400:
        raise ValueError(f"{code} {message}")
    if "strict decoding error: " in message and "yaml:" not in message:
        return UNKNOWN, tuple(sorted(set(_STRICT.findall(message))))
    return UNREADABLE, tuple(_TYPE.findall(message))


def difference(entry: Entry) -> str:
    """In what our answer differs, in a few words; empty where it does not."""
    loaded = read(entry.text, file="f")
    found = {_comparable(problem.field) for problem in loaded.problems if problem.is_error}
    if entry.verdict == ACCEPTED:
        return f"the server accepts it, we refuse {sorted(found)}" if loaded.errors else ""
    if not loaded.errors:
        return f"the server says {entry.verdict} {list(entry.fields)}, we accept it"
    named = {_comparable(field) for field in set(entry.fields) - _unused(entry)}
    if entry.verdict == INVALID:
        again = _CONSEQUENCES.get(frozenset(named), frozenset())
        named, found = named - again, found - again
        found -= {field for field in found if _FURTHER.search(field)} - named
    if entry.verdict == UNREADABLE:
        found = {re.sub(r"\[\d+\]", "", field) for field in found}
    missing = named - found
    more = found - named if entry.verdict == INVALID else set()
    return f"we do not name {sorted(missing)}, we alone name {sorted(more)}" if missing or more else ""


def _unused(entry: Entry) -> set[str]:
    """The fields among those named that mean nothing to policies, so that we do not look into them."""
    of_pods = {field for field in entry.fields if entry.pod and _UNUSED_IN_PODS.search(field)}
    return of_pods | {field for field in entry.fields if _UNUSED.search(field)}


def deliberate(entry: Entry) -> str:
    """Why our answer differs; empty where it should not."""
    if entry.fields and _unused(entry) == set(entry.fields):
        return "fields that mean nothing to policies are not looked at"
    if entry.verdict in (ACCEPTED, INVALID) and not entry.yaml and _API.search(entry.text) is None:
        return "a file has no address that says which API is meant"
    return DELIBERATE.get(entry.name, "")


def _comparable(field: str) -> str:
    """A field as both write it: the server names a whole map of labels, we name the label, odd keys in brackets."""
    field = re.sub(r'\["((?:[^"\\]|\\.)*)"\]', r".\1", field).lstrip(".")
    return re.sub(r"\b(labels|annotations|matchLabels)\b.+", r"\1", field, flags=re.DOTALL)
