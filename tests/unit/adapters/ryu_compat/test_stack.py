"""adapters.ryu_compat.stack: which framework a process runs on, and what users read about it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ryu_netpol.adapters.ryu_compat.stack import VARIABLE, Stack, StackError, choose, chosen, describe

BOTH = {"os_ken", "ryu", "eventlet"}


@pytest.mark.parametrize(
    ("wanted", "installed", "expected"),
    [
        pytest.param("os-ken", BOTH, Stack.OS_KEN, id="os-ken wanted"),
        pytest.param("classic", BOTH, Stack.CLASSIC, id="classic wanted"),
        pytest.param("os-ken", {"os_ken"}, Stack.OS_KEN, id="os-ken wanted, alone"),
        pytest.param("classic", {"ryu", "eventlet"}, Stack.CLASSIC, id="classic wanted, alone"),
        pytest.param(None, {"os_ken"}, Stack.OS_KEN, id="os-ken alone"),
        pytest.param(None, {"ryu", "eventlet"}, Stack.CLASSIC, id="classic alone"),
        pytest.param(None, BOTH, Stack.CLASSIC, id="both"),
        pytest.param(None, {"os_ken", "eventlet"}, Stack.OS_KEN, id="eventlet alone is no stack"),
        pytest.param(None, {"os_ken", "ryu"}, Stack.OS_KEN, id="ryu alone is no stack"),
        pytest.param("", {"os_ken"}, Stack.OS_KEN, id="an empty wish is none"),
    ],
)
def test_choose(wanted: str | None, installed: set[str], expected: Stack) -> None:
    """The one that is wanted; else the classic one where it is complete, else os-ken."""
    assert choose(wanted, is_there=installed.__contains__) is expected


@pytest.mark.parametrize(
    ("wanted", "installed", "sentence"),
    [
        pytest.param(
            "twisted", BOTH, "there is no stack 'twisted': it is os-ken or classic", id="a stack that does not exist"
        ),
        pytest.param(
            "classic",
            {"os_ken", "eventlet"},
            'the stack classic is not installed (ryu is missing): pip install "ryu-netpol[classic]"',
            id="without ryu",
        ),
        pytest.param(
            "classic",
            {"os_ken", "ryu"},
            'the stack classic is not installed (eventlet is missing): pip install "ryu-netpol[classic]"',
            id="without eventlet",
        ),
        pytest.param(
            "os-ken",
            {"ryu", "eventlet"},
            "the stack os-ken is not installed (os_ken is missing): pip install ryu-netpol",
            id="without os-ken",
        ),
        pytest.param(
            None, set(), "no stack is installed (neither os_ken nor ryu): pip install ryu-netpol", id="neither"
        ),
    ],
)
def test_what_cannot_be_chosen(wanted: str | None, installed: set[str], sentence: str) -> None:
    """One sentence: what is missing, and how to get it."""
    with pytest.raises(StackError) as raised:
        choose(wanted, is_there=installed.__contains__)

    assert str(raised.value) == sentence


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable means what the option means; empty, it means nothing."""
    installed = choose(None)
    for wish in ("", installed):
        monkeypatch.setenv(VARIABLE, wish)
        assert chosen() is installed

    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(StackError, match="nonsense"):
        chosen()


def test_describe() -> None:
    """The versions of what it is built on, as the packages tell them."""
    version = r"[0-9][0-9a-z.]*"
    patterns = {Stack.OS_KEN: f"os-ken {version}", Stack.CLASSIC: f"ryu {version} with eventlet {version}"}
    stack = chosen()

    assert re.fullmatch(patterns[stack], describe(stack))


def test_asking_imports_nothing() -> None:
    """A process that has asked has not chosen yet: no framework is imported, and no eventlet."""
    code = (
        "import sys; from ryu_netpol.adapters.ryu_compat.stack import chosen, describe; describe(chosen()); "
        "print(*sorted({'os_ken', 'ryu', 'eventlet'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
