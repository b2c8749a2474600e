"""Whose an address is (NP-70 to NP-73)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Pod


class Claims(NamedTuple):
    """Who has which address, as far as it is a pod that policies can see."""

    owners: Mapping[Address, Pod]
    """The one pod that has the address."""
    disputed: Mapping[Address, tuple[Pod, ...]]
    """Addresses that several pods claim with equal right: closed (NP-71)."""


def claims(pods: Iterable[Pod]) -> Claims:
    """Settle all claims; finished and host-network pods make none (NP-61, NP-70), nor do those without (NP-72)."""
    claimants: dict[Address, list[Pod]] = {}
    for pod in pods:
        if pod.visible:
            for address in pod.addresses:
                claimants.setdefault(address, []).append(pod)
    best = {address: strongest(rivals) for address, rivals in claimants.items()}
    return Claims(
        owners={address: pods[0] for address, pods in best.items() if len(pods) == 1},
        disputed={address: pods for address, pods in best.items() if len(pods) > 1},
    )


def strongest(rivals: Iterable[Pod]) -> tuple[Pod, ...]:
    """Those of several pods with one address whose claim none beats, by name (NP-71).

    A pod that stays beats one that is going, then the later start beats the earlier.
    """
    rivals = sorted(rivals, key=lambda pod: pod.key)
    best = max(_strength(pod) for pod in rivals)
    return tuple(pod for pod in rivals if _strength(pod) == best)


def _strength(pod: Pod) -> tuple[bool, str]:
    return not pod.terminating, pod.started
