"""adapters.ryu_compat.framework: what importing it does to a process. Each case has a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ryu_netpol.adapters.ryu_compat.stack import VARIABLE, Stack, chosen

PATCHED = """
from eventlet.patcher import is_monkey_patched
print(*filter(is_monkey_patched, ("os", "select", "socket", "thread", "time")))
"""
"""eventlet comes with os-ken, too, so it can be asked on both stacks."""
VARIABLES = {
    "none": {},
    "os-ken native": {"OSKEN_HUB_TYPE": "native"},
    "os-ken eventlet": {"OSKEN_HUB_TYPE": "eventlet"},
    "ryu eventlet": {"RYU_HUB_TYPE": "eventlet"},
    "eventlet asyncio": {"EVENTLET_HUB": "asyncio"},
    "eventlet nonsense": {"EVENTLET_HUB": "nonsense"},
    "ryu nonsense": {"RYU_HUB_TYPE": "native", "OSKEN_HUB_TYPE": "nonsense"},
}


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run some Python with every warning on."""
    kept = {name: os.environ[name] for name in (VARIABLE,) if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", code], env={**kept, **variables}, capture_output=True, text=True
    )


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
def test_import_is_silent(variables: dict[str, str]) -> None:
    """Whatever the environment asks the frameworks for, users see no warning of a library that they never chose."""
    done = run("import ryu_netpol.app", **variables)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
def test_nothing_is_patched(variables: dict[str, str]) -> None:
    """Other libraries block in native threads of theirs, and the agent computes in its own."""
    done = run("import ryu_netpol.app\n" + PATCHED, **variables)

    assert (done.returncode, done.stdout.split()) == (0, [])


def test_the_checker_catches() -> None:
    """P10: a process that is patched does not pass."""
    assert run("import eventlet; eventlet.monkey_patch()\n" + PATCHED).stdout.split() != []


def test_one_stack_for_a_process() -> None:
    """The framework that was not chosen is not imported, although it may be installed."""
    other = {Stack.OS_KEN: "ryu", Stack.CLASSIC: "os_ken"}[chosen()]
    done = run(f"import sys, ryu_netpol.app; print({other!r} in sys.modules)")

    assert done.stdout.strip() == "False"
