"""Random policy changes under running streams: what is denied stops when the agent says so, nothing else is lost.

A short run by default; `make test-streams` runs the whole thing, 200 changes under 50 streams.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from ryu_netpol.lab import namespace
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.net import Address
from tests.e2e.agent_log import CARELESS, TALKATIVE, AgentLog
from tests.e2e.stream_judge import Span, arrived_between, faults, quantiles
from tests.e2e.stream_story import Change, Planned, Story
from tests.e2e.traffic import Kind, Spec, Track, Traffic
from tests.support import manifests

CHANGES = int(os.environ.get("STREAM_CHANGES", "40"))
STREAMS = int(os.environ.get("STREAM_COUNT", "20"))
SEED = int(os.environ.get("STREAM_SEED", "1"))
LISTEN = 0.12
"""Seconds from one change's being in force to the next change."""
UNDER_WAY = 0.75
"""Seconds in which what was sent has certainly arrived, or never will: on two busy cores some packets take 0.56."""
TRIES_ALWAYS = (Kind.UDP, Kind.ICMP)
"""Streams that go on asking while they are denied; the others are opened when they are allowed."""


@dataclass
class Timing:
    """One change, on the slowest of the nodes."""

    written: float
    effective: float = float("inf")
    """No node has changed anything before."""
    acknowledged: float = 0.0
    in_force: float = 0.0
    lags: list[float] = field(default_factory=list)
    """From acknowledgement to in force, on each node."""
    cut: frozenset[int] = frozenset()
    """Streams that it denies."""


class Conductor:
    """Makes the changes, opens and closes streams, and keeps account of what each stream may do, and since when."""

    def __init__(self, story: Story, folder: Path, lab: Lab, traffic: Traffic) -> None:
        self.story, self.folder, self.lab, self.traffic = story, folder, lab, traffic
        self.logs = [AgentLog(node.agent_log) for node in lab.nodes.values()]
        self.allowed = story.allowed(story.cluster)
        self.spans: list[Span] = []
        self.timings: list[Timing] = []
        self.problems: list[str] = []
        self.sent_in_vain = 0
        self._since: dict[int, tuple[float, str]] = {}
        self._open: set[int] = set()
        self._sent_again: dict[int, tuple[int, int]] = {}

    # --- streams --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open what may run."""
        for key in self.lab.pods:
            self._enable_ping(key)
        self._start({stream.number for stream in self.story.streams}, time.monotonic(), "the beginning")

    def _enable_ping(self, key: str) -> None:
        namespace.sysctl(self.lab.netns(key), {"net.ipv4.ping_group_range": "0 0"})

    def _start(self, numbers: set[int], since: float, why: str) -> None:
        """From now on it is certain what these may do; open those that are not running."""
        for number in sorted(numbers):
            stream, allowed, began = self.story.streams[number], number in self.allowed, since
            if number not in self._open and (allowed or stream.kind in TRIES_ALWAYS):
                if problem := self.traffic.open(self._spec(stream)):
                    self.problems.append(f"{stream} cannot be opened after {why}: {problem}")
                    continue
                self._open.add(number)
                self._sent_again[number] = 0, 0
                began = since if not allowed else time.monotonic()
            self._since[number] = began, why

    def _close(self, numbers: Iterable[int]) -> None:
        for number in self._open.intersection(numbers):
            self._open.remove(number)
            self.traffic.close(number)

    def _spec(self, stream: Planned) -> Spec:
        client, server = (self._netns(address) for address in (stream.source, stream.destination))
        source, destination = str(stream.source), str(stream.destination)
        return Spec(stream.number, stream.kind, client, source, server, destination, stream.port)

    def _netns(self, address: Address) -> str:
        (key,) = [str(pod.key) for pod in self.story.cluster.pods.values() if address in pod.addresses]
        return self.lab.netns(key)

    # --- changes --------------------------------------------------------------------------------------------------

    def change(self) -> None:
        """The next change, until it is in force everywhere."""
        before = self.story.cluster
        change = self.story.next()
        allowed = self.story.allowed(change.cluster)
        moved = set() if change.leaves is None else set(before.pods[change.leaves].addresses)
        touched = {s.number for s in self.story.streams if {s.source, s.destination} & moved}
        uncertain = touched | (self.allowed ^ allowed) | self._denied_between_nodes()
        self._count_retransmissions(change.what)
        # TCP would send again what was denied when it was sent.
        self._close(s.number for s in self.story.streams if s.kind is Kind.TCP and s.number in allowed - self.allowed)
        if touched:
            silent = self.traffic.silence(touched)
            self._end_spans(touched, allowed_until=silent, denied_until=silent)
            time.sleep(UNDER_WAY)
            self._close(touched)
        for log in self.logs:
            log.follow()
        marks = [len(log.heard) for log in self.logs]
        timing = Timing(time.monotonic(), cut=frozenset(self.allowed - allowed - touched))
        manifests.write(change.cluster.objects(), self.folder)
        if change.leaves is not None:
            self._swap(change)
        self._wait(timing, marks)
        # What was sent shortly before a node acted may have been under way then, and is cut as well.
        arrived = min(timing.written, timing.effective - UNDER_WAY)
        self._end_spans(uncertain, allowed_until=arrived, denied_until=timing.written)
        self.timings.append(timing)
        self.allowed = allowed
        self._start(uncertain, timing.in_force, change.what)

    def _denied_between_nodes(self) -> set[int]:
        """Denied by one node before and by the other one after, a stream may run in between."""
        return {s.number for s in self.story.streams if s.number not in self.allowed and not self.story.local(s)}

    def _swap(self, change: Change) -> None:
        self.lab.detach(str(change.leaves))
        self.lab.attach([spec for spec in pod_specs(change.cluster) if spec.key == str(change.comes)])
        self._enable_ping(str(change.comes))

    def _wait(self, timing: Timing, marks: Sequence[int]) -> None:
        for log, mark in zip(self.logs, marks, strict=True):
            first = log.wait(partial(log.answer, mark))
            acknowledged = log.wait(partial(log.acknowledged.get, first))
            last = log.newest
            felt = log.wait(partial(log.felt, last))
            timing.effective = min(timing.effective, log.sent[first])
            timing.acknowledged = max(timing.acknowledged, acknowledged)
            timing.in_force = max(timing.in_force, felt)
            if last == first:
                timing.lags.append(felt - acknowledged)

    # --- account --------------------------------------------------------------------------------------------------

    def _end_spans(self, numbers: Iterable[int], *, allowed_until: float, denied_until: float) -> None:
        for number in self._since.keys() & set(numbers):
            start, why = self._since.pop(number)
            allowed = number in self.allowed
            self.spans.append(Span(number, allowed, start, allowed_until if allowed else denied_until, why))

    def _count_retransmissions(self, before: str) -> None:
        """What was lost in TCP the kernel has sent again; what it sent again in vain was only late.

        That it was in vain is known a little later, so what counts is what was still so at the next question.
        """
        for number, (total, in_vain) in self.traffic.retransmitted().items():
            known, suspected = self._sent_again[number]
            lost = total - in_vain
            if number in self.allowed and min(lost, suspected) > known:
                self.problems.append(f"stream {number}: {lost - known} TCP segments were lost before '{before}'")
                known = lost
            self._sent_again[number] = known, lost
            self.sent_in_vain = max(self.sent_in_vain, in_vain)

    def end(self) -> list[Track]:
        """Stop sending, and let what is under way arrive."""
        end = self.traffic.silence(self._open)
        self._end_spans(list(self._since), allowed_until=end, denied_until=end)
        time.sleep(UNDER_WAY)
        for _ in range(2):
            self._count_retransmissions("the end")
        return self.traffic.stop()


@contextmanager
def playing(story: Story, folder: Path, base: Path, program: Sequence[str]) -> Iterator[Conductor]:
    """The lab with all streams running."""
    folder.mkdir()
    manifests.write(story.cluster.objects(), folder)
    with Lab(folder, node_specs(story.cluster), base=base, program=program) as lab, Traffic() as traffic:
        lab.attach(pod_specs(story.cluster))
        conductor = Conductor(story, folder, lab, traffic)
        conductor.start()
        yield conductor


def play(conductor: Conductor, changes: int) -> list[Track]:
    """All changes, one after the other."""
    for _ in range(changes):
        # Not luck: in this time packets show whether what is in force is what they meet.
        time.sleep(LISTEN)
        conductor.change()
    time.sleep(LISTEN)
    return conductor.end()


def test_streams(tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NP-90 to NP-94: after a change is in force no denied packet arrives, and no allowed stream loses any."""
    story = Story(SEED, STREAMS)
    with playing(story, tmp_path / "streams", base, TALKATIVE) as conductor:
        tracks = play(conductor, CHANGES)

    with capsys.disabled():
        print(statistics(conductor, tracks))
    assert conductor.problems == []
    assert list(faults(conductor.spans, tracks)) == []
    assert sum(len(timing.cut) for timing in conductor.timings) > CHANGES / 4
    assert sum(len(track.sent) for track in tracks) > CHANGES * STREAMS


def test_the_checker_catches_agents_that_revoke_nothing(tmp_path: Path, base: Path) -> None:
    """P10: with agents that never raise the epoch, packets of connections that were revoked arrive."""
    with playing(Story(SEED, STREAMS), tmp_path / "streams", base, CARELESS) as conductor:
        tracks = play(conductor, 12)

    assert any("denied packets arrived" in fault for fault in faults(conductor.spans, tracks))


def statistics(conductor: Conductor, tracks: Sequence[Track]) -> str:
    """What there is to report."""
    timings = conductor.timings
    between = [arrived_between(t.cut, tracks, t.acknowledged, t.in_force) for t in timings]
    sent, arrived = (sum(len(t.sent) for t in tracks), sum(bool(at) for t in tracks for at in t.received))
    return f"""
{len(timings)} changes, {len(conductor.story.streams)} streams, {sum(len(t.cut) for t in timings)} streams cut
packets sent {sent}, arrived {arrived}; TCP segments of one stream sent again in vain: at most {conductor.sent_in_vain}
from acknowledgement to in force, per node: {quantiles([lag for t in timings for lag in t.lags])}
from manifest to in force on both nodes: {quantiles([t.in_force - t.written for t in timings])}
denied packets between acknowledgement and in force: {sum(between)}, at most {max(between)} after one change
"""
