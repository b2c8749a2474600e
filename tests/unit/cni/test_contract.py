"""The external_ids contract between plugin and agent."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cni import contract
from cni.contract import PortIdentity

WORD = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)
ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
MAC = st.lists(st.integers(0, 255), min_size=6, max_size=6).map(
    lambda octets: ":".join(f"{octet:02x}" for octet in [octets[0] & 0xFE, *octets[1:]])
)
IDENTITY = st.builds(
    PortIdentity,
    namespace=WORD,
    pod=WORD,
    uid=st.text(max_size=10),
    container_id=WORD,
    ifname=WORD,
    mac=MAC,
    addresses=st.lists(ADDRESS, min_size=1, max_size=3).map(tuple),
    boot_id=WORD,
    created=st.integers(0, 2**63),
    netns=WORD,
)


def identity(**tweaks: object) -> PortIdentity:
    values: dict = {
        "namespace": "shop",
        "pod": "web-1",
        "uid": "7f",
        "container_id": "c1",
        "ifname": "eth0",
        "mac": "02:00:00:00:00:01",
        "addresses": ("10.0.0.2", "fd00::2"),
        "boot_id": "b",
        "created": 17,
        "netns": "/var/run/netns/x",
    }
    return PortIdentity(**{**values, **tweaks})


@given(IDENTITY)
def test_what_is_written_is_read_back(value: PortIdentity) -> None:
    """A round trip through external_ids changes nothing, and the agent's own key does not disturb it."""
    ids = {**value.to_external_ids(), contract.READY_KEY: value.container_id, "other": "thing"}

    assert value == PortIdentity.from_external_ids(ids)


@given(IDENTITY, st.data())
def test_a_missing_key_is_named(value: PortIdentity, data: st.DataObject) -> None:
    """Ours, but not whole: a sentence with the key, never a guess."""
    ids = value.to_external_ids()
    key = data.draw(st.sampled_from(sorted(ids)))
    del ids[key]

    with pytest.raises(ValueError, match=f"'{key}' is missing"):
        PortIdentity.from_external_ids(ids)


@given(st.dictionaries(st.sampled_from([*identity().to_external_ids(), "x"]), st.text()))
def test_anything_else_is_none_or_a_clear_error(ids: dict[str, str]) -> None:
    """Whatever stands in a row, the reader meets no other exception than ValueError."""
    try:
        value = PortIdentity.from_external_ids(ids)
    except ValueError as error:
        told = str(error)
    else:
        assert value is None or value.to_external_ids().items() <= ids.items()
        return

    assert "external_ids" in told


@pytest.mark.parametrize(
    "ids",
    [{}, {"iface-id": "vm-7", "attached-mac": "02:00:00:00:00:01"}, {"container-id": "c1"}],
    ids=["empty", "another integration", "another CNI plugin"],
)
def test_rows_of_others_are_not_ours(ids: dict[str, str]) -> None:
    """iface-id, attached-mac and container-id are used by others as well."""
    assert PortIdentity.from_external_ids(ids) is None


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("created", "-1", "nanoseconds"),
        ("created", "1.5", "nanoseconds"),
        ("created", "", "nanoseconds"),
        ("created", "１", "nanoseconds"),
        ("addresses", "", "not an IP address"),
        ("addresses", "10.0.0.2,", "not an IP address"),
        ("addresses", "10.0.0.2/24", "not an IP address"),
        ("addresses", "fe80::1%eth0", "not an IP address"),
        ("attached-mac", "02:00:00:00:00", "not the MAC address"),
        ("attached-mac", "01:00:5e:00:00:01", "not the MAC address"),
        ("iface-id", "c2/eth0", "not 'c1/eth0'"),
        ("k8s-pod-name", "", "pod is empty"),
        ("boot-id", "", "boot_id is empty"),
    ],
)
def test_a_malformed_value_is_told(key: str, value: str, word: str) -> None:
    """The sentence says which value it is."""
    with pytest.raises(ValueError, match=word):
        PortIdentity.from_external_ids({**identity().to_external_ids(), key: value})


def test_spellings_are_made_one() -> None:
    """Values are compared whole, so they are canonical."""
    one = identity(mac="02:AB:00:00:00:01", addresses=("FD00:0::2",))

    assert identity(mac="02:ab:00:00:00:01", addresses=("fd00::2",)) == one


@given(WORD, WORD)
def test_derived_names_fit_the_kernel(container_id: str, ifname: str) -> None:
    """At most 15 characters, and MACs that are locally administered and unicast."""
    name = contract.host_device_name(container_id, ifname)
    macs = contract.pod_mac(container_id, ifname), contract.host_mac(container_id, ifname)

    assert re.fullmatch("np[0-9a-f]{12}", name)
    assert macs[0] != macs[1]
    assert [int(mac[:2], 16) & 3 for mac in macs] == [2, 2]


def test_the_names_are_stable() -> None:
    """An attachment made by one version of the plugin is removed by the next one."""
    assert contract.host_device_name("abc1", "eth0") == "np51be1bb0c55f"
    assert contract.pod_mac("abc1", "eth0") == "6e:4a:45:a3:9c:ca"
