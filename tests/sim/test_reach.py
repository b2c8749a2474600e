"""`ryu-netpol reach` judges kinds of pods, and says of each single pair of pods what the oracle says of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from ryu_netpol.cli.judges import show
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.cli.judges.everybody import matrix, probes_json
from ryu_netpol.cli.judges.groups import groups
from ryu_netpol.cli.judges.kinds import FROM, TO, Kinds
from ryu_netpol.model.net import Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Verdict
from ryu_netpol.model.probe import End, Probe, default_probes, encode_probe, resolve
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.look import Seen
from ryu_netpol.oracle.sight import Terms
from ryu_netpol.oracle.space import Space
from tests.support.crowd import crowded
from tests.support.strategies import ALL, random_cluster

CLUSTERS = 200
BATCH = 20


def crowd(seed: int) -> Cluster:
    """A cluster with pods that cannot be told apart, of one IP version and of both, and with disputes."""
    rng = random.Random(seed)
    return crowded(rng, random_cluster(rng, features=ALL))


def verdicts(cluster: Cluster) -> dict[Probe, tuple[Version, Verdict]]:
    """What the oracle says of every probe, asked one by one."""
    oracle = Oracle(cluster)
    connections = {probe: resolve(cluster, probe) for probe in default_probes(cluster)}
    return {probe: (asked.source.version, oracle.evaluate(asked)) for probe, asked in connections.items()}


def mistakes(cluster: Cluster) -> Iterator[str]:
    """Every probe of which kinds say something else than the oracle, be it the verdict or the reason."""
    kinds = Kinds(cluster)
    kind_of = {pod: kind for kind in kinds.kinds for pod in kind.pods}
    for probe, (version, verdict) in verdicts(cluster).items():
        source, destination = (kind_of[end] for end in (probe.source, probe.destination))  # type: ignore[index]
        shot = (probe.protocol, probe.port)
        said = kinds.verdict(source, destination, version, shot)
        answers = kinds.answers(destination)[version]
        allowed = answers.allowed[destination.shots.index(shot)] >> source.number & 1  # type: ignore[arg-type]
        reason = said.reason.replace(str(FROM), str(probe.source)).replace(str(TO), str(probe.destination))
        if (said.allowed, bool(allowed), reason) != (verdict.allowed, verdict.allowed, verdict.reason):
            yield f"{probe}: {verdict}, not {said}, nor {allowed}"
        if not answers.asked >> source.number & 1:
            yield f"{probe} is not asked"


@pytest.mark.parametrize("start", range(0, CLUSTERS, BATCH), ids="clusters from {}".format)
def test_each_pair_is_judged_as_the_oracle_judges_it(start: int) -> None:
    """Verdict and reason of every probe, both IP versions, disputed and lost addresses; and how many there are."""
    for seed in range(start, start + BATCH):
        cluster = crowd(seed)
        counts = Counter("allowed" if verdict.allowed else "denied" for _, verdict in verdicts(cluster).values())

        assert [*mistakes(cluster)] == [], seed
        assert {"allowed": 0, "denied": 0, **counts} == Kinds(cluster).counts(), seed


def test_there_is_something_to_put_together() -> None:
    """The clusters of these tests have fewer kinds than pods."""
    pods = kinds = 0
    for seed in range(40):
        found = Kinds(crowd(seed)).kinds
        kinds += len(found)
        pods += sum(len(kind.pods) for kind in found)

    assert kinds * 4 < pods * 3


DEFECTS = {
    "blocks are not seen": (Terms, "blocks_at", lambda *_: 0),
    "named ports are not seen": (Space, "_named_ports", lambda *_: ()),
    "labels of peers are not seen": (Terms, "pods_at", lambda *_: 0),
    "rules look at nothing": (Seen, "by", lambda seen, _: ((), (), seen.disputed)),
    "pods with one address are as others": (
        Kinds,
        "_seen",
        lambda kinds, pod, version, at: kinds._space.sight(at.owner or pod, version),
    ),
    "disputes are not seen": (Kinds, "_apart", lambda *_: 0),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: pods that something tells apart must not be of one kind."""
    monkeypatch.setattr(*DEFECTS[name])

    assert any(next(mistakes(crowd(seed)), None) for seed in range(60))


@pytest.mark.parametrize("start", range(0, 60, BATCH), ids="clusters from {}".format)
def test_what_is_printed_is_what_single_answers_print(start: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte by byte: JSON and matrix, as if each probe had been judged by itself."""
    for seed in range(start, start + BATCH):
        cluster = crowd(seed)
        kinds, expected = Kinds(cluster), verdicts(cluster)
        probes = [
            {**encode_probe(probe), "allowed": verdict.allowed, "reason": verdict.reason}
            for probe, (_, verdict) in expected.items()
        ]

        assert json.dumps({"probes": probes}, indent=2) + "\n" == "".join(probes_json(kinds)), seed

        answers = [Answer(verdict.allowed, verdict.reason) for _, verdict in expected.values()]
        show.matrix([*expected], answers, line=show.Line())
        single = capsys.readouterr().out
        matrix(kinds, line=show.Line())

        assert single == capsys.readouterr().out, seed


@pytest.mark.parametrize("start", range(0, 60, BATCH), ids="clusters from {}".format)
def test_groups_say_what_is_allowed(start: int) -> None:
    """What is allowed is in one group, in the version in which it is; what is denied is in none."""
    for seed in range(start, start + BATCH):
        cluster = crowd(seed)
        expected = verdicts(cluster)
        told: Counter[tuple[End, End, object, Version | None]] = Counter()
        for group in groups(Kinds(cluster)):
            told.update(
                (source, destination, shot, version)
                for source in group.sources
                for destination in group.destinations
                for shot in group.shots
                for version in ((group.version,) if group.version else (4, 6))
            )
        for probe, (version, verdict) in expected.items():
            found = told[probe.source, probe.destination, (probe.protocol, probe.port), version]

            assert int(verdict.allowed) == found, (seed, probe)
