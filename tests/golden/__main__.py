"""Rewrites the golden flows."""

from __future__ import annotations

from tests.golden import FOLDER, flows_file, names, render

if __name__ == "__main__":
    wanted = {flows_file(name): render(name) for name in names()}
    for stale in set(FOLDER.glob("*.flows")) - wanted.keys():
        stale.unlink()
        print(f"removed {stale.name}")
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.name}")
