"""What a case is: a rule, what is added to the world or taken from it, and who gets through then.

    case("NP-1 a policy isolates for ingress", policy("red/p", "app=web"), denied=["red/b > red/a TCP/80"])

Objects are values of the model (tests/support/build.py), or manifests as text, which the program's own decoder reads:
for everything that a value cannot say, such as what is absent, null or empty. A rule about change has several stages,
one after the other. A question reads "red/a > blue/b TCP/80", with " v6" at the end for the other family of dual-stack
ends. Expectations were written by hand from docs/semantics.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest

from ryu_netpol.model.load import read
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.objects import Cluster, Namespace, Object, Pod, Policy
from ryu_netpol.model.packet import Connection
from ryu_netpol.model.probe import Probe, parse_end, resolve
from tests.rules.world import WORLD

_QUESTION = re.compile(r"(\S+) > (\S+) (\w+)(?:/(\d+))?( v6)?")


@dataclass(frozen=True)
class Stage:
    """The world at one moment, and who gets through."""

    objects: tuple[Object, ...] = ()
    """Added to the world, or put in place of what has the same key."""
    manifests: str = ""
    """The same, as text."""
    gone: tuple[str, ...] = ()
    """Pods ("red/b") that the world has and this moment has not, and namespaces ("red") with all that is in them."""
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    @property
    def expected(self) -> Iterator[tuple[str, bool]]:
        """Every question with its answer."""
        yield from ((question, True) for question in self.allowed)
        yield from ((question, False) for question in self.denied)

    @cached_property
    def written(self) -> tuple[Object, ...]:
        """What the manifests say. Raises ValueError if they have errors; warnings are as good as any."""
        loaded = read(self.manifests, file="manifests")
        if loaded.errors:
            raise ValueError("; ".join(str(problem) for problem in loaded.problems if problem.is_error))
        return loaded.objects

    @cached_property
    def cluster(self) -> Cluster:
        """Everything that is there."""
        everything = Cluster.of(*WORLD, *self.objects, *self.written)
        return Cluster.of(*(item for item in everything.objects() if not self._is_gone(item)))

    def _is_gone(self, item: Object) -> bool:
        match item:
            case Pod(key=key):
                return str(key) in self.gone or key.namespace in self.gone
            case Policy(key=key):
                return key.namespace in self.gone
            case Namespace(name=name):
                return name in self.gone
        return False

    def connection(self, question: str) -> Connection:
        """The connection that a question is about."""
        return connection(self.cluster, question)


@dataclass(frozen=True)
class Case:
    """What one rule means in one situation, or in several, one after the other."""

    rule: str
    """Begins with the number of the rule."""
    stages: tuple[Stage, ...]
    no_packets: str = ""
    """Why real packets cannot show it; empty where they do."""

    @property
    def number(self) -> str:
        """The number of the rule: NP-26."""
        return self.rule.partition(" ")[0]


@dataclass(frozen=True)
class Asked:
    """One question of a case, with its answer."""

    case: Case
    stage: Stage
    question: str
    expected: bool

    def __str__(self) -> str:
        """As tests are called."""
        stages = self.case.stages
        number = next(number for number, stage in enumerate(stages, 1) if stage is self.stage)
        when = "" if len(stages) == 1 else f" ({number} of {len(stages)})"
        return f"{self.case.rule}{when}: {self.question}"


def probe(question: str) -> Probe:
    """A question as commands ask it. Raises ValueError if it is none."""
    found = _QUESTION.fullmatch(question)
    if found is None:
        raise ValueError(f"{question!r} is no question")
    source, destination, protocol, port, six = found.groups()
    ends = parse_end(source), parse_end(destination)
    return Probe(*ends, Protocol[protocol], int(port) if port else None, 6 if six else None)


def connection(snapshot: Cluster, question: str) -> Connection:
    """The connection that a question is about."""
    return resolve(snapshot, probe(question))


def world(*objects: Object | str) -> Cluster:
    """The world with these objects and manifests, for tests of something else."""
    return stage(*objects).cluster


def stage(
    *objects: Object | str, gone: Iterable[str] = (), allowed: Iterable[str] = (), denied: Iterable[str] = ()
) -> Stage:
    """The world with these objects and manifests, without what is gone."""
    return Stage(
        objects=tuple(item for item in objects if not isinstance(item, str)),
        manifests="\n---\n".join(item for item in objects if isinstance(item, str)),
        gone=tuple(gone),
        allowed=tuple(allowed),
        denied=tuple(denied),
    )


def case(
    rule: str,
    *objects: Object | str,
    allowed: Iterable[str] = (),
    denied: Iterable[str] = (),
    no_packets: str = "",
) -> Case:
    """A case of one stage."""
    return Case(rule, (stage(*objects, allowed=allowed, denied=denied),), no_packets)


def story(rule: str, *stages: Stage, no_packets: str = "") -> Case:
    """A case of several stages."""
    return Case(rule, stages, no_packets)


def asked(cases: Iterable[Case]) -> Iterator[Asked]:
    """Every question of every case."""
    for each in cases:
        for moment in each.stages:
            for question, expected in moment.expected:
                yield Asked(each, moment, question, expected)


def every_question(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrize a test with every question of every case, as `asked`."""
    return pytest.mark.parametrize("asked", list(asked(cases)), ids=str)


def v1(spec: str, *, name: str = "red/p") -> str:
    """The manifest of a policy with this spec (YAML in one line); an empty text is no spec at all."""
    return _manifest("networking.k8s.io/v1", spec, name)


def v1beta1(spec: str, *, name: str = "red/old") -> str:
    """The same in the API of 1.3."""
    return _manifest("extensions/v1beta1", spec, name)


def _manifest(api: str, spec: str, name: str) -> str:
    space, _, rest = name.rpartition("/")
    metadata = f"name: {rest}, namespace: {space}" if space else f"name: {rest}"
    lines = [f"apiVersion: {api}", "kind: NetworkPolicy", f"metadata: {{{metadata}}}"]
    return "\n".join([*lines, f"spec: {spec}"] if spec else lines)
