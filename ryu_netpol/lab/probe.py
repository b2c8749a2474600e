"""Real packets, and what they prove.

A packet that does not arrive proves nothing by itself (P11): the listener may be missing, the port unplugged, the
machine too slow. So every denied probe needs its controls, connections on the same path that policy always allows: the
destination's node opens the same connection to it, and the source's node reaches the source. They must succeed before
and after. And it needs a flow that did it: the drop of an isolated pod at either end must count a packet of the
connection (proof.py). Otherwise the result is an error, never "denied". A refusal (reset, ICMP error, no route) is an
error too: policies drop, they do not refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ryu_netpol.lab.listen import Listener, Listeners
from ryu_netpol.lab.proof import Finding
from ryu_netpol.lab.shoot import Echo, Shot, Wire, shoot
from ryu_netpol.model.probe import Probe

TIMEOUT = 1.0
ATTEMPTS = 3
"""How often a probe is sent that shows nothing."""


class Outcome(Enum):
    """What a probe found out."""

    ALLOWED = "allowed"
    DENIED = "denied"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Question:
    """A connection to try, and the control connections that must work if it does not."""

    shot: Shot
    controls: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a question, and why in a few words."""

    outcome: Outcome
    reason: str

    @property
    def allowed(self) -> bool:
        """Whether the connection works; ask `outcome` first, an error is neither."""
        return self.outcome is Outcome.ALLOWED


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known beside the answers to the questions themselves."""

    before: Mapping[Shot, Echo]
    """Control connections before the questions."""
    after: Mapping[Shot, Echo] = field(default_factory=dict)
    """Those of silent ones again, afterwards."""
    drops: Mapping[Shot, Finding] = field(default_factory=dict)
    """What dropped the silent ones."""


Prove = Callable[[Sequence[Shot]], list[Finding]]
"""Finds out by which policy's drop each of these ends."""


def ask(questions: Sequence[Question], *, prove: Prove, timeout: float = TIMEOUT, parallel: int = 200) -> list[Result]:
    """Try all connections at once and judge them, results in the order of the questions."""
    return asyncio.run(_ask(questions, prove=prove, timeout=timeout, parallel=parallel))


def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's handler of what nobody asked a task for. An interrupt may come up in any of them, and ends all."""
    if not isinstance(context.get("exception"), KeyboardInterrupt | SystemExit):
        loop.default_exception_handler(context)


async def _ask(questions: Sequence[Question], *, prove: Prove, timeout: float, parallel: int) -> list[Result]:
    asyncio.get_running_loop().set_exception_handler(complain)
    async with Listeners() as listeners:
        every = [shot for question in questions for shot in (question.shot, *question.controls)]
        for listener in dict.fromkeys(_listener(shot) for shot in every if shot.protocol != "ICMP"):
            listeners.ensure(listener)
        # Loopback to itself is no path through the switch, but every other probe needs its controls to be known good
        # *before* it is asked. Only those of silent probes are asked again.
        before = await _controls((c for q in questions for c in q.controls), timeout=timeout, parallel=parallel)
        echoes = await shoot((q.shot for q in questions), timeout=timeout, parallel=parallel)
        silent = [q for q, echo in zip(questions, echoes, strict=True) if echo.wire is Wire.SILENT]
        # Where the path is known to be broken there is nothing to prove.
        reached = [q.shot for q in silent if all(before[control].wire is Wire.ANSWERED for control in q.controls)]
        # In a thread, so that listeners go on answering.
        drops = dict(zip(reached, await asyncio.to_thread(prove, reached), strict=True))
        after = await _controls((c for q in silent for c in q.controls), timeout=timeout, parallel=parallel)
    known = Findings(before, after, drops)
    return [judge(q, echo, known, timeout=timeout) for q, echo in zip(questions, echoes, strict=True)]


def insist(probe: Callable[[Sequence[Probe]], list[Result]], asked: Sequence[Probe]) -> list[Result]:
    """Probe, and ask again what showed nothing, as on a machine that is too busy; a verdict is never asked again."""
    results = probe(asked)
    for _ in range(ATTEMPTS - 1):
        unknown = [n for n, result in enumerate(results) if result.outcome is Outcome.ERROR]
        if not unknown:
            break
        for n, result in zip(unknown, probe([asked[n] for n in unknown]), strict=True):
            results[n] = result
    return results


def turns(questions: Sequence[Question]) -> list[list[int]]:
    """Which questions can be asked at once, by index: all, but SCTP one way after SCTP the other way.

    Userspace connection tracking does not see the ports of SCTP: whatever two hosts send each other is one connection,
    and an association one way would make one the other way look like its answer. A probe asks about a connection by
    itself; before each turn with SCTP in it, connection tracking must forget what SCTP it knows.

    What is one way is told by the namespaces, not by the addresses: outsiders have an address of a node in the switch.
    """
    found: list[list[int]] = [[], []]
    for index, question in enumerate(questions):
        shot = question.shot
        backward = shot.protocol == "SCTP" and shot.source.netns > shot.destination.netns
        found[backward].append(index)
    return [turn for turn in found if turn]


def _listener(shot: Shot) -> Listener:
    return Listener(shot.destination, shot.protocol, shot.port)


async def _controls(controls: Iterable[Shot], *, timeout: float, parallel: int) -> dict[Shot, Echo]:
    """What became of each control connection. One that fails is tried again, since this machine may have been too busy:
    a path that works the second time works.
    """
    unique = list(dict.fromkeys(controls))
    found = dict(zip(unique, await shoot(unique, timeout=timeout, parallel=parallel), strict=True))
    failed = [shot for shot, echo in found.items() if echo.wire is not Wire.ANSWERED]
    return found | dict(zip(failed, await shoot(failed, timeout=timeout, parallel=parallel), strict=True))


def judge(question: Question, echo: Echo, known: Findings, *, timeout: float) -> Result:
    """The verdict of one question: what happened to it, to its controls before and after, and what dropped it."""
    shot = question.shot
    if echo.wire is Wire.REFUSED:
        return Result(Outcome.ERROR, f"refused, which no policy does: {echo.words}")
    if echo.wire is Wire.ANSWERED:
        # A port that a program of the user serves answers with that program's words, or none: somebody did answer.
        name = echo.words.rpartition(" ")[0] if shot.protocol != "ICMP" else echo.words
        if name and name != shot.destination.name:
            return Result(Outcome.ERROR, f"answered by {name} instead of {shot.destination.name}")
        return Result(Outcome.ALLOWED, f"answered by {name or 'a program without a name'}")
    for when, controls in (("before", known.before), ("after", known.after)):
        for control in question.controls:
            if controls[control].wire is not Wire.ANSWERED:
                return Result(
                    Outcome.ERROR,
                    f"no answer, but neither had the control connection {when} it: {control.source.name} to "
                    f"{control.destination.name} by {control.protocol} {control.port or ''}".rstrip(),
                )
    finding = known.drops[shot]
    if finding.drop is None:
        return Result(Outcome.ERROR, f"no answer, but {finding.words}")
    return Result(
        Outcome.DENIED, f"no answer within {timeout:g} s, while its node reaches it; {finding.drop} counted it"
    )
