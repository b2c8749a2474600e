"""The command line itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

INTERRUPTED = """
import os, signal, sys
WANTED = sys.argv.pop()
class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == WANTED:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, AtImport())
from ryu_netpol.cli.main import main
sys.exit(main(["agent", "--help"]))
"""


@pytest.mark.parametrize("module", ["ryu_netpol.cli.common", "rich", "ryu_netpol.cli.agent", "ovs"], ids=str)
def test_interrupted_while_it_starts(module: str) -> None:
    """Ctrl-C during the imports, which take half a second: it ends at once, without a traceback."""
    # Whoever runs these tests in the background may have had interrupts ignored.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + INTERRUPTED
    done = subprocess.run([sys.executable, "-c", program, module], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_interrupts_that_are_ignored_stay_ignored() -> None:
    """As of a program that a shell has put into the background."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + INTERRUPTED
    done = subprocess.run([sys.executable, "-c", program, "rich"], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
