"""Address blocks of policies, in every spelling that API servers accept (VA-5, VA-6).

They parse as Go did before it minded leading zeros (Kubernetes, `k8s.io/utils/net.ParseCIDRSloppy`). Servers with the
StrictIPCIDRValidation gate refuse what is a warning here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import BlockPeer

_LEADING_ZEROS = re.compile(r"(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")
_MAPPED = Cidr.parse("::ffff:0.0.0.0/96")


def block(field: Field) -> BlockPeer | None:
    """Read an ipBlock; None where its cidr cannot be read."""
    field.only("cidr", "except")
    outer = _cidr(field["cidr"])
    holes = []
    for item in field["except"].items():
        hole = _cidr(item)
        if hole is None or outer is None:
            continue
        if hole.cidr not in outer.cidr or hole.length <= outer.length:
            item.error(f"{hole.cidr} must be inside {outer.cidr} and smaller")
        holes.append(hole.cidr)
    return None if outer is None else BlockPeer(outer.cidr, tuple(holes))


@dataclass(frozen=True, slots=True)
class _Written:
    """A block, and its prefix length as it is written, which is what servers compare: mapped IPv4 has 96 more."""

    cidr: Cidr
    length: int


def _cidr(field: Field) -> _Written | None:
    """Read an address block. Host bits and leading zeros are accepted, as by servers without strict validation."""
    text = field.text()
    if not text:
        if field.value in (None, ""):
            field.error("is required")
        return None
    head, slash, tail = text.partition("/")
    address, length = _LEADING_ZEROS.sub("", head), _LEADING_ZEROS.sub("", tail)
    try:
        written = Cidr.parse(f"{address}{slash}{length}")
    except ValueError:
        field.error(f"{quote(text)} is not a CIDR: write ADDRESS/PREFIX-LENGTH")
        return None
    cidr = Cidr(4, written.network & 0xFFFFFFFF, written.prefix - _MAPPED.prefix) if written in _MAPPED else written
    if cidr != written:
        field.warn(f"IPv4 should not be written as IPv6: it is read as {cidr}")
    elif tail != length or (cidr.version == 4 and head != address):
        field.warn(f"leading zeros are ignored: it is read as {cidr}")
    elif Address.parse(address).value != cidr.network:
        field.warn(f"bits behind the prefix are ignored: it is read as {cidr}")
    return _Written(cidr, written.prefix)
