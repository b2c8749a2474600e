"""The programs of a control plane, and kubectl: from $KUBEBUILDER_ASSETS, PATH or our cache; or they are built.

`python -m tests.kube.binaries` builds what is missing, and says in one sentence what cannot be had here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
OLDEST_GO = (1, 21)
"""From here on Go gets the release that go.mod wants by itself; older ones, as Debian 12's, cannot read it."""
KUBERNETES, ETCD = "k8s.io/kubernetes", "go.etcd.io/etcd/server/v3"
BUILT = {
    "etcd": (ETCD, ETCD),
    "kube-apiserver": (KUBERNETES, f"{KUBERNETES}/cmd/kube-apiserver"),
    "kubectl": (KUBERNETES, f"{KUBERNETES}/cmd/kubectl"),
}
"""What is built, each from its module and its package."""
_STREAMING = {(3, 4): 31, (3, 5): 13}
"""From this patch on kube-apiserver asks etcd for what streaming lists need, and from 3.6 on at any."""
_VERSION_VARIABLES = "k8s.io/component-base/version"
_HELP = (
    "set KUBEBUILDER_ASSETS to a folder with etcd (3.5.13 or later), kube-apiserver and kubectl, "
    "or have Go 1.21 or later in PATH, which builds them"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs that a server is made of, and the client that users have."""

    etcd: Path
    """The first that there is, of any version."""
    apiserver: Path
    kubectl: Path
    streaming_etcd: Path
    """The first with which there are streaming lists: it may be the same."""


def version(module: str = KUBERNETES) -> str:
    """The release of a module that go.mod pins, as `v1.34.2`."""
    text = (MODULE / "go.mod").read_text()
    found = re.search(rf"^(?:require |\t){re.escape(module)} (v\S+)", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"tests/kube/go.mod requires no {module}")
    return found[1]


def cached(name: str, environment: Mapping[str, str]) -> Path:
    """Where a program that we build is kept: outside of the checkout, so that a fresh clone finds it."""
    cache = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/root")) / ".cache"
    return Path(cache) / "ryu-netpol" / f"{name}-{version(BUILT[name][0])}"


def program(name: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The program to run, if there is one: somebody else's comes before what we built."""
    return next(_programs(name, environment), None)


def streaming_etcd(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The same of an etcd with which kube-apiserver has streaming lists: Debian 12's 3.4.23 is too old."""
    return next(filter(_streams, _programs("etcd", environment)), None)


def _programs(name: str, environment: Mapping[str, str]) -> Iterator[Path]:
    assets = environment.get("KUBEBUILDER_ASSETS")
    on_path = shutil.which(name, path=environment.get("PATH", os.defpath))
    places = (Path(assets) / name if assets else None, on_path and Path(on_path), cached(name, environment))
    return (found for place in places if place and (found := _program(place)))


def _streams(etcd: Path) -> bool:
    told = subprocess.run([etcd, "--version"], capture_output=True, text=True, check=False).stdout
    if not (found := re.search(r"^etcd Version: (\d+)\.(\d+)\.(\d+)", told)):
        return False
    major, minor, patch = map(int, found.groups())
    return patch >= _STREAMING[major, minor] if (major, minor) in _STREAMING else (major, minor) >= (3, 6)


def _program(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


def find(environment: Mapping[str, str] = os.environ) -> Binaries:
    """All of them. Raises FileNotFoundError where one is missing; `built` makes what can be made."""
    found = {name: path for name in BUILT if (path := program(name, environment))}
    if missing := [name for name in BUILT if name not in found]:
        raise FileNotFoundError(f"there is no {' and no '.join(missing)}: {_HELP}")
    if not (newer := streaming_etcd(environment)):
        raise FileNotFoundError(f"{found['etcd']} is too old for streaming lists: {_HELP}")
    return Binaries(found["etcd"], found["kube-apiserver"], found["kubectl"], newer)


def go_release(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """The release of the `go` in PATH, as (1, 26); None where there is none that says it."""
    if not (go := shutil.which("go", path=environment.get("PATH", os.defpath))):
        return None
    told = subprocess.run([go, "version"], cwd="/", capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bgo(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else None


def built(environment: Mapping[str, str] = os.environ) -> Binaries:
    """All of them; those that can be are built once if need be. Raises FileNotFoundError, CalledProcessError."""
    release = go_release(environment)
    if release and release >= OLDEST_GO:
        for name in BUILT:
            if not (streaming_etcd(environment) if name == "etcd" else program(name, environment)):
                _build(name, environment, release)
    return find(environment)


def _build(name: str, environment: Mapping[str, str], release: tuple[int, int]) -> None:
    """Build a program, which is there when it is complete. Raises CalledProcessError where the build fails."""
    module, package = BUILT[name]
    print(f"building {name} {version(module)}, once: some minutes, 2 GiB of memory, 0.7 GB of modules", flush=True)
    major, minor, _ = version().removeprefix("v").split(".")
    says = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s", "-w", *(f"-X {_VERSION_VARIABLES}.{name}={value}" for name, value in says.items())])
    variables = {**environment, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    if release >= (1, 27):
        variables["GOEXPERIMENT"] = "nojsonv2"  # its new JSON package breaks the server's OpenAPI
    target = cached(name, environment)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as folder:
        made = Path(folder) / target.name
        command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", str(made), "-ldflags", flags, package]
        subprocess.run(command, cwd=MODULE, env=variables, check=True)
        made.replace(target)


def main() -> int:
    """Build what is missing; 2 where a program cannot be had here, 1 where the build failed."""
    try:
        built()
    except FileNotFoundError as error:
        print(f"tests/kube cannot run here: {error}.", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[-1]} could not be built: go ended with {error.returncode}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
