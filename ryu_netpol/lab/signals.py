"""Ctrl-C and SIGTERM in a process that owns a lab: they end it in order, and not while it is being removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit, so that context managers run, as they do for SIGINT anyway.

    Only the first signal does, the others are ignored: whoever presses Ctrl-C twice must not interrupt the removal.
    """

    def leave(number: int, _: FrameType | None) -> None:
        for each in _NUMBERS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    with _handlers(dict.fromkeys(_NUMBERS, leave)):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal wait for the end of the block: for the moment between making something and knowing of it."""
    came: list[int] = []
    with _handlers(dict.fromkeys(_NUMBERS, lambda number, _: came.append(number))):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM for the few seconds of a removal: half removed is worse than late."""
    with _handlers(dict.fromkeys(_NUMBERS, signal.SIG_IGN)):
        yield


@contextmanager
def _handlers(handlers: Mapping[signal.Signals, object]) -> Iterator[None]:
    # Python lets only the main thread set handlers; elsewhere the signal goes there anyway.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
