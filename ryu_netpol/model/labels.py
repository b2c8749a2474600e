"""Labels and label selectors (NP-20 to NP-27), canonical and hashable.

Source: Kubernetes API, LabelSelector and the API machinery's `labels` package.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ryu_netpol.model.hashed import Hashed, remembered


class Labels(Mapping[str, str]):
    """The labels of one object: an immutable, hashable mapping."""

    __slots__ = ("_hash", "_items", "_map")

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        self._map = dict(sorted((labels or {}).items()))
        self._items = tuple(self._map.items())
        self._hash = hash(self._items)

    def __getitem__(self, key: str) -> str:
        return self._map[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, as any mapping has it: but selectors ask so often that one call counts."""
        return self._map.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self._items == other._items

    def __repr__(self) -> str:
        return f"Labels({self._map!r})"

    def __str__(self) -> str:
        """`k=v,k=v`, as kubectl prints labels."""
        return ",".join(f"{k}={v}" for k, v in self._items)

    def only(self, keys: frozenset[str]) -> Labels:
        """Return these labels without all keys but the given ones."""
        return Labels({k: v for k, v in self._items if k in keys})


class Operator(enum.StrEnum):
    """The operators of a selector requirement."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One condition on one label key. `matchLabels: {k: v}` is `k In (v)` (NP-21)."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels satisfy this requirement (NP-21 to NP-23)."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN:
                return value is not None and value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None

    def __str__(self) -> str:
        """The requirement as kubectl writes selectors."""
        match self.operator:
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


@dataclass(frozen=True, slots=True)
class Selector(Hashed):
    """All requirements must hold (NP-20); no requirement at all matches every object (NP-24).

    An absent selector is `None`, never an empty one (NP-25).
    """

    requirements: tuple[Requirement, ...] = ()

    __hash__ = remembered

    def __post_init__(self) -> None:
        object.__setattr__(self, "requirements", tuple(sorted(set(self.requirements))))

    @classmethod
    def of(cls, **labels: str) -> Selector:
        """Build the selector of a `matchLabels` (for tests and examples)."""
        return cls(tuple(Requirement(k, Operator.IN, (v,)) for k, v in labels.items()))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels is selected."""
        for requirement in self.requirements:  # noqa: SIM110 - all() takes twice as long, and this is asked so often
            if not requirement.matches(labels):
                return False
        return True

    def keys(self) -> frozenset[str]:
        """The label keys that this selector looks at."""
        return frozenset(requirement.key for requirement in self.requirements)

    def __str__(self) -> str:
        """The selector as kubectl writes it; `*` where it matches everything."""
        return ",".join(map(str, self.requirements)) or "*"


EVERYTHING = Selector()
