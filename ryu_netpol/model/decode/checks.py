"""Checks that several APIs share: names, labels, selectors, ports (VA-1 to VA-10)."""

from __future__ import annotations

import re

from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.labels import Labels, Operator, Requirement, Selector
from ryu_netpol.model.names import PORT_PROTOCOLS, Protocol

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OPERATORS = {str(operator): operator for operator in Operator}
_PROTOCOLS = {protocol.name: protocol for protocol in PORT_PROTOCOLS}


def is_dns_label(text: str) -> bool:
    """Whether this can name a namespace."""
    return len(text) <= 63 and _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Whether this can name most objects."""
    return len(text) <= 253 and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_label_key(text: str) -> bool:
    """Whether this is a qualified name: `name`, or `dns.prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return len(name) <= 63 and _QUALIFIED.fullmatch(name) is not None


def is_label_value(text: str) -> bool:
    """Whether this can be the value of a label; it may be empty."""
    return not text or (len(text) <= 63 and _QUALIFIED.fullmatch(text) is not None)


def is_port_name(text: str) -> bool:
    """Whether this can name a port: 1 to 15 characters, one of them a letter."""
    return len(text) <= 15 and _PORT_NAME.fullmatch(text) is not None and any(c.isalpha() for c in text)


def labels(field: Field) -> Labels:
    """Read the labels of an object, those that can be read (VA-7)."""
    return Labels(_pairs(field))


def selector(field: Field) -> Selector | None:
    """Read a label selector; None where it is absent, which is not the same as an empty one (NP-25)."""
    if not field.present:
        return None
    field.only("matchLabels", "matchExpressions")
    pairs = [Requirement(k, Operator.IN, (v,)) for k, v in _pairs(field["matchLabels"]).items()]
    expressions = [_requirement(item) for item in field["matchExpressions"].items()]
    return Selector((*pairs, *(e for e in expressions if e is not None)))


def port_number(field: Field) -> int | None:
    """Read a port number, None where it is absent or wrong (VA-1)."""
    number = field.integer()
    if number is None:
        return None
    if not 1 <= number <= 0xFFFF:
        field.error(f"must be a port number, 1 to 65535, not {quote(number)}")
        return None
    return number


def port_name(field: Field) -> str | None:
    """Read the name of a port, None where it is absent or wrong (VA-2)."""
    name = field.text()
    if not isinstance(field.value, str):
        return None
    if not is_port_name(name):
        hint = "; a port number must not be in quotes" if name.isdigit() else ""
        field.error(
            f"{quote(name)} is not the name of a port: 1 to 15 of a-z, 0-9 and single dashes inside, "
            f"at least one of them a letter{hint}"
        )
        return None
    return name


def protocol(field: Field) -> Protocol:
    """Read a protocol, TCP where it is absent (NP-42, VA-2)."""
    name = field.text() if field.present else "TCP"
    if name in _PROTOCOLS:
        return _PROTOCOLS[name]
    if isinstance(field.value, str):
        field.error(f"must be TCP, UDP or SCTP, not {quote(name)}")
    return Protocol.TCP


def _pairs(field: Field) -> dict[str, str]:
    field.mapping()
    pairs = {}
    for key in field.keys():  # noqa: SIM118 - Field is no mapping
        item = field[key]
        if not is_label_key(key):
            item.error(
                "is not a label key: at most 63 letters, digits, '-', '_', '.', after an optional DNS prefix and '/'"
            )
        if not item.present:
            item.warn('has no value, which means the empty text ""')
        value = _label_value(item)
        if value is not None:
            pairs[key] = value
    return pairs


def _label_value(field: Field) -> str | None:
    value = field.text()
    if field.present and not isinstance(field.value, str):
        return None
    if not is_label_value(value):
        field.error(f"{quote(value)} is not a label value: at most 63 letters, digits, '-', '_', '.'")
        return None
    return value


def _requirement(field: Field) -> Requirement | None:
    mark = field.report.mark()
    field.only("key", "operator", "values")
    key, values = field["key"].text(), field["values"]
    if not key and field.report.clean(mark):
        field["key"].error("is required")
    elif key and not is_label_key(key):
        field["key"].error(f"{quote(key)} is not a label key")
    operator = _OPERATORS.get(field["operator"].text())
    if operator is None and (not field["operator"].present or isinstance(field["operator"].value, str)):
        field["operator"].error(f"must be one of {', '.join(_OPERATORS)}")
    wanted = [_label_value(item) for item in values.items()]
    if operator in (Operator.IN, Operator.NOT_IN) and values.value in (None, []):
        values.error(f"is required with the operator {operator}")
    if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and wanted:
        values.error(f"is forbidden with the operator {operator}")
    if operator is None or not field.report.clean(mark):
        return None
    return Requirement(key, operator, tuple(v for v in wanted if v is not None))
