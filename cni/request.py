"""What the runtime asks for: the CNI_* environment variables, checked and frozen.

CNI specification 1.0.0, section 2 ("Parameters"); CNI_ARGS and IgnoreUnknown as the conventions document of CNI says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cni import errors
from cni.errors import CniError

_CONTAINER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
# What the kernel takes for a device name, without what ip and our own shell script could misread.
_IFNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+=~-]{0,14}\Z")
# The path becomes a word of an ip batch, which reads blanks, quotes, backslashes and # as more than themselves.
_NETNS = re.compile(r"/[^\s'\"\\#]+\Z")
_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_UID = re.compile(r"[A-Za-z0-9-]{0,64}\Z")
_KNOWN_ARGS = frozenset(
    ("IgnoreUnknown", "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_UID", "K8S_POD_INFRA_CONTAINER_ID")
)


@dataclass(frozen=True)
class PodRef:
    """The pod as the runtime names it; ``uid`` is empty where the runtime does not tell it."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class Request:
    """One attachment. ``netns`` is empty where a DEL comes after the namespace is gone."""

    container_id: str
    ifname: str
    netns: str
    args: str
    plugin_folders: tuple[str, ...]


def parse(environment: Mapping[str, str]) -> Request:
    """Check the variables that every command but VERSION needs."""
    container_id = _required(environment, "CNI_CONTAINERID")
    if not _CONTAINER_ID.match(container_id):
        raise _invalid("CNI_CONTAINERID", f"{container_id!r} is not a container id")
    ifname = _required(environment, "CNI_IFNAME")
    if not _IFNAME.match(ifname):
        raise _invalid("CNI_IFNAME", f"{ifname!r} is not the name of an interface")
    return Request(
        container_id=container_id,
        ifname=ifname,
        netns=environment.get("CNI_NETNS", ""),
        args=environment.get("CNI_ARGS", ""),
        plugin_folders=tuple(_required(environment, "CNI_PATH").split(os.pathsep)),
    )


def require_netns(request: Request) -> None:
    """Fail where CNI_NETNS is no network namespace, or is the one that we run in: a pod of the host's network."""
    if not request.netns:
        raise _invalid("CNI_NETNS", "is not set")
    if not _NETNS.match(request.netns):
        raise _invalid("CNI_NETNS", f"{request.netns!r} is not the absolute path of a network namespace")
    try:
        theirs, ours = os.stat(request.netns), os.stat("/proc/self/ns/net")
    except (OSError, ValueError) as error:
        raise _invalid("CNI_NETNS", f"{request.netns!r} cannot be used: {error}") from error
    if theirs.st_dev != ours.st_dev:
        raise _invalid("CNI_NETNS", f"{request.netns!r} is not a namespace")
    if theirs.st_ino == ours.st_ino:
        raise _invalid("CNI_NETNS", f"{request.netns!r} is the node's own network namespace")


def pod_of(request: Request) -> PodRef:
    """Return the pod that CNI_ARGS names."""
    args = _arguments(request.args)
    unknown = sorted(set(args) - _KNOWN_ARGS)
    if unknown and args.get("IgnoreUnknown", "").lower() not in ("1", "t", "true"):
        raise _invalid("CNI_ARGS", f"has the unknown key {unknown[0]!r} and does not say IgnoreUnknown=1")
    uid = args.get("K8S_POD_UID", "")
    if not _UID.match(uid):
        raise _invalid("CNI_ARGS", f"names no valid K8S_POD_UID: {uid!r}")
    return PodRef(_dns_name(args, "K8S_POD_NAMESPACE"), _dns_name(args, "K8S_POD_NAME"), uid)


def _arguments(text: str) -> dict[str, str]:
    args = {}
    for pair in text.split(";"):
        key, equals, value = pair.partition("=")
        if pair and not equals:
            raise _invalid("CNI_ARGS", f"has {pair!r} where KEY=VALUE is expected")
        if pair:
            args[key] = value
    return args


def _dns_name(args: Mapping[str, str], key: str) -> str:
    if key not in args:
        raise _invalid("CNI_ARGS", f"does not name {key}, which ADD needs")
    if not _DNS_NAME.match(args[key]):
        raise _invalid("CNI_ARGS", f"names no valid {key}: {args[key]!r}")
    return args[key]


def _required(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable, "")
    if not value:
        raise _invalid(variable, "is not set")
    return value


def _invalid(variable: str, complaint: str) -> CniError:
    return CniError(errors.INVALID_ENVIRONMENT, f"the environment variable {variable} {complaint}")
