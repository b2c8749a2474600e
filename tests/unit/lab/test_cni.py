"""What the CNI plugin is called with."""

import os
from pathlib import Path

import pytest

from ryu_netpol.lab.cni import Attachment, call, network_configuration, ranges
from ryu_netpol.lab.errors import LabError

CIDRS = ("10.244.1.0/24", "fd00:10:244:1::/64")
POD = Attachment("c0ffee", "npl0000-pod.web.default", "default", "web", "uid-1")


def test_a_pod_without_addresses_gets_one_of_each_family_above_the_gateway() -> None:
    """The first two addresses of each network are the gateway's."""
    v4, v6 = ranges(CIDRS, ())

    assert v4 == [{"subnet": "10.244.1.0/24", "rangeStart": "10.244.1.10", "gateway": "10.244.1.1"}]
    assert v6 == [{"subnet": "fd00:10:244:1::/64", "rangeStart": "fd00:10:244:1::a", "gateway": "fd00:10:244:1::1"}]


def test_only_the_families_of_given_addresses() -> None:
    """A pod with an IPv4 address alone gets no IPv6 address."""
    (v4,) = ranges(CIDRS, ("10.244.1.77",))

    assert [entry["subnet"] for entry in v4] == ["10.244.1.0/24"]


def test_a_low_address_opens_the_range() -> None:
    """A manifest may give .3."""
    ((v4,), (v6,)) = ranges(CIDRS, ("10.244.1.3", "fd00:10:244:1::4"))

    assert (v4["rangeStart"], v6["rangeStart"]) == ("10.244.1.3", "fd00:10:244:1::4")


def test_an_address_elsewhere_adds_a_range_to_its_family() -> None:
    """host-local gives only what lies in a range; one address per family remains."""
    (v4,) = ranges(CIDRS, ("192.168.7.5",))

    assert [entry["subnet"] for entry in v4] == ["10.244.1.0/24", "192.168.7.0/24"]
    assert v4[1]["rangeStart"] == "192.168.7.5"


def test_given_addresses_are_asked_for_by_the_runtime_convention() -> None:
    """args.cni.ips, and nothing where IPAM chooses."""
    given = network_configuration(
        bridge="br-int", ovsdb="unix:/x", pod_cidrs=CIDRS, data_dir=Path("/d"), addresses=("10.244.1.9",)
    )
    free = network_configuration(bridge="br-int", ovsdb="unix:/x", pod_cidrs=CIDRS, data_dir=Path("/d"))

    assert given["args"] == {"cni": {"ips": ["10.244.1.9"]}}
    assert "args" not in free


def test_the_environment_is_that_of_a_kubelet() -> None:
    """The pod is named in CNI_ARGS, our folder comes before that of the IPAM plugins."""
    environment = POD.environment("ADD", Path("/lab/bin"))

    assert environment["CNI_NETNS"] == "/run/netns/npl0000-pod.web.default"
    assert environment["CNI_PATH"].split(os.pathsep) == ["/lab/bin", "/usr/lib/cni"]
    assert environment["CNI_ARGS"].split(";") == [
        "IgnoreUnknown=1",
        "K8S_POD_NAMESPACE=default",
        "K8S_POD_NAME=web",
        "K8S_POD_INFRA_CONTAINER_ID=c0ffee",
        "K8S_POD_UID=uid-1",
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('echo \'{"code": 11, "msg": "try again later", "details": "no agent"}\'; exit 1', "try again later: no agent"),
        ("echo broken >&2; exit 2", "broken"),
        ("exit 3", "exit code 3"),
    ],
    ids=["error object", "stderr only", "nothing"],
)
def test_a_failing_plugin_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    """The plugin's own words, whatever form they have."""
    plugin = tmp_path / "ryu-netpol"
    plugin.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    plugin.chmod(0o755)
    # Without a namespace to enter, no root is needed.
    monkeypatch.setattr("ryu_netpol.lab.cni.in_netns", lambda _: [])

    with pytest.raises(LabError, match=f"CNI ADD of default/web failed: {words}"):
        call("ADD", POD, {}, folder=tmp_path, node_netns="none")
