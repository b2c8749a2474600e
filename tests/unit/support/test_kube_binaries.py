"""Which etcd, kube-apiserver and kubectl tests use, and when they are built."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.kube import binaries

GO = """#!/bin/sh
case $1 in
version) echo "go version go{release} linux/amd64" ;;
build) shift; while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
  echo "#!/bin/sh
echo etcd Version: 3.6.4 # $PWD $GOFLAGS $CGO_ENABLED $GOEXPERIMENT" >"$out"; chmod +x "$out"; exit {code} ;;
esac
"""
ETCD = "#!/bin/sh\n[ $1 = --version ] && echo etcd Version: {} && echo Git SHA: x\n"


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with a shell's programs and nothing else, its folders `assets`, `path`, `cache`."""
    for folder in ("assets", "path", "cache"):
        (tmp_path / folder).mkdir()
    (tmp_path / "path/chmod").symlink_to("/bin/chmod")
    return {
        "KUBEBUILDER_ASSETS": str(tmp_path / "assets"),
        "PATH": str(tmp_path / "path"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


def put(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """A program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def go(machine: dict[str, str], release: str = "1.26.8", code: int = 0) -> None:
    """A Go that says its release and 'builds' a file with what it was told."""
    put(Path(machine["PATH"]) / "go", GO.format(release=release, code=code))


def test_each_program_comes_from_the_first_place_that_has_it(machine: dict[str, str]) -> None:
    """Assets, then PATH, then what was built; each program by itself."""
    store, *built = [put(binaries.cached(name, machine), ETCD.format("3.6.4")) for name in binaries.BUILT]
    first = binaries.find(machine)
    on_path = put(Path(machine["PATH"]) / "kube-apiserver")
    second = binaries.find(machine)
    etcd, *assets = [put(Path(machine["KUBEBUILDER_ASSETS"]) / name, ETCD.format("3.5.21")) for name in binaries.BUILT]

    assert first == binaries.Binaries(store, *built, streaming_etcd=store)
    assert second == binaries.Binaries(store, on_path, built[1], streaming_etcd=store)
    assert binaries.Binaries(etcd, *assets, streaming_etcd=etcd) == binaries.find(machine)


@pytest.mark.parametrize(
    ("version", "streams"),
    [("3.3.27", False), ("3.4.23", False), ("3.4.31", True), ("3.5.12", False), ("3.5.13", True), ("3.6.0", True),
     ("4.0.0", True), ("x", False)],
    ids=str,
)  # fmt: skip
def test_streaming_lists_need_a_newer_etcd(machine: dict[str, str], version: str, streams: bool) -> None:
    """An old one is used where any will do, and another one where streaming lists are wanted."""
    ours, *_ = [put(binaries.cached(name, machine), ETCD.format("3.6.4")) for name in binaries.BUILT]
    theirs = put(Path(machine["PATH"]) / "etcd", ETCD.format(version))
    found = binaries.find(machine)

    assert (found.etcd, found.streaming_etcd) == (theirs, theirs if streams else ours)


def test_a_file_that_cannot_be_run_is_none(machine: dict[str, str]) -> None:
    """What somebody left half-copied is not taken for the program."""
    put(Path(machine["KUBEBUILDER_ASSETS"]) / "etcd").chmod(0o644)

    assert binaries.program("etcd", machine) is None


def test_the_cache_is_outside_of_the_checkout() -> None:
    """A fresh clone finds it in the user's own cache, by its version."""
    expected = Path(f"/home/me/.cache/ryu-netpol/kubectl-{binaries.version()}")

    assert expected == binaries.cached("kubectl", {"HOME": "/home/me"})
    assert expected == binaries.cached("kubectl", {"HOME": "/home/me", "XDG_CACHE_HOME": ""})


def test_they_are_built_once(machine: dict[str, str]) -> None:
    """With Go there, all are built beside go.mod, without cgo; the second time they are found."""
    go(machine)
    first = binaries.built(machine)
    (Path(machine["PATH"]) / "go").unlink()

    assert first.apiserver.read_text().endswith(f" # {binaries.MODULE} -mod=readonly 0 \n")
    assert first == binaries.built(machine)
    assert first.etcd == first.streaming_etcd == binaries.cached("etcd", machine)


def test_an_old_etcd_is_no_reason_not_to_build_one(machine: dict[str, str]) -> None:
    """Both are used then, so that servers with and without streaming lists are tested."""
    old = put(Path(machine["PATH"]) / "etcd", ETCD.format("3.4.23"))
    go(machine)
    found = binaries.built(machine)

    assert (found.etcd, found.streaming_etcd) == (old, binaries.cached("etcd", machine))


def test_newer_releases_are_told_to_keep_the_old_json(machine: dict[str, str]) -> None:
    """Go 1.27 has another JSON package, with which the server does not work."""
    go(machine, "1.27.0")

    assert "nojsonv2" in binaries.built(machine).apiserver.read_text()


def test_a_failed_build_leaves_nothing(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where go fails, no half-built program is found afterwards; the command ends with 1."""
    go(machine, code=3)
    monkeypatch.setattr(binaries, "built", lambda built=binaries.built: built(machine))

    assert binaries.main() == 1
    assert capsys.readouterr().err == "go.etcd.io/etcd/server/v3 could not be built: go ended with 3.\n"
    assert binaries.program("kube-apiserver", machine) is None
    assert os.listdir(binaries.cached("kubectl", machine).parent) == []


@pytest.mark.parametrize("release", [None, "1.19.8", "1.9"], ids=["no Go", "Debian 12's Go", "a very old Go"])
def test_what_cannot_be_had_is_told_in_one_line(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], release: str | None
) -> None:
    """Without the program and without a Go that could build it, the command says what to do, and ends with 2."""
    put(Path(machine["PATH"]) / "etcd", ETCD.format("3.6.0"))
    if release:
        go(machine, release)
    monkeypatch.setattr(binaries, "built", lambda built=binaries.built: built(machine))
    code, told = binaries.main(), capsys.readouterr()

    assert code == 2
    assert told.err.startswith("tests/kube cannot run here: there is no kube-apiserver and no kubectl: set ")
    assert [told.out, told.err.count("\n")] == ["", 1]


def test_all_that_are_missing_are_named(machine: dict[str, str]) -> None:
    """And an etcd that is too old, where it is the only one."""
    with pytest.raises(FileNotFoundError, match="there is no etcd and no kube-apiserver and no kubectl: "):
        binaries.built(machine)
    for name in binaries.BUILT:
        put(Path(machine["PATH"]) / name, ETCD.format("3.4.23"))
    with pytest.raises(FileNotFoundError, match=r"/path/etcd is too old for streaming lists: set KUBEBUILDER_ASSETS"):
        binaries.built(machine)


def test_the_pinned_release_is_one(machine: dict[str, str]) -> None:
    """go.mod names one release of Kubernetes, and every module of it at the same patch."""
    text = (binaries.MODULE / "go.mod").read_text()
    replaced = {line.split()[-1] for line in text.splitlines() if "=>" in line}

    assert {binaries.version().replace("v1.", "v0.", 1)} == replaced
