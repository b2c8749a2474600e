"""What is asked of every judge, and what each answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ryu_netpol.model.packet import Connection
from ryu_netpol.model.probe import Probe


@dataclass(frozen=True, slots=True)
class Question:
    """A probe, and the connection that it stands for in this cluster."""

    probe: Probe
    connection: Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and why."""

    allowed: bool | None
    """None: neither could be shown, which only happens to packets."""
    reason: str

    @property
    def word(self) -> str:
        """The verdict in one word."""
        return {True: "allowed", False: "denied", None: "unknown"}[self.allowed]


Judge = Callable[[Sequence[Question]], list[Answer]]
"""Answers all questions, in their order."""
