"""The framework's names, in one spelling for both stacks. Importing this module decides for the whole process.

The two differ in little but their names. What it takes to import each of them, tried:
- os-ken 4.2 uses eventlet instead of threads where the environment says so: we overrule that.
- eventlet uses another loop than epoll where the environment says so, and hangs with asyncio's: overruled, too.
- Ryu 4.34 wants `eventlet.wsgi.ALREADY_HANDLED`, which eventlet dropped in 0.33; Ryu only hands it on to a web server
  that we never start.
- Importing eventlet says that eventlet is deprecated, and Ryu's libraries warn of their own end. Users of this program
  can do nothing about either.
"""

# mypy: disable-error-code="import-untyped,import-not-found"
from __future__ import annotations

import os
import warnings
from typing import Any

from ryu_netpol.adapters.ryu_compat.stack import Stack, chosen

__all__ = [
    "DEAD", "MAIN", "OPENFLOW_1_4", "STACK", "AppManager", "Datapath", "MsgBase", "OFPHandler", "RyuApp",
    "StateChanged", "cfg", "hub", "ofp_event", "ofproto", "ofproto_parser", "on", "parser",
]  # fmt: skip

STACK: Stack = chosen()

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    if STACK is Stack.CLASSIC:
        os.environ["RYU_HUB_TYPE"] = "eventlet"
        os.environ.pop("EVENTLET_HUB", None)
        import eventlet.wsgi

        if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
            eventlet.wsgi.ALREADY_HANDLED = object()
        from ryu import cfg
        from ryu.base.app_manager import AppManager
        from ryu.base.app_manager import RyuApp as _RyuApp
        from ryu.controller import ofp_event
        from ryu.controller.controller import Datapath
        from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
        from ryu.controller.ofp_handler import OFPHandler
        from ryu.lib import hub
        from ryu.ofproto import ofproto_parser
        from ryu.ofproto import ofproto_v1_4 as ofproto
        from ryu.ofproto import ofproto_v1_4_parser as parser
    else:
        os.environ["OSKEN_HUB_TYPE"] = "native"
        from os_ken import cfg
        from os_ken.base.app_manager import AppManager
        from os_ken.base.app_manager import OSKenApp as _RyuApp
        from os_ken.controller import ofp_event
        from os_ken.controller.controller import Datapath
        from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
        from os_ken.controller.ofp_handler import OFPHandler
        from os_ken.lib import hub
        from os_ken.ofproto import ofproto_parser
        from os_ken.ofproto import ofproto_v1_4 as ofproto
        from os_ken.ofproto import ofproto_v1_4_parser as parser

# Types for what has none: from here on the framework's names are ours.
RyuApp: Any = _RyuApp
on: Any = set_ev_cls
"""Decorator: this method handles these events in these states of the connection."""
StateChanged: Any = ofp_event.EventOFPStateChange
MsgBase: Any = ofproto_parser.MsgBase
MAIN: str = MAIN_DISPATCHER
DEAD: str = DEAD_DISPATCHER
OPENFLOW_1_4: int = ofproto.OFP_VERSION
