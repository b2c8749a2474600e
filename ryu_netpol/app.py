"""The Ryu application: hands what the framework reports to the session, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ryu_compat.framework import DEAD, MAIN, OPENFLOW_1_4, RyuApp, StateChanged, on
from ryu_netpol.adapters.ryu_compat.messages import RawReceived
from ryu_netpol.adapters.ryu_compat.server import Server

__all__ = ["NetpolApp", "run_switch_app"]


class NetpolApp(RyuApp):  # type: ignore[misc]  # the framework has no types
    """A shim: every handler is one call of the session."""

    OFP_VERSIONS: ClassVar = [OPENFLOW_1_4]

    def __init__(self, *args: Any, session: OpenFlowSession, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._session = session

    @on(StateChanged, [MAIN, DEAD])  # type: ignore[untyped-decorator]
    def state_changed(self, event: Any) -> None:
        """A switch has shaken hands, or a connection has ended."""
        if event.state == MAIN:
            self._session.connected(event.datapath)
        else:
            self._session.disconnected(event.datapath)

    @on(RawReceived, MAIN)  # type: ignore[untyped-decorator]
    def received(self, event: Any) -> None:
        """An error, a reply to a bundle, a part of a dump."""
        self._session.received(event.msg.datapath, event.msg.buf)


def run_switch_app(socket_path: Path, session: OpenFlowSession) -> Server:
    """Listen for the switch at a Unix socket, in threads of the framework, until the result's stop() is called.

    Open vSwitch connects only to sockets in its own run directory. Raises ListenError.
    """
    return Server(socket_path, NetpolApp, session=session)
