"""One defect: some source text of one module replaced by other text, as the module is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect."""

    name: str
    """What is wrong with it, in a few words."""
    module: str
    """Without the package's name."""
    old: str
    """Stands in the module's source exactly once."""
    new: str
    shows_in: str = "verdicts"
    """Where a defect of its kind must show; see KILLERS in kill.py."""


class _Loader(SourceFileLoader):
    def __init__(self, spec: ModuleSpec, mutant: Mutant) -> None:
        assert spec.origin is not None
        super().__init__(spec.name, spec.origin)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType | None:
        source = Path(self.path).read_text()
        if source.count(self._mutant.old) != 1:
            raise ValueError(f"{fullname} does not have exactly one {self._mutant.old!r}")
        return compile(source.replace(self._mutant.old, self._mutant.new), self.path, "exec")


class Finder(MetaPathFinder):
    """Finds the mutated module in place of the sound one. To be put first into `sys.meta_path`, before any import."""

    def __init__(self, mutant: Mutant) -> None:
        """Raises RuntimeError where it comes too late."""
        self._name = f"ryu_netpol.{mutant.module}"
        self._mutant = mutant
        if self._name in sys.modules:
            raise RuntimeError(f"{self._name} has been imported already")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the one module."""
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _Loader(spec, self._mutant)
        return spec
