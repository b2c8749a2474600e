"""What is legal but surely not meant: the warnings of `ryu-netpol check` about policies, listed in docs/check.md.

A policy with an error is not looked at. What needs other objects is asked only where no object has an error: one that
could not be read would be missed.
"""

from __future__ import annotations

from ryu_netpol.model.decode import Severity, show_path
from ryu_netpol.model.lint import blocks, legacy, needless, ports, selectors, types
from ryu_netpol.model.lint.case import Case, Check
from ryu_netpol.model.lint.scene import Scene
from ryu_netpol.model.load import Loaded, LocatedProblem
from ryu_netpol.model.objects import Policy

CHECKS: tuple[Check, ...] = (
    types.egress_cuts_ingress,
    types.list_without_effect,
    types.unknown_namespace,
    selectors.impossible,
    selectors.subject_matches_nothing,
    selectors.peer_matches_nothing,
    ports.undeclared,
    ports.name_at_block,
    blocks.covers_pods,
    blocks.empty,
    blocks.needless_except,
    blocks.undone_except,
    needless.rules,
    needless.peers,
    needless.ports,
    legacy.without_isolation,
    legacy.empty_list,
)


def lint(loaded: Loaded) -> tuple[LocatedProblem, ...]:
    """Look at every policy of the manifests, all files together. The warnings come sorted by file and line."""
    scene = Scene() if loaded.errors else Scene.of(loaded.objects)
    found = []
    for item in loaded.items:
        if not isinstance(item.object, Policy) or not item.clean:
            continue
        case = Case(item.object, item.source.value, scene)
        for finding in (finding for check in CHECKS for finding in check(case)):
            line = item.source.line(finding.path)
            field = show_path(finding.path)
            found.append(
                LocatedProblem(item.file, line, item.title, field, finding.reason, Severity.WARNING, finding.name)
            )
    return tuple(sorted(found, key=lambda problem: (problem.file, problem.line)))
