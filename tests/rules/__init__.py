"""The rules of docs/semantics.md as tables, written by hand; every level of the tests judges the same ones."""
