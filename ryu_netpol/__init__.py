"""Kubernetes NetworkPolicy on Open vSwitch, as a Ryu application."""

__version__ = "0.1.0"
