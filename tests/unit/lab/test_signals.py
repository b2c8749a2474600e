"""Signals in a process that owns a lab."""

import signal

import pytest

from ryu_netpol.lab.signals import deferred, ending_in_order, undisturbed


def test_only_the_first_signal_interrupts() -> None:
    """Whoever presses Ctrl-C twice does not interrupt the removal that the first one began."""
    before = signal.getsignal(signal.SIGINT)
    with ending_in_order():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) == before


def test_term_is_an_exit() -> None:
    """So that context managers run, with the code that a shell would show."""
    with ending_in_order(), pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM


def test_a_deferred_signal_comes_after_the_block() -> None:
    """What is made in the block is known by then."""
    made: list[str] = []

    def make() -> None:
        with deferred():
            signal.raise_signal(signal.SIGINT)
            made.append("it")

    with ending_in_order(), pytest.raises(KeyboardInterrupt):
        make()
    assert made == ["it"]


def test_undisturbed_means_ignored() -> None:
    """A removal of a few seconds runs to its end."""
    done: list[str] = []
    with ending_in_order(), undisturbed():
        signal.raise_signal(signal.SIGINT)
        done.append("removed")

    assert done == ["removed"]
