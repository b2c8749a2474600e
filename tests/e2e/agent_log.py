"""What an agent says in its log, as times (monotonic) of its generations. The agent must log events (level debug)."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ryu_netpol.lab.node import agent_program

T = TypeVar("T")

TALKATIVE = ("sh", "-c", 'exec "$0" "$@" --log-level debug', *agent_program())
"""The program for labs whose agents' logs are read here."""
CARELESS = (
    *(sys.executable, "-c"),
    "import sys; from ryu_netpol.agent import core; core.narrows = lambda *_, **__: False; "
    "from ryu_netpol.cli.main import main; sys.exit(main([*sys.argv[1:], '--log-level', 'debug']))",
)
"""The same, for agents that never find that a change narrows."""

LINE = re.compile(
    r"(?P<at>\d+-\d+-\d+ [\d:]+,\d+) \w+ (?:"
    r"(?P<heard>event replaced everything)"
    r"|generation (?P<sent>\d+): "
    r"|event Committed\(generation=(?P<acknowledged>\d+)\)"
    r"|generation (?P<in_force>\d+) is in force)"
)


@dataclass
class AgentLog:
    """Follows one file."""

    path: Path
    heard: list[tuple[float, int]] = field(default_factory=list)
    """When the folder was heard of, and the newest generation at that time."""
    sent: dict[int, float] = field(default_factory=dict)
    acknowledged: dict[int, float] = field(default_factory=dict)
    in_force: dict[int, float] = field(default_factory=dict)
    _read: int = 0

    def follow(self) -> None:
        """Read what is new."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        offset = time.time() - time.monotonic()
        for line in whole.decode().splitlines():
            if found := LINE.match(line):
                self._take(found, datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S,%f").timestamp() - offset)

    def _take(self, found: re.Match[str], at: float) -> None:
        if found["heard"]:
            self.heard.append((at, self.newest))
        elif found["sent"]:
            self.sent[int(found["sent"])] = at
        elif found["acknowledged"]:
            self.acknowledged[int(found["acknowledged"])] = at
        else:
            # The log has milliseconds, cut off.
            self.in_force[int(found["in_force"])] = at + 0.001

    @property
    def newest(self) -> int:
        """The newest generation."""
        return max(self.sent, default=0)

    def answer(self, after: int) -> int | None:
        """The generation that the agent made of what it heard first of the folder after so many times."""
        if len(self.heard) <= after:
            return None
        _, before = self.heard[after]
        return min((generation for generation in self.sent if generation > before), default=None)

    def felt(self, generation: int) -> float | None:
        """When this generation was in force: it may have been overtaken by a later one."""
        return min((at for number, at in self.in_force.items() if number >= generation), default=None)

    def wait(self, what: Callable[[], T | None], *, within: float = 20.0) -> T:
        """Follow until there is an answer."""
        deadline = time.monotonic() + within
        while (found := what()) is None:
            assert time.monotonic() < deadline, f"{self.path} does not say it: {self.path.read_text()[-2000:]}"
            time.sleep(0.005)
            self.follow()
        return found
