"""A thread that follows one kind of objects: asks what the state machine wants, and tells it what came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Raw

from ryu_netpol.adapters.kube import answers, envelope, objects, questions
from ryu_netpol.adapters.kube.mirror import Mirror
from ryu_netpol.adapters.kube.protocol import Ask, Do, Mode, Step, Tell
from ryu_netpol.adapters.kube.reflector import Reflector
from ryu_netpol.adapters.kube.resources import GROUPS, NETWORK_POLICIES, Resource, root
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost, Response
from ryu_netpol.agent.events import Deleted, Kind, Reached, Relisted, Said, Upserted
from ryu_netpol.model.names import Api


class Hub(Protocol):
    """Where followers meet. Any thread may call."""

    def reached(self, kind: Kind) -> None:
        """The server has answered something."""

    def behind(self, kind: Kind) -> None:
        """Something may have happened that is not known."""

    def older(self, kind: Kind) -> None:
        """The store has become an older one."""

    def resumed(self, kind: Kind) -> None:
        """What has happened meanwhile comes now."""

    def progress(self, kind: Kind) -> None:
        """Something came."""

    def changed(self, *changes: Relisted | Upserted | Deleted | Reached, caught_up: Kind | None = None) -> None:
        """Changes to deliver; with them a kind may have caught up."""

    def report(self, what: str, message: str) -> None:
        """Something an operator must know."""


class Follower:
    """Follows one kind. `run` is the thread's; the rest any thread may call."""

    def __init__(self, resource: Resource, client: Client, hub: Hub, *, chance: Callable[[], float]) -> None:
        self.kind = resource.kind
        self._resource = resource
        self._client = client
        self._hub = hub
        self._reflector = Reflector(chance=chance, find=resource == NETWORK_POLICIES)
        self._mirror = Mirror(resource.kind)
        self._list: list[objects.Entry] = []
        self._wake = threading.Event()
        self._stopped = False
        self._out_of_reach = False
        """The last answer was none, or one of a server that could answer nobody."""
        self._asked: float | None = None
        """When it asked what has not been answered yet."""

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._stopped:
            self.step()

    def step(self) -> None:
        """Ask once, when it is time."""
        if self._client.go_on():
            self._do(self._reflector.doubt())
        ask = self._reflector.next()
        if ask.delay:
            self._wake.wait(ask.delay)
        self._wake.clear()
        if not self._stopped and not self._client.broken:
            self._ask(ask)

    def stop(self) -> None:
        """End soon."""
        self._stopped = True
        self._wake.set()
        self._client.stop()

    def wake(self) -> None:
        """Another one has reached the server: if this one waits because it could not, it need not wait longer."""
        if self._out_of_reach:
            self._wake.set()

    def doubt(self) -> None:
        """What is known may be of a store that is no more: break off, and list everything again."""
        self._client.break_off()
        self._wake.set()

    @property
    def out_of_reach(self) -> bool:
        """Whether it got no answer last, or none but that of a server that could answer nobody."""
        return self._out_of_reach

    @property
    def unanswered(self) -> float:
        """Seconds for which it has waited for an answer to begin."""
        asked = self._asked
        return 0.0 if asked is None else time.monotonic() - asked

    def _ask(self, ask: Ask) -> None:
        began = self._asked = time.monotonic()
        path = GROUPS if ask.mode is Mode.FIND else self._resource.path
        try:
            with self._client.get(path, ask.query, silence=ask.silence) as response:
                self._asked = None
                self._read(ask.mode, response, began)
        except ConnectionLost as lost:
            if self._client.broken:
                return  # It was broken off here.
            self._out_of_reach = True
            self._take(answers.Lost(str(lost), time.monotonic() - began, silent=lost.silent))
        except envelope.Unreadable as error:
            self._take(answers.Malformed(f"an answer to {ask.mode} makes no sense: {error}"))
        except Exception as error:
            # A defect of ours. The thread must not die of it: nobody would follow this kind any more.
            self._take(answers.Failed(f"{type(error).__name__}: {error}"))
        finally:
            self._asked = None

    def _read(self, mode: Mode, response: Response, began: float) -> None:
        if response.status != 200:
            refused = envelope.status(response.status, response.body(), retry_after=response.retry_after)
            if mode is Mode.FIND and refused.code in (403, 404):
                # Who may not ask need not: every server since 1.7 has the newer version.
                self._resource = self._resource.at(Api.V1)
                self._take(answers.Found(True))
            else:
                self._take(refused)
            return
        self._take(answers.Opened())
        if mode is Mode.FIND:
            self._take(answers.Found(self._find(response)))
        elif mode in (Mode.STREAM, Mode.WATCH):
            for line in response.lines():
                what, seen, raw = envelope.event(line)
                if not self._take(seen, what=what, items=[raw], response=response):
                    return
            self._take(answers.Over(time.monotonic() - began))
        else:
            page, items = envelope.page(response.body(lambda: self._hub.progress(self.kind)))
            self._take(page, items=items)

    def _find(self, response: Response) -> bool:
        """Whether the server has policies: the newer API version, else the one of 1.3 (LG-13)."""
        served = envelope.group_versions(response.body())
        api = next((api for api in (Api.V1, Api.LEGACY) if api in served and self._has(api)), None)
        self._resource = self._resource.at(api or Api.V1)
        return api is not None

    def _has(self, api: Api) -> bool:
        if api is Api.V1:
            return True  # it has had policies from its first server on
        with self._client.get(root(api), silence=10.0) as response:
            body = response.body()
            return response.status == 200 and self._resource.plural in envelope.resource_names(body)

    def _take(
        self, answer: answers.Answer, *, what: str = "", items: Sequence[Raw] = (), response: Response | None = None
    ) -> bool:
        """Take in what came, with its objects; False where the rest of the answer is not wanted."""
        if self._stopped:
            return False
        if isinstance(answer, answers.Refused):
            self._out_of_reach = answer.code >= 500
        elif self._out_of_reach and isinstance(answer, answers.Page | answers.Seen | answers.Found):
            # Not before something came: who wakes others for an answer that then breaks off is woken by them in turn.
            self._out_of_reach = False
            self._hub.reached(self.kind)
        wanted = self._do(self._reflector.take(answer), what=what, items=items, response=response)
        return wanted and not isinstance(answer, answers.Refused)

    def _do(
        self, steps: Iterable[Step], *, what: str = "", items: Sequence[Raw] = (), response: Response | None = None
    ) -> bool:
        """Do what the state machine says; False where it wants to hear no more."""
        go_on = True
        for step in steps:
            match step:
                case Tell(kind, reason):
                    self._hub.report(kind, f"{self._resource.plural}: {reason}")
                case Do.KEEP:
                    self._keep(what, items)
                case Do.DROP:
                    self._list = []
                case Do.ADOPT:
                    entries, self._list = self._list, []
                    self._deliver(self._mirror.replace(entries), self._mirror.all_said(), complete=True)
                case Do.STAY if response is not None:
                    response.patience(questions.SILENCE[Mode.WATCH])
                case Do.REACHED:
                    self._deliver(None, {})
                case Do.APPLY:
                    self._apply(what, items[0])
                case Do.OLDER:
                    self._hub.older(self.kind)
                case Do.BEHIND:
                    self._hub.behind(self.kind)
                case Do.RESUMED:
                    self._hub.resumed(self.kind)
                case Do.RENEW:
                    self._client.renew()
                case Do.CLOSE:
                    go_on = False
        return go_on

    def _keep(self, what: str, items: Sequence[Raw]) -> None:
        """Part of a list. A streaming one may tell of changes before its end, too: the last word counts."""
        self._hub.progress(self.kind)
        if what == "DELETED":
            gone = objects.key(items[0], self.kind, self._resource.api)
            self._list = [entry for entry in self._list if entry.key != gone]
        else:
            self._list += [objects.entry(raw, self.kind, self._resource.api) for raw in items]

    def _apply(self, what: str, raw: Raw) -> None:
        self._hub.progress(self.kind)
        if what == "DELETED":
            key = objects.key(raw, self.kind, self._resource.api)
            change = self._mirror.remove(key)
        else:
            entry = objects.entry(raw, self.kind, self._resource.api)
            key, change = entry.key, self._mirror.put(entry)
        self._deliver(change, {key: self._mirror.said(key)})

    def _deliver(
        self, change: Relisted | Upserted | Deleted | None, said: Mapping[Any, Said | None], *, complete: bool = False
    ) -> None:
        changes = () if change is None else (change,)
        reached = Reached(self.kind, self._resource.api, self._reflector.version, said, complete)
        self._hub.changed(*changes, reached, caught_up=self.kind if complete else None)
        for kind, problem in self._mirror.problems():
            self._hub.report(kind, problem)
