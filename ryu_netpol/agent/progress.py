"""How far an agent is, in numbers that cost nothing to ask for."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """After an event."""

    pending: bool
    """Something that was heard is in no plan yet."""
    generation: int
    """The last plan that was sent. If nothing is pending, everything that was heard is in it or in those before."""
    in_force: int | None
    """The last that packets are known to feel; None: nobody knows what is on the switch."""
