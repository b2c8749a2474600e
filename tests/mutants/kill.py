"""Give the compiler one defect and see what finds it: `python -m tests.mutants.kill NAME`.

Prints what found it and how; exit status 1 if nothing did.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Finder

CLUSTERS, PROBES, HISTORIES = 60, 250, 12


def _rules() -> Iterator[str]:
    from tests.rules.judge import differences_by_flows
    from tests.rules.registry import CASES

    yield from differences_by_flows(CASES)


def _clusters() -> Iterator[str]:
    from ryu_netpol.flows.pipeline import check_flow
    from tests.sim.test_meaning import differences
    from tests.support.nodes import offline_nodes
    from tests.support.strategies import random_cluster

    for seed in range(CLUSTERS):
        rng = random.Random(seed)
        cluster = random_cluster(rng)
        nodes = offline_nodes(cluster)
        for node in nodes:
            for flow in node.flows.values():
                check_flow(flow)
        yield from differences(cluster, nodes, rng, PROBES)


def _connections() -> Iterator[str]:
    from tests.sim.test_revocation import differences_after_changes

    for seed in range(HISTORIES):
        yield from differences_after_changes(seed)


def _comparison() -> Iterator[str]:
    from tests.sim.test_narrowing import disagreements

    for seed in range(HISTORIES):
        yield from disagreements(seed)


def _touched() -> Iterator[str]:
    from tests.sim.test_touched import SEEDS, disagreements

    for seed in SEEDS:
        yield from disagreements(seed)


def _heirs() -> Iterator[str]:
    from tests.sim.test_heirs import disagreements
    from tests.sim.test_touched import SEEDS

    for seed in SEEDS:
        yield from disagreements(seed)


def _errors() -> Iterator[str]:
    from tests.unit.flows.test_related import test_errors_about_what_was_revoked_do_not_pass

    try:
        test_errors_about_what_was_revoked_do_not_pass()
    except AssertionError as error:
        yield str(error)


KILLERS: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    "verdicts": {"the rules' tables, by flows": _rules, "random clusters, by flows": _clusters},
    "connections": {"established connections": _connections},
    "epochs": {"what takes something away": _comparison},
    "touched": {"what is touched, and everything": _touched, "what takes something away": _comparison},
    "heirs": {"who had an address last": _heirs},
    "errors": {"ICMP errors": _errors},
}
"""Who must find a defect, by where it shows; of several any one will do."""


def found_by(killers: dict[str, Callable[[], Iterator[str]]]) -> str | None:
    """What finds the defect, and how; None: nothing does. A compiler that fails says so itself."""
    for name, killer in killers.items():
        try:
            difference = next(killer(), None)
        except Exception as error:
            difference = f"{type(error).__name__}: {error}"
        if difference is not None:
            return f"{name}: {difference}"
    return None


def main() -> int:
    """Kill one mutant."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == sys.argv[1])
    sys.meta_path.insert(0, Finder(mutant))
    found = found_by(KILLERS[mutant.shows_in])
    print(found or "nothing found it")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
