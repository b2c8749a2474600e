"""Records what a real API server says: `python -m tests.corpus.record`, see docs/testing.md.

It sends every hand-written case and thousands of generated ones as dry-run creates with strict field validation,
tells where our decoder differs, and writes the hand-written ones, some of the generated ones and all that differ.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.corpus import cases, mutate, others
from tests.corpus.cases import Case
from tests.corpus.replay import CORPUS, Entry, deliberate, difference, verdict
from tests.kube.binaries import find
from tests.kube.client import Answer, Client
from tests.kube.server import started

LARGEST = 2000
"""Longer texts are sent, but not kept."""
NO_ADMISSION = ("ServiceAccount", "NamespaceLifecycle", "PodSecurity")
"""They look at more than the object."""
_PLACES = {
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Namespace": "/api/v1/namespaces",
}
_SEEDS = (mutate.SEED,) * 8 + (mutate.POD, mutate.NAMESPACE)


def generated(number: int, *, seed: int) -> Iterator[Case]:
    """Mutants of the seeds; the same ones for the same seed."""
    chance = random.Random(seed)
    for i in range(number):
        document: dict[str, Any] = chance.choice(_SEEDS)
        kind = document["kind"]
        document = mutate.mutated({**document, "kind": ...}, chance) | {"kind": kind}
        yield cases.case(f"generated {i}", document)


def asked(server: Client, case: Case) -> Answer:
    """What `kubectl create --dry-run=server --validate=strict` says to one case."""
    content = "yaml" if case.yaml else "json"
    # Discovery would not do: what a case calls its kind, and its apiVersion, may be wrong on purpose.
    path = _PLACES[case.kind].format(quote(case.namespace, safe=""))
    return server.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", case.text.encode(), content=content)


def entry(case: Case, answer: Answer) -> Entry:
    """What is recorded. Raises RuntimeError where the answer says nothing about the object."""
    try:
        return Entry(case.name, case.text, case.yaml, *verdict(answer.code, answer.body))
    except ValueError as error:
        raise RuntimeError(f"{case.name}: {error}") from None


def chosen(entries: list[Entry], *, keep: int, seed: int) -> list[Entry]:
    """What goes into the corpus: all but `keep` of the generated ones are left out, unless we differ there."""
    short = [entry for entry in entries if len(entry.text) <= LARGEST]
    made = [entry for entry in short if entry.name.startswith("generated ")]
    kept = {entry.name for entry in random.Random(seed).sample(made, min(keep, len(made)))}
    kept |= {entry.name for entry in made if difference(entry) and not deliberate(entry)}
    return [entry for entry in short if not entry.name.startswith("generated ") or entry.name in kept]


@contextlib.contextmanager
def _server(args: argparse.Namespace) -> Iterator[Client]:
    if args.server:
        server = Client(args.server, token=args.token_file.read_text().strip(), ca=args.ca)
        with contextlib.closing(server):
            yield server
        return
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), find(), no_admission=NO_ADMISSION) as one:
        yield one.admin


def main() -> int:
    """Record, and say where we differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.record", description=__doc__)
    parser.add_argument("--server", help="https://HOST:PORT; without it, one is started here")
    parser.add_argument("--token-file", type=Path, help="a file with the token of somebody who may create anything")
    parser.add_argument("--ca", type=Path, help="the certificate authority of the server")
    parser.add_argument("--generated", type=int, default=5000, metavar="N", help="how many mutants to send")
    parser.add_argument("--keep", type=int, default=150, metavar="N", help="how many of them to keep")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--output", type=Path, default=CORPUS)
    args = parser.parse_args()
    with _server(args) as server:
        version = server.version()
        every = (*cases.policies(), *others.pods(), *others.namespaces(), *generated(args.generated, seed=args.seed))
        entries = [entry(case, asked(server, case)) for case in every]
    differing = [(one, why) for one in entries if (why := difference(one)) and not deliberate(one)]
    for one, why in differing:
        print(f"{one.name}: {why}\n    {one.text if len(one.text) < 1500 else '...'}")
    kept = chosen(entries, keep=args.keep, seed=args.seed)
    lines = [json.dumps({"server": version, "seed": args.seed}), *(one.line() for one in kept)]
    args.output.write_text("\n".join(lines) + "\n")
    print(f"{version}: {len(entries)} objects sent, {len(kept)} kept, we differ on {len(differing)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
