"""The protocol: whatever comes in, one document of the specification comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cni import delete, main
from cni.config import SUPPORTED_VERSIONS
from cni.errors import CniError

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c1",
    "CNI_IFNAME": "eth0",
    "CNI_NETNS": "/nowhere/netns",
    "CNI_PATH": "/nowhere",
    "CNI_ARGS": "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
}
VALID = {"cniVersion": "0.4.0", "name": "n", "type": "ryu-netpol", "ovsdb": "/nowhere/db", "ipam": {"type": "nobody"}}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("cniVersion", "name", "type", "bridge", "ovsdb", "mtu", "readyTimeout", "ipam", "prevResult", "other")


def assert_is_an_error(document: dict | None) -> None:
    """The document has the form of the specification 1.0.0, section "Error", and survives as JSON."""
    assert document
    assert {"cniVersion", "code", "msg"} <= document.keys() <= {"cniVersion", "code", "msg", "details"}
    assert document["cniVersion"] in SUPPORTED_VERSIONS
    assert document["code"] in range(1, 999), document
    assert document["msg"]
    assert document == json.loads(json.dumps(document))


@given(st.binary())
def test_any_bytes_on_standard_input(stdin: bytes) -> None:
    """Code 6 or a field that is named, never a traceback."""
    status, document = main.answer(ENVIRONMENT, stdin)

    assert status == 1
    assert_is_an_error(document)


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.sampled_from(["ADD", "CHECK"]))
def test_any_configuration(changes: dict, command: str) -> None:
    """Valid but for some fields, which may be anything: still an error that is told."""
    stdin = json.dumps({**VALID, **changes}).encode()

    status, document = main.answer({**ENVIRONMENT, "CNI_COMMAND": command}, stdin)

    assert status == 1
    assert_is_an_error(document)


@given(st.dictionaries(st.sampled_from(sorted(ENVIRONMENT)), st.text()))
def test_any_environment(changes: dict[str, str]) -> None:
    """The namespace does not exist, so nothing can succeed but VERSION; DEL would touch the machine and is left out."""
    environment = {**ENVIRONMENT, **changes}
    if environment["CNI_COMMAND"] == "DEL":
        return

    status, document = main.answer(environment, json.dumps(VALID).encode())

    assert status == 1
    assert_is_an_error(document)


@given(st.dictionaries(st.sampled_from(["interfaces", "ips", "routes", "cniVersion"]), ANYTHING))
def test_any_previous_result(previous: dict) -> None:
    """CHECK reads what the runtime kept for it, which may have passed through other plugins."""
    from cni import check, config, request

    asked = request.parse(ENVIRONMENT)
    conf = config.parse({**VALID, "prevResult": previous})
    with pytest.raises(CniError, match="prevResult"):
        check._expected(conf.prev_result or {}, asked)


def test_the_version_of_an_error_is_that_of_the_question() -> None:
    _, document = main.answer(ENVIRONMENT, json.dumps(VALID).encode())

    assert document
    assert document["cniVersion"] == "0.4.0"


def test_check_needs_the_previous_result() -> None:
    status, document = main.answer({**ENVIRONMENT, "CNI_COMMAND": "CHECK"}, json.dumps(VALID).encode())

    assert document
    assert (status, document["code"]) == (1, 7)
    assert "prevResult" in document["msg"]


def test_the_oldest_versions_have_no_check() -> None:
    """CHECK came with 0.4.0."""
    stdin = json.dumps({**VALID, "cniVersion": "0.3.1", "prevResult": {}}).encode()

    _, document = main.answer({**ENVIRONMENT, "CNI_COMMAND": "CHECK"}, stdin)

    assert document
    assert document["code"] == 1


@pytest.mark.parametrize(
    ("stdin", "version"),
    [(b'{"cniVersion": "0.4.0"}', "0.4.0"), (b'{"cniVersion": "9.9.9"}', "9.9.9"), (b"", "1.0.0"), (b"[]", "1.0.0")],
)
def test_version_always_answers(stdin: bytes, version: str) -> None:
    """A runtime asks in order to find a common version; no other variable is needed."""
    expected = {"cniVersion": version, "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]}

    assert (0, expected) == main.answer({"CNI_COMMAND": "VERSION"}, stdin)


@pytest.mark.parametrize("command", ["", "add", "GC", "STATUS"])
def test_a_command_that_there_is_not(command: str) -> None:
    _, document = main.answer({**ENVIRONMENT, "CNI_COMMAND": command}, b"{}")

    assert document
    assert document["code"] == 4
    assert "CNI_COMMAND" in document["msg"]


def test_a_defect_is_reported_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is a document too: one sentence, the exception in the details."""

    def defect(*_: object) -> None:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(delete, "delete", defect)

    status, document = main.answer({**ENVIRONMENT, "CNI_COMMAND": "DEL"}, json.dumps(VALID).encode())

    assert document
    assert (status, document["code"], document["details"]) == (1, 999, "ZeroDivisionError('seven')")
