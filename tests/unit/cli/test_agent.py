"""The agent's command: settings, and what a folder becomes on its way to the agent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ryu_netpol.adapters.folder import FolderState
from ryu_netpol.adapters.ryu_compat.stack import VARIABLE
from ryu_netpol.agent.events import Event, Replaced
from ryu_netpol.cli.feeds import FeedToEvents
from ryu_netpol.cli.main import main
from ryu_netpol.model.load import LocatedProblem
from ryu_netpol.model.objects import Namespace
from tests.support import build

ERROR = LocatedProblem("f.yaml", 3, "Namespace blue", "metadata", "is torn")


class Inbox:
    """Stands in for the runtime."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reports: list[tuple[str, str]] = []

    def deliver(self, *events: Event) -> None:
        self.events = list(events)

    def report(self, what: str, message: str) -> None:
        self.reports.append((what, message))

    def namespaces(self) -> frozenset[object]:
        (event,) = self.events
        assert isinstance(event, Replaced)
        return frozenset(item for item in event.objects if isinstance(item, Namespace))


def test_mentioned_namespaces_exist() -> None:
    """A namespace that a pod names and nobody describes exists, with no label but its name (NP-27)."""
    inbox = Inbox()
    described = build.namespace("red", "team=a")
    FeedToEvents(inbox)(FolderState((build.pod("blue/a"), build.pod("red/a"), described)))  # type: ignore[arg-type]

    assert inbox.namespaces() == {Namespace("blue"), described}


def test_unreadable_files_bring_no_namespace_into_being() -> None:
    """What cannot be read may be the Namespace that isolates: its pods stay closed, others stay as they were."""
    inbox = Inbox()
    feed = FeedToEvents(inbox)  # type: ignore[arg-type]
    feed(FolderState((build.pod("blue/a"),), (ERROR,)))
    assert inbox.namespaces() == frozenset()

    feed(FolderState((build.pod("blue/a"),)))
    feed(FolderState((build.pod("blue/a"), build.pod("red/a")), (ERROR,)))

    assert inbox.namespaces() == {Namespace("blue")}


def test_problems_are_told_once() -> None:
    """A problem is reported when it appears, and again when it comes back."""
    inbox = Inbox()
    feed = FeedToEvents(inbox)  # type: ignore[arg-type]
    for problems in ((ERROR,), (ERROR,), (), (ERROR,)):
        feed(FolderState((), problems))

    assert inbox.reports == [("manifest_error", str(ERROR))] * 2


def test_a_folder_that_was_never_read_says_nothing() -> None:
    """Unknown is not none: nothing is delivered (R12)."""
    inbox = Inbox()
    FeedToEvents(inbox)(FolderState(known=False))  # type: ignore[arg-type]

    assert inbox.events == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "--pod-cidr"),
        (["--pod-cidr", "10.244.1.0"], "'10.244.1.0' is not a CIDR"),
        (["--pod-cidr", "10.244.1.0/31"], "too small"),
        (["--pod-cidr", "10.1.0.0/24", "--pod-cidr", "10.2.0.0/24"], "once for IPv4"),
    ],
    ids=["no block", "no prefix", "too small", "two of a family"],
)
def test_bad_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    """A setting that cannot be used gives one sentence and exit code 2."""
    code = main(["agent", "--node", "n", "--manifests", str(tmp_path), *words])

    assert code == 2
    assert sentence in capsys.readouterr().err


def test_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there gives one sentence."""
    code = main(["agent", "--node", "n", "--manifests", str(tmp_path / "no"), "--pod-cidr", "10.1.0.0/24"])

    assert code == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "variable", "sentence"),
    [
        (["--stack", "classic"], "", "the stack classic is not installed (ryu is missing): pip install"),
        ([], "classic", "the stack classic is not installed (ryu is missing): pip install"),
        ([], "nonsense", "there is no stack 'nonsense': it is os-ken or classic"),
        (["--stack", "nonsense"], "", "argument --stack: invalid choice: 'nonsense'"),
    ],
    ids=["option", "variable", "nonsense in the variable", "nonsense in the option"],
)
def test_a_stack_that_cannot_be_had(tmp_path: Path, words: list[str], variable: str, sentence: str) -> None:
    """As users call it: one sentence and exit code 2, nothing is started."""
    program = "import sys; sys.modules['ryu'] = None; from ryu_netpol.cli.main import main; sys.exit(main())"
    call = ["agent", "--node", "n", "--manifests", str(tmp_path), "--pod-cidr", "10.1.0.0/24", *words]
    done = subprocess.run(
        [sys.executable, "-c", program, *call],
        env={**os.environ, VARIABLE: variable, "OVS_RUNDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "one of --manifests, --kubeconfig and --in-cluster"),
        (["--manifests", ".", "--in-cluster"], "one of --manifests, --kubeconfig and --in-cluster"),
        (["--kubeconfig", "config", "--in-cluster"], "one of --manifests, --kubeconfig and --in-cluster"),
        (["--manifests", ".", "--context", "c"], "--context goes with --kubeconfig"),
        (["--kubeconfig", "missing"], "--kubeconfig missing is not a file"),
        (["--kubeconfig", "config"], "--kubeconfig config: ConfigException: Invalid kube-config"),
        (["--kubeconfig", "config", "--context", "c"], "--kubeconfig config: ConfigException: Invalid kube-config"),
        (["--in-cluster"], "--in-cluster: ConfigException: Service host/port is not set"),
    ],
    ids=["none", "two", "two of one server", "context alone", "no file", "empty", "empty, context", "not in a pod"],
)
def test_one_source_of_policies(tmp_path: Path, words: list[str], sentence: str) -> None:
    """As users call it: anything else gives one sentence and exit code 2, and nothing is started."""
    (tmp_path / "config").write_text("{}")
    call = [sys.executable, "-m", "ryu_netpol.cli.main", "agent", "--node", "n", "--pod-cidr", "10.1.0.0/24", *words]
    without = {k: v for k, v in os.environ.items() if not k.startswith("KUBERNETES_")}
    done = subprocess.run(
        call, cwd=tmp_path, env={**without, "OVS_RUNDIR": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


def test_a_folder_needs_no_kubernetes() -> None:
    """Start-up imports stay lazy: the heavy packages are those of the API server's feed alone."""
    program = (
        "import sys, ryu_netpol.cli.agent; print({'kubernetes', 'urllib3', 'msgspec', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
