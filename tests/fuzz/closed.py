"""Policies that cannot be read any more, and what must stay closed then (UR-2)."""

from __future__ import annotations

import copy
import itertools
import random
import re
from collections.abc import Callable
from typing import Any

import yaml

from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.load import Loaded, read
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import Policy
from tests.corpus import mutate
from tests.fuzz.fuzzer import Finding

NARROW = copy.deepcopy(mutate.SEED)
NARROW["spec"]["ingress"].remove({})
SEEDS = (NARROW, mutate.LEGACY)
"""Policies without a rule for everybody: what would be one by a mistake has to be noticed."""
ENTRIES = (
    "[x]: y", "{x: y}: z", "? [x]\n{0}: y", "? &x [y]\n{0}: z", "~: x", "<<: 5", "<<: x", "<<: [5]", "<<: *nobody",
    "x: !x 1",
    "x: !!python/object:os.system y", "x: {<<: 5}", "x: 1", "'x y': 1", '"\\0": 1', "x: *nobody", "x: [", "x: }",
    "x: '", '"', "@",
    "x: &x [*x]", "\t", "x: y: z", "x", "%x", "<<: {[x]: y}", "<<: [{x: 1}, 5]", "!!int x: y", "? |\n{0}x: 1",
)  # fmt: skip
"""Entries of a mapping that nobody can read, or that belong to none of its fields; {0} indents a second line."""
_LINE = re.compile(r"^(?P<indent>[ ]*(- )*)(?P<key>[A-Za-z./]+):", re.MULTILINE)


def whole(document: dict[str, Any]) -> Policy:
    """The policy as it can be read."""
    (policy,) = read(text(document), file="f").objects
    assert isinstance(policy, Policy)
    return policy


def text(document: dict[str, Any]) -> str:
    """The document as people write it, without a line that begins with a dash and a dash."""
    return yaml.safe_dump(copy.deepcopy(document), sort_keys=False)


def broken(written: str, chance: random.Random) -> str:
    """The text with an entry too many in one of the mappings, or with one of its entries twice."""
    places = list(_LINE.finditer(written))
    place = chance.choice(places)
    indent = " " * len(place["indent"])
    if chance.random() < 0.2:
        entry = f"{place['key']}: {chance.choice(('x', '{}', '[]', 'null', '1'))}"
    else:
        entry = chance.choice(ENTRIES).replace("{0}", indent)
    # Before the key: where a list begins here, its dash is moved to the new entry.
    return f"{written[: place.start('key')]}{entry}\n{indent}{written[place.start('key') :]}"


def examine(damaged: str, good: Policy) -> Loaded:
    """Raise Finding where a text that nobody can read allows more than the one that it was made of."""
    loaded = read(damaged, file="f")
    if not loaded.errors:
        raise Finding("it is accepted")
    for policy in loaded.objects:
        if not isinstance(policy, Policy) or policy.key[:2] != good.key[:2]:
            raise Finding(f"it holds {policy}")
        if not policy.directions >= good.directions:
            raise Finding(f"it isolates for {sorted(policy.directions)} alone")
        if policy.subject not in (good.subject, EVERYTHING):
            raise Finding(f"it isolates {policy.subject}")
        for direction in Direction:
            if not set(policy.rules(direction)) <= set(good.rules(direction)):
                raise Finding(f"it allows {policy.rules(direction)}")
        if policy.subject != good.subject and (policy.ingress or policy.egress):
            raise Finding("rules for some pods became rules for all")
    return loaded


def run(*, seed: int, go_on: Callable[[int], bool]) -> int:
    """Break policies for as long as wanted, and return how many. Raises Finding with the first that opens something."""
    chance = random.Random(seed)
    for number in itertools.count():
        if not go_on(number):
            break
        document = chance.choice(SEEDS)
        damaged = broken(text(document), chance)
        try:
            examine(damaged, whole(document))
        except Finding as finding:
            raise Finding(f"broken policy {number} of seed {seed}: {finding}\n{damaged}") from finding
    return number
