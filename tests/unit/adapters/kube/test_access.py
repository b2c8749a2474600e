"""Credentials: of a kubeconfig and of a pod, read again when they rotate."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.client.configuration import Configuration
from kubernetes.config import incluster_config

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.access import Access, AccessError
from tests.unit.adapters.kube.server import wait, write_kubeconfig


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Time that passes when it is told to."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def passes(seconds: float) -> None:
        now[0] += seconds

    return passes


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the kubelet shows to a pod."""
    (tmp_path / "token").write_text("first")
    (tmp_path / "ca.crt").write_text("certificate")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return tmp_path


def authorization(found: Access) -> str:
    """The header, as anybody may write its first word."""
    first, _, token = found.session().authorization.partition(" ")
    return f"{first.lower()} {token}"


def test_kubeconfig(tmp_path: Path) -> None:
    """Address and token of the current context."""
    found = access.kubeconfig(write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1/"))

    assert found.session().address == "http://127.0.0.1:1"
    assert authorization(found) == "bearer t"


def test_another_context(tmp_path: Path) -> None:
    """`--context` names one; one that is not there is an error."""
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    config = json.loads(path.read_text())
    config["clusters"].append({"name": "other", "cluster": {"server": "http://127.0.0.1:2"}})
    config["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "somebody"}})
    path.write_text(json.dumps(config))

    assert access.kubeconfig(path, "other").session().address == "http://127.0.0.1:2"
    with pytest.raises(AccessError, match="missing"):
        access.kubeconfig(path, "missing")


BROKEN = {
    "no file": None,
    "an empty file": "",
    "a list": "[]",
    "no YAML": "{",
    "nothing in it": "{}",
    "a context without a cluster": '{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "c"}}]}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_kubeconfig_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    """Whatever the package makes of it, it is one error."""
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)

    with pytest.raises(AccessError):
        access.kubeconfig(path)


def test_a_token_file_rotates(tmp_path: Path, clock: Callable[[float], None]) -> None:
    """A token that a kubeconfig has in a file is read again when it is a minute old; the connections stay."""
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {"tokenFile": "token"}
    path.write_text(json.dumps(config))
    (tmp_path / "token").write_text("first\n")
    found = access.kubeconfig(path)
    pool = found.session().pool
    (tmp_path / "token").write_text("second\n")
    assert authorization(found) == "bearer first"

    clock(access.FRESH)

    assert authorization(found) == "bearer second"
    assert found.session().pool is pool


def test_a_service_account_rotates(pod: Path, clock: Callable[[float], None]) -> None:
    """The kubelet replaces the token of a pod; an address of IPv6 is no obstacle."""
    found = access.in_cluster()
    assert found.session().address == "https://[fd00::1]:6443"
    assert authorization(found) == "bearer first"
    (pod / "token").write_text("second")
    clock(access.FRESH)

    assert authorization(found) == "bearer second"


def test_credentials_that_are_not_known_are_read_at_once(pod: Path) -> None:
    """After a 401 nobody waits for the minute to pass."""
    found = access.in_cluster()
    (pod / "token").write_text("second")
    found.renew()

    assert authorization(found) == "bearer second"


def test_another_certificate_means_other_connections(pod: Path, clock: Callable[[float], None]) -> None:
    """An authority that was replaced in its file is read; the same one is not read again and again."""
    found = access.in_cluster()
    pool = found.session().pool
    clock(access.FRESH)
    assert found.session().pool is pool

    (pod / "ca.crt").write_text("another certificate")
    clock(access.FRESH)

    assert found.session().pool is not pool


def test_credentials_that_vanish(pod: Path, clock: Callable[[float], None]) -> None:
    """They are an error of the next request, and used again when they are back."""
    found = access.in_cluster()
    (pod / "token").rename(pod / "away")
    clock(access.FRESH)
    with pytest.raises(AccessError, match="token"):
        found.session()

    (pod / "away").rename(pod / "token")

    assert authorization(found) == "bearer first"


def test_outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--in-cluster` elsewhere is an error."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(AccessError, match="not set"):
        access.in_cluster()


def test_exec_plugins(tmp_path: Path) -> None:
    """A program that a kubeconfig names is asked for the token."""
    plugin = tmp_path / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "made"},
    }
    plugin.write_text(f"#!{sys.executable}\nprint('''{json.dumps(credential)}''')\n")
    plugin.chmod(0o755)
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }
    path.write_text(json.dumps(config))

    assert authorization(access.kubeconfig(path)) == "bearer made"


def test_credentials_that_take_too_long(clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that hangs is an error for all who ask, none of whom waits long; when it answers, all goes on."""
    monkeypatch.setattr(access, "PATIENCE", 0.1)
    go_on, asked = threading.Event(), []

    def load(configuration: Configuration) -> None:
        asked.append(1)
        go_on.wait(60.0)
        configuration.host = f"http://127.0.0.1:{len(asked)}"

    go_on.set()
    found = Access(load)
    go_on.clear()
    clock(access.FRESH)
    for _ in range(3):
        with pytest.raises(AccessError, match=r"^nothing has answered for 0.1 s; does a plugin hang\?$"):
            found.session()
    found.renew()  # does not wait either
    assert len(asked) == 2

    go_on.set()

    assert wait(lambda: found.session().address == "http://127.0.0.1:2")
    assert len(asked) == 2


def test_credentials_that_take_too_long_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent does not begin without any; somebody at a terminal may take his time to log in."""
    monkeypatch.setattr(access, "PATIENCE", 0.1)
    go_on = threading.Event()

    def load(configuration: Configuration) -> None:
        go_on.wait(60.0)
        configuration.host = "http://127.0.0.1:1"

    with pytest.raises(AccessError, match="nothing has answered"):
        Access(load)
    threading.Timer(0.3, go_on.set).start()
    assert Access(load, interactive=True).session().address == "http://127.0.0.1:1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a kubeconfig, beside two others; nothing in the environment."""
    for name, port in (("home/.kube/config", 1), ("one", 2), ("two", 3)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_kubeconfig(tmp_path / name, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


AS_KUBECTL = {
    "the home": (None, None, "http://127.0.0.1:1"),
    "an empty variable": ("", None, "http://127.0.0.1:1"),
    "the variable": ("one", None, "http://127.0.0.1:2"),
    "of several, one is there": ("missing:one", None, "http://127.0.0.1:2"),
    "the option": ("one", "two", "http://127.0.0.1:3"),
    "the option, below the home": ("one", "~/.kube/config", "http://127.0.0.1:1"),
}


@pytest.mark.parametrize(("variable", "option", "address"), AS_KUBECTL.values(), ids=AS_KUBECTL)
def test_as_kubectl(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, option: str | None, address: str
) -> None:
    """The option, else $KUBECONFIG, else the one at home."""
    if variable is not None:
        monkeypatch.setenv("KUBECONFIG", variable)

    assert access.as_kubectl(Path(option) if option else None).session().address == address


def test_as_kubectl_of_several(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of their current contexts counts, programs do not agree about: one must be named."""
    monkeypatch.setenv("KUBECONFIG", "one:two")
    with pytest.raises(AccessError, match="several kubeconfigs, one and two: name a context"):
        access.as_kubectl(None)

    assert access.as_kubectl(None, "private").session().address == "http://127.0.0.1:2"


def test_as_kubectl_in_a_pod(home: Path, pod: Path) -> None:
    """The service account, where there is no kubeconfig at all."""
    (home / "home" / ".kube" / "config").unlink()

    assert access.as_kubectl(None).session().address == "https://[fd00::1]:6443"
    with pytest.raises(AccessError, match="there is no kubeconfig missing"):
        access.as_kubectl(Path("missing"))


def test_as_kubectl_without_anything(home: Path) -> None:
    """No kubeconfig, and no pod."""
    (home / "home" / ".kube" / "config").unlink()

    with pytest.raises(AccessError, match=r"there is no kubeconfig ~/\.kube/config"):
        access.as_kubectl(None)
