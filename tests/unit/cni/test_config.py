"""Network configuration and environment: every field and variable is refused by its name."""

from __future__ import annotations

import json

import pytest

from cni import config, request
from cni.errors import CniError

VALID = {"cniVersion": "1.0.0", "name": "pods", "type": "ryu-netpol", "ipam": {"type": "host-local"}}
ENVIRONMENT = {
    "CNI_CONTAINERID": "c1",
    "CNI_IFNAME": "eth0",
    "CNI_NETNS": "/var/run/netns/x",
    "CNI_PATH": "/opt/cni/bin:/usr/lib/cni",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_UID=7f",
}
MISSING = object()


def without_missing(mapping: dict) -> dict:
    return {key: value for key, value in mapping.items() if value is not MISSING}


def test_defaults() -> None:
    """A configuration that says only what it must."""
    conf = config.parse(VALID)

    assert (
        conf.bridge,
        conf.ovsdb_path,
        conf.mtu,
        conf.ready_timeout,
    ) == ("br-int", "/var/run/openvswitch/db.sock", 1500, 20.0)


def test_every_field_is_taken() -> None:
    """And what we do not know is ignored."""
    conf = config.parse(
        {**VALID, "bridge": "br0", "ovsdb": "/a b/db.sock", "mtu": 9000, "readyTimeout": 0.5, "capabilities": {}}
    )

    assert (conf.bridge, conf.ovsdb_path, conf.mtu, conf.ready_timeout) == ("br0", "/a b/db.sock", 9000, 0.5)


@pytest.mark.parametrize("version", config.SUPPORTED_VERSIONS)
def test_versions_that_are_spoken(version: str) -> None:
    assert version == config.parse({**VALID, "cniVersion": version}).cni_version


@pytest.mark.parametrize("version", ["", "0.1.0", "0.2.0", "1.1.0", "2.0.0", MISSING])
def test_versions_that_are_not(version: object) -> None:
    """Code 1, and the sentence says which would do."""
    with pytest.raises(CniError, match="supported are") as caught:
        config.parse(without_missing({**VALID, "cniVersion": version}))

    assert caught.value.code == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cniVersion", 1),
        ("name", MISSING),
        ("name", ""),
        ("name", "a b"),
        ("name", "-x"),
        ("name", 7),
        ("type", MISSING),
        ("type", "bridge"),
        ("bridge", ""),
        ("bridge", 3),
        ("bridge", None),
        ("bridge", "a-name-of-16-char"),
        ("bridge", "br/int"),
        ("bridge", "br int"),
        ("bridge", "br\n"),
        ("ovsdb", ""),
        ("ovsdb", "unix:"),
        ("ovsdb", "unix:db.sock"),
        ("ovsdb", "tcp:127.0.0.1:6640"),
        ("ovsdb", "/x\0y"),
        ("ovsdb", 7),
        ("mtu", 1279),
        ("mtu", 65536),
        ("mtu", "1500"),
        ("mtu", 1500.0),
        ("mtu", True),
        ("mtu", None),
        ("readyTimeout", 0),
        ("readyTimeout", -1),
        ("readyTimeout", 601),
        ("readyTimeout", 10**400),
        ("readyTimeout", "20"),
        ("readyTimeout", True),
        ("ipam", MISSING),
        ("ipam", "host-local"),
        ("ipam.type", {}),
        ("ipam.type", {"type": "../host-local"}),
        ("ipam.type", {"type": 7}),
        ("prevResult", []),
    ],
)
def test_a_field_that_cannot_be_used_is_named(field: str, value: object) -> None:
    """Code 7 and the field."""
    document = without_missing({**VALID, field.partition(".")[0]: value})

    with pytest.raises(CniError, match=f"is invalid: {field} ") as caught:
        config.parse(document)

    assert caught.value.code == 7


@pytest.mark.parametrize(
    "stdin", [b"", b"{", b"[]", b"7", b'"x"', b"\xff", b'{"mtu": NaN}', b"[" * 100000, b"9" * 5000]
)
def test_what_is_no_configuration_at_all(stdin: bytes) -> None:
    """Code 6."""
    with pytest.raises(CniError) as caught:
        config.decode(stdin)

    assert caught.value.code == 6


def test_a_request() -> None:
    """All the variables of a runtime that speaks for Kubernetes."""
    asked = request.parse(ENVIRONMENT)

    assert asked == request.Request(
        "c1", "eth0", "/var/run/netns/x", ENVIRONMENT["CNI_ARGS"], ("/opt/cni/bin", "/usr/lib/cni")
    )
    assert request.PodRef("shop", "web-1", "7f") == request.pod_of(asked)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CNI_CONTAINERID", ""),
        ("CNI_CONTAINERID", "a/b"),
        ("CNI_CONTAINERID", "-a"),
        ("CNI_IFNAME", ""),
        ("CNI_IFNAME", "."),
        ("CNI_IFNAME", "a/b"),
        ("CNI_IFNAME", "a b"),
        ("CNI_IFNAME", "a:b"),
        ("CNI_IFNAME", "sixteen-letters-"),
        ("CNI_PATH", ""),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    """Code 4 and the variable."""
    with pytest.raises(CniError, match=f"{variable} ") as caught:
        request.parse({**ENVIRONMENT, variable: value})

    assert caught.value.code == 4


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ("", "K8S_POD_NAMESPACE"),
        ("K8S_POD_NAMESPACE=shop", "K8S_POD_NAME"),
        ("K8S_POD_NAME=web", "K8S_POD_NAMESPACE"),
        ("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=", "K8S_POD_NAME"),
        ("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=Web", "K8S_POD_NAME"),
        ("K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=web", "K8S_POD_NAMESPACE"),
        ("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=a b", "K8S_POD_UID"),
        ("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;FOO=1", "'FOO'"),
        ("IgnoreUnknown=0;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;FOO=1", "'FOO'"),
        ("K8S_POD_NAMESPACE", "KEY=VALUE"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(args: str, word: str) -> None:
    """Code 4, CNI_ARGS and the key."""
    with pytest.raises(CniError, match=f"CNI_ARGS .*{word}") as caught:
        request.pod_of(request.parse({**ENVIRONMENT, "CNI_ARGS": args}))

    assert caught.value.code == 4


def test_unknown_arguments_are_ignored_when_the_runtime_says_so() -> None:
    args = "FOO=1;IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1.a;;"

    assert request.PodRef("shop", "web-1.a", "") == request.pod_of(request.parse({**ENVIRONMENT, "CNI_ARGS": args}))


def test_the_configuration_reaches_the_ipam_plugin_as_it_came() -> None:
    """Fields of ours and of others alike (CNI specification, section 4)."""
    document = json.loads(json.dumps({**VALID, "other": [1]}))

    assert document == config.parse(document).raw
