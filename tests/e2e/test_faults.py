"""What may go wrong on a node: whatever it is, nothing opens that policy closes, and the agent puts it right again."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.lab import namespace
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.measure import Line
from ryu_netpol.lab.node import BRIDGE, LabNode
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.shoot import Shot, Wire, shoot
from tests.e2e.shop import CLUSTER, POD, PODS, POLICY, cluster, disagreements, eventually

NODE = "192.168.50.1"
OUTSIDE = "192.168.50.100"


def flows(node: LabNode) -> dict[str, float]:
    """Every flow on the bridge without its counters, and how many seconds old it is."""
    found = {}
    for line in node.ovs.ofctl("dump-flows", BRIDGE).splitlines():
        if age := re.search(r"duration=([0-9.]+)s, ", line):
            found[re.sub(r"(duration|n_packets|n_bytes)=[^,]*, ", "", line)] = float(age[1])
    return found


def packets(node: LabNode, cookie: Cookie) -> int:
    """How many packets the flows with this cookie have counted."""
    node.ovs.appctl("revalidator/wait")
    dumped = node.ovs.ofctl("dump-flows", BRIDGE, f"cookie={int(cookie):#x}/-1")
    return sum(map(int, re.findall(r"n_packets=(\d+)", dumped)))


def log_after(node: LabNode, start: int) -> str:
    """What the agent has printed since the log was this long."""
    return node.agent_log.read_text()[start:]


# --- the agent -------------------------------------------------------------------------------------------------------


def test_without_its_agent_a_node_keeps_its_policy(shop: Lab, folder: Path) -> None:
    """fail_mode=secure; and the next agent touches no flow that is right: the same ones, each older than before."""
    node = shop.node("node1")
    node.stop_agent(patience=0)
    before, start = flows(node), time.monotonic()
    assert disagreements(shop, folder) == []

    said = len(node.agent_log.read_text())
    node.start_agent(folder)
    node.wait_synced()
    assert disagreements(shop, folder) == []

    after, passed = flows(node), time.monotonic() - start
    assert after.keys() == before.keys()
    assert [flow for flow, age in after.items() if age < before[flow] + passed - 1] == []
    assert "flows added or changed" not in log_after(node, said)


def test_what_changed_without_the_agent_is_caught_up_with(shop: Lab, folder: Path) -> None:
    """A policy that is edited while the agent is down is in force once the next one is up."""
    node = shop.node("node1")
    with Line(shop, "shop/web", "shop/db", 80) as line:
        assert line.knock()
        node.stop_agent(patience=0)
        (folder / "policy.yaml").write_text(POLICY.replace("{app: web}", "{app: nobody}"))
        time.sleep(0.5)
        assert line.knock()

        node.start_agent(folder)
        node.wait_synced()
        line.until_silent(within=2)
    assert disagreements(shop, folder) == []


# --- the switch ------------------------------------------------------------------------------------------------------


def test_a_restarted_switch_is_closed_then_filled_again(shop: Lab, folder: Path) -> None:
    """All flows are lost with ovs-vswitchd; the agent brings them back within two seconds, and no gap is open."""
    answered = []
    with Line(shop, "lab/probe", "shop/db", 80) as denied, Line(shop, "shop/db", "shop/web", 80) as open_one:
        assert open_one.knock()
        shop.node("node1").ovs.restart_vswitchd()
        start = time.monotonic()
        while not open_one.knock(patience=0.02):
            answered.append(denied.knock(patience=0.02))
            assert time.monotonic() < start + 10
        came_back = time.monotonic() - start
        answered.append(denied.knock())

    assert came_back < 2
    assert not any(answered)
    assert disagreements(shop, folder) == []


def test_without_flows_nothing_passes(shop: Lab, folder: Path) -> None:
    """A bridge that no agent has programmed: pods reach neither each other nor the node's own stack, nobody reaches
    them. The control: the same shots with an agent.
    """
    node = shop.node("node1")
    shots = every_shot(shop)
    answered = asyncio.run(shoot(shots, timeout=1))
    assert {Wire.ANSWERED, Wire.REFUSED} & {echo.wire for echo in answered}

    node.stop_agent(patience=0)
    node.ovs.restart_vswitchd()
    assert flows(node) == {}
    silent = asyncio.run(shoot(shots, timeout=1))

    passed = [f"{shot}: {echo}" for shot, echo in zip(shots, silent, strict=True) if echo.wire is not Wire.SILENT]
    assert passed == []

    node.start_agent(folder)
    node.wait_synced()
    again = asyncio.run(shoot(shots, timeout=1))
    assert [echo.wire for echo in again] == [echo.wire for echo in answered]
    assert disagreements(shop, folder) == []


def every_shot(lab: Lab) -> list[Shot]:
    """Echo requests and connections to a port where nobody listens: a refusal is an answer too."""
    node, pods = lab.node("node1"), list(lab.pods.values())
    others = [Place("node", node.netns, NODE), Place("outside", lab.underlay.outside_netns, OUTSIDE)]
    gateways = [Place("gateway", node.netns, address) for address in ("10.244.1.1", "10.244.1.2", "fd00:10:244:1::1")]
    shots = []
    for pod in pods:
        for version in (4, 6):
            here = pod.place(version)
            there = [other.place(version) for other in pods if other is not pod]
            there += [place for place in (*others, *gateways) if place.version == version]
            shots += [Shot(here, place, protocol, port) for place in there for protocol, port in ECHO_AND_TCP]
        shots += [Shot(Place("", other.netns, ""), pod.place(4), *each) for other in others for each in ECHO_AND_TCP]
    return shots


ECHO_AND_TCP = (("ICMP", 0), ("TCP", 80))


def test_a_port_that_nobody_declared_is_closed_and_reported(shop: Lab, folder: Path) -> None:
    """Somebody plugs something into the bridge by hand: nothing of it passes, it is counted, and the log names it."""
    node = shop.node("node1")
    rogue = namespace.make(shop.state, "rogue")
    namespace.ip(node.netns, [f"link add rogue0 type veth peer name eth0 netns {rogue}", "link set rogue0 up"])
    (router,) = re.findall(r"link/ether (\S+)", node.run("ip", "link", "show", "np-gw0"))
    lines = ["link set eth0 up", "addr add 10.244.1.99/32 dev eth0", "route add default dev eth0"]
    targets = ["10.244.1.20", "10.244.1.1", NODE, OUTSIDE]
    # With known neighbours it sends at once, and the node's stack, which sees the wire too, takes nothing for itself.
    lines += [f"neigh add {target} lladdr {router} dev eth0" for target in targets]
    namespace.ip(rogue, lines)
    said = len(node.agent_log.read_text())
    node.ovs.vsctl("add-port", BRIDGE, "rogue0")
    cookie = Cookie(CookieKind.UNKNOWN, node.ovs.ofport("rogue0"))
    eventually(lambda: "unknown_port: port rogue0" in log_after(node, said))
    eventually(lambda: any(f"cookie={int(cookie):#x}" in flow for flow in flows(node)))

    before = packets(node, cookie)
    here = Place("rogue", rogue, "10.244.1.99")
    shots = [Shot(here, Place(t, node.netns, t), *each) for t in targets for each in ECHO_AND_TCP]
    echoes = asyncio.run(shoot(shots, timeout=1))

    assert {echo.wire for echo in echoes} == {Wire.SILENT}
    assert packets(node, cookie) >= before + len(shots)
    assert "is closed: nothing in its external_ids says whose it is" in log_after(node, said)
    assert disagreements(shop, folder) == []
    node.ovs.vsctl("del-port", BRIDGE, "rogue0")
    eventually(lambda: not any(f"cookie={int(cookie):#x}" in flow for flow in flows(node)))


# --- pods ------------------------------------------------------------------------------------------------------------


def test_of_two_claims_to_an_address_the_newest_counts(shop: Lab, folder: Path) -> None:
    """NP-71: the older pod loses it in both directions, with all that it was allowed; it gets it back in the end."""
    twins = "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, uid: uid-{name}, "
        f"labels: {{app: {label}}}}}\nspec: {{nodeName: node1, containers: [{{name: c, image: i}}]}}\n"
        for name, label in (("older", "web"), ("newer", "other"))
    )
    (folder / "twins.yaml").write_text(twins)
    older, newer = (PodSpec("shop", name, f"uid-{name}", "node1", ("10.244.1.30",)) for name in ("older", "newer"))
    shop.attach([older])
    assert knock(shop, "shop/older", "shop/db")
    assert knock(shop, "shop/web", "shop/older")

    # IPAM would not give the address twice; a sandbox that was not taken down in order leaves just this.
    (shop.node("node1").directory / "ipam" / "ryu-netpol" / "10.244.1.30").unlink()
    shop.attach([newer])

    assert not knock(shop, "shop/older", "shop/db")
    assert not knock(shop, "shop/web", "shop/older")
    assert not knock(shop, "shop/newer", "shop/db")
    assert knock(shop, "shop/web", "shop/newer")
    assert knock(shop, "shop/newer", "shop/web")

    shop.detach("shop/newer")
    with Line(shop, "shop/older", "shop/db", 80) as line:
        line.until_answered(within=2)


def knock(lab: Lab, source: str, destination: str) -> bool:
    with Line(lab, source, destination, 80) as line:
        return line.knock()


# --- manifests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        pytest.param(
            POLICY.replace("{port: 80}]\n", "{port: 80000}]\n", 1),
            ":9: NetworkPolicy shop/db: spec.ingress[0].ports[0].port: must be a port number",
            id="field",
        ),
        pytest.param(
            POLICY.replace("podSelector: {}", "podSelector: {", 1),
            ":21: NetworkPolicy shop/cache: cannot be read: while parsing a flow mapping",
            id="syntax",
        ),
    ],
)
def test_a_bad_file_changes_nothing_and_is_named(shop: Lab, folder: Path, wrong: str, place: str) -> None:
    """UR-1: what the file said before stays in force, as a whole; the log says what is wrong and where."""
    node = shop.node("node1")
    good, before = cluster(folder), flows(node)
    said = len(node.agent_log.read_text())
    # The same edit takes something away that was allowed: it must not count either.
    (folder / "policy.yaml").write_text(wrong.replace("{app: web}", "{app: nobody}"))
    eventually(lambda: f"manifest_error: {folder / 'policy.yaml'}{place}" in log_after(node, said))

    assert disagreements(shop, folder, good) == []
    assert flows(node).keys() == before.keys()

    (folder / "policy.yaml").write_text(POLICY.replace("{app: web}", "{app: nobody}"))
    with Line(shop, "shop/web", "shop/db", 80) as line:
        line.until_silent(within=2)
    assert disagreements(shop, folder) == []


def test_a_pod_leaves_the_folder_and_comes_back(shop: Lab, folder: Path) -> None:
    """Its file is deleted while it is attached: closed, since no policy can be said to allow it; then written again."""
    whole = (folder / "cluster.yaml").read_text()
    without = "".join(POD.format(namespace=namespace, name=name, n=n) for namespace, name, n in PODS if name != "web")
    with Line(shop, "shop/web", "shop/db", 80) as line:
        assert line.knock()
        (folder / "cluster.yaml").write_text(CLUSTER + without)
        line.until_silent(within=2)

        (folder / "cluster.yaml").write_text(whole)
        line.until_answered(within=2)
    assert disagreements(shop, folder) == []
