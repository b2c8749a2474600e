"""The state of a cluster, asked for once: for the commands that judge it (docs/kubernetes.md, "Asking a cluster")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from ryu_netpol.adapters.kube import envelope, lenient, objects, questions
from ryu_netpol.adapters.kube.access import Access
from ryu_netpol.adapters.kube.protocol import Query
from ryu_netpol.adapters.kube.resources import NETWORK_POLICIES, RESOURCES, Resource
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost
from ryu_netpol.model.decode.build import Document, Flaw
from ryu_netpol.model.load import Item, Loaded, from_documents, merge
from ryu_netpol.model.names import Api
from ryu_netpol.model.objects import Node, Pod


class NotAnswered(Exception):
    """The server did not say everything; one sentence."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read(access: Access) -> Loaded:
    """All objects of the four kinds, as read from a file of the server's address. Raises NotAnswered.

    One list after the other, each of one moment; the four together are not.
    """
    address = access.session().address
    client = Client(access)
    return merge([part for resource in RESOURCES for part in _asked(client, resource, address)])


def _asked(client: Client, resource: Resource, address: str) -> list[Loaded]:
    try:
        return _some_version(client, resource, address)
    except ConnectionLost as lost:
        raise NotAnswered(f"{address} cannot be asked for {resource.plural}: {lost}") from lost
    except Refused as refused:
        raise NotAnswered(f"{address} does not list {resource.plural}: {refused}") from refused
    except envelope.Unreadable as error:
        raise NotAnswered(f"what {address} says to a list of {resource.plural} makes no sense: {error}") from error


def _some_version(client: Client, resource: Resource, address: str) -> list[Loaded]:
    """The list, of policies in the API of 1.3 where the server has no other (LG-13)."""
    try:
        return _listed(client, resource, address)
    except Refused as refused:
        if refused.code != 404 or resource != NETWORK_POLICIES:
            raise
        return _listed(client, resource.at(Api.LEGACY), address)


def _listed(client: Client, resource: Resource, address: str) -> list[Loaded]:
    """Page by page, or in one piece where a page came too late for the next one."""
    try:
        return list(_pages(client, resource, address, whole=False))
    except Refused as refused:
        if refused.code != 410:
            raise
        return list(_pages(client, resource, address, whole=True))


def _pages(client: Client, resource: Resource, address: str, *, whole: bool) -> Iterator[Loaded]:
    for items in pages(client, resource.path, silence=questions.USUAL_SILENCE, whole=whole):
        loaded = from_documents((_document(raw, resource) for raw in items), file=address)
        yield replace(loaded, items=tuple(map(_lean, loaded.items)))


def pages(client: Client, path: str, query: Query = (), *, silence: float, whole: bool) -> Iterator[list[msgspec.Raw]]:
    """The objects of a list, page by page, or all in one. Raises Refused, ConnectionLost, envelope.Unreadable."""
    more = None
    while more is None or more:
        asked = (*query, *questions.page(more or "", whole=whole))
        page, items = envelope.page(answered(client, path, asked, silence=silence))
        yield items
        more = page.more


def answered(client: Client, path: str, query: Query = (), *, silence: float) -> memoryview:
    """What the server says. Raises Refused and ConnectionLost."""
    with client.get(path, query, silence=silence) as response:
        body = response.body()
        if response.status != 200:
            refused = envelope.status(response.status, body)
            raise Refused(refused.code, refused.reason)
    return body


def _document(raw: msgspec.Raw, resource: Resource) -> Document:
    """An object with the kind and the API version of its list. It has no lines."""
    flaws = []
    try:
        found = msgspec.json.decode(raw)
    except lenient.REFUSED:
        found = objects.torn(raw, resource.kind)
        flaws = [Flaw(path, 0, reason) for path, reason in lenient.unread(found)]
    said = found if isinstance(found, dict) else {}
    return Document({**said, "apiVersion": resource.api, "kind": str(resource.kind)}, first=0, flaws=flaws)


def _lean(item: Item) -> Item:
    """Of pods and nodes, which are many, only what they mean is kept."""
    return item.lean() if isinstance(item.object, Pod | Node) else item
