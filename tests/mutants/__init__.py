"""Defects for the compiler, one at a time, and whether the tests that claim to find such defects do (P10)."""
