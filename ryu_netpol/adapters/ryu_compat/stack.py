"""The two stacks, and which of them this process runs on; imports neither.

A process has one, chosen before the first import of `framework`: both frameworks keep their state in their modules.
"""

from __future__ import annotations

import enum
import importlib.metadata
import importlib.util
import os
from collections.abc import Callable

__all__ = ["VARIABLE", "Stack", "StackError", "choose", "chosen", "describe"]

VARIABLE = "RYU_NETPOL_STACK"
"""The environment variable that asks for a stack, as `--stack` does."""


class Stack(enum.StrEnum):
    """A framework, and what it runs on."""

    OS_KEN = "os-ken"
    """os-ken, in native threads."""
    CLASSIC = "classic"
    """Ryu 4.34, in eventlet's green threads."""


class StackError(RuntimeError):
    """The stack that is asked for does not exist or is not installed; one sentence."""


_PACKAGES = {Stack.OS_KEN: ("os_ken",), Stack.CLASSIC: ("ryu", "eventlet")}
_INSTALL = {Stack.OS_KEN: "pip install ryu-netpol", Stack.CLASSIC: 'pip install "ryu-netpol[classic]"'}
_BUILT_ON = {Stack.OS_KEN: ("os-ken",), Stack.CLASSIC: ("ryu", "eventlet")}


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def choose(wanted: str | None, *, is_there: Callable[[str], bool] = _is_there) -> Stack:
    """The stack that is wanted; if none is, the one that is installed. Raises StackError.

    Where both are installed the classic one is taken: os-ken comes with ryu-netpol, Ryu because somebody wanted it.
    """
    if wanted:
        try:
            stack = Stack(wanted)
        except ValueError:
            raise StackError(f"there is no stack {wanted!r}: it is {' or '.join(Stack)}") from None
        if missing := [package for package in _PACKAGES[stack] if not is_there(package)]:
            raise StackError(f"the stack {stack} is not installed ({missing[0]} is missing): {_INSTALL[stack]}")
        return stack
    for stack in (Stack.CLASSIC, Stack.OS_KEN):
        if all(map(is_there, _PACKAGES[stack])):
            return stack
    raise StackError(f"no stack is installed (neither os_ken nor ryu): {_INSTALL[Stack.OS_KEN]}")


def chosen() -> Stack:
    """The stack that this process's environment asks for, else the one that is installed. Raises StackError."""
    return choose(os.environ.get(VARIABLE))


def describe(stack: Stack) -> str:
    """The stack with its versions, for people: `os-ken 4.2.2` or `ryu 4.34 with eventlet 0.41.3`."""
    return " with ".join(f"{name} {importlib.metadata.version(name)}" for name in _BUILT_ON[stack])
