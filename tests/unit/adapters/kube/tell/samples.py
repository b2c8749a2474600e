"""What an agent could prove: small standings to start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, InForceNow, PolicyStanding, Standing, Version
from ryu_netpol.model.names import Api, PolicyKey

AGENT = "ryu-netpol 0.1.0 on os-ken 4.2.2"
SINCE = 1_767_323_045.5
"""2026-01-02T03:04:05.5Z"""
NOTHING = Standing(None, 0, 0, (), (), ())


def in_force(policies: str = "1234", pods: str = "1235", *, generation: int = 7, **changes: Any) -> InForceNow:
    """Flows that contain these versions."""
    versions = {Kind.POLICY: Version(Api.V1, policies), Kind.POD: Version("v1", pods)}
    return replace(InForceNow(generation, SINCE, 0.0125, versions), **changes)


def concern(name: str = "deny", reason: str = "CannotDecode", message: str = "it has no sense", **more: Any) -> Concern:
    """A policy of namespace shop that is not enforced as it is written."""
    usual = {"uid": f"uid-{name}", "version": "1230", "since": SINCE}
    return Concern("NetworkPolicy", Api.V1, "shop", name, reason, message, **{**usual, **more})


def policy(name: str = "deny", version: str = "1200", in_force: int | None = 1) -> PolicyStanding:
    """A policy that selects an endpoint here."""
    return PolicyStanding(PolicyKey("shop", name), 1, version, in_force, SINCE, 0.01, 1)


def standing(**changes: Any) -> Standing:
    """Thirty endpoints and one policy, and nothing wrong."""
    return replace(Standing(in_force(), 30, 0, (), (), (policy(),)), **changes)
