"""Texts that nobody meant: what is wrong in them is told, and what is accepted means what it says (VA, UR)."""
