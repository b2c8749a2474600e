"""The result of ADD in the form of each version, and what is read from an IPAM plugin."""

from __future__ import annotations

import json

import pytest

from cni import result
from cni.errors import CniError
from cni.ipam import Lease, parse_lease
from cni.request import Request

ASKED = Request("abc1", "eth0", "/var/run/netns/x", "", ())


def test_the_form_of_1_0_0() -> None:
    assert result.build("1.0.0", ASKED, Lease(("10.0.0.2", "fd00::2"), {"nameservers": ["10.0.0.53"]})) == {
        "cniVersion": "1.0.0",
        "interfaces": [
            {"name": "np51be1bb0c55f", "mac": "a6:02:45:a1:57:bd"},
            {"name": "eth0", "mac": "6e:4a:45:a3:9c:ca", "sandbox": "/var/run/netns/x"},
        ],
        "ips": [
            {"interface": 1, "address": "10.0.0.2/32", "gateway": "169.254.1.1"},
            {"interface": 1, "address": "fd00::2/128", "gateway": "fe80::1"},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}, {"dst": "::/0", "gw": "fe80::1"}],
        "dns": {"nameservers": ["10.0.0.53"]},
    }


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_before_1_0_0_addresses_tell_their_family(version: str) -> None:
    """That is the one difference between the forms."""
    lease = Lease(("10.0.0.2", "fd00::2"), {})
    new, old = result.build("1.0.0", ASKED, lease), result.build(version, ASKED, lease)

    assert [entry.pop("version") for entry in old["ips"]] == ["4", "6"]
    assert {**new, "cniVersion": version} == old


@pytest.mark.parametrize(
    "entry",
    [{"address": "10.0.0.2/24"}, {"version": "4", "address": "10.0.0.2/24", "gateway": "10.0.0.1"}],
    ids=["1.0.0", "0.4.0"],
)
def test_a_lease_is_read_in_every_form(entry: dict) -> None:
    assert Lease(("10.0.0.2",), {}) == parse_lease("x", json.dumps({"ips": [entry]}))


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"ips": 1}', '{"ips": [1]}', '{"ips": [{"address": "x/24"}]}', '{"ips": []}',
     '{"ips": [{"address": "10.0.0.2/24"}], "dns": 7}'],
)  # fmt: skip
def test_a_lease_that_cannot_be_read(text: str) -> None:
    with pytest.raises(CniError, match="IPAM plugin x") as caught:
        parse_lease("x", text)

    assert caught.value.code == 105
