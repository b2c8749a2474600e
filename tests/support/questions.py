"""An agent that is asked without a thread."""

from __future__ import annotations

from collections.abc import Collection

from ryu_netpol.adapters.health.health import Questions
from ryu_netpol.adapters.health.proven import Proven
from ryu_netpol.agent.events import Kind
from tests.support.fake import World


def questions(world: World, proven: Proven, *, late: Collection[Kind] = ()) -> Questions:
    """What can be asked of the agent of a world."""
    return Questions(lambda question: question(world.agent), proven.standing, proven.seen, lambda: frozenset(late))


def busy() -> Questions:
    """Those of an agent that does not answer."""

    def silent(_: object) -> None:
        raise TimeoutError("the agent has not answered within 3 s")

    return Questions(silent, silent, dict, frozenset)  # type: ignore[arg-type]
