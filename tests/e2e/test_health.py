"""What operators see of the real agent: probes, metrics, status, log; at its start, and while its switch is away."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import LabNode, agent_program
from ryu_netpol.lab.process import in_netns
from ryu_netpol.lab.specs import node_specs, pod_specs
from tests.e2e.shop import POLICY, cluster, eventually

ADDRESS = "127.0.0.1:9464"
FETCH = (
    "import http.client, sys; c = http.client.HTTPConnection(sys.argv[1], timeout=10); c.request('GET', sys.argv[2]); "
    "r = c.getresponse(); print(r.status); print(r.read().decode(), end='')"
)
LOGS_JSON = ("sh", "-c", 'exec "$0" "$@" --log-format json', *agent_program())


def here(node: LabNode, *argv: str, as_nobody: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program in the node's network."""
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if as_nobody else []
    return subprocess.run([*in_netns(node.netns), *user, *argv], capture_output=True, text=True, timeout=30)


def get(node: LabNode, path: str) -> tuple[int, str]:
    """Code and text."""
    done = here(node, "/usr/bin/python3", "-c", FETCH, ADDRESS, path)
    assert done.returncode == 0, done.stderr
    code, _, text = done.stdout.partition("\n")
    return int(code), text


def status(node: LabNode) -> tuple[int, dict[str, object]]:
    """Exit status of `ryu-netpol status`, and what it says."""
    done = here(node, *agent_program(), "status", "-o", "json")
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def metrics(node: LabNode) -> dict[str, float]:
    """All samples, those with labels as `name{value,value}`."""
    code, text = get(node, "/metrics")
    assert code == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = ",".join(sample.labels.values())
            found[f"{sample.name}{{{values}}}" if values else sample.name] = sample.value
    return found


@pytest.fixture
def talking(base: Path, folder: Path) -> Iterator[Lab]:
    """The shop, whose agent logs JSON."""
    found = cluster(folder)
    with Lab(folder, node_specs(found), program=LOGS_JSON, base=base) as lab:
        lab.attach(pod_specs(found))
        yield lab


def by_table(node: LabNode) -> dict[int, int]:
    """How many flows each table has, as the switch says."""
    counts: dict[int, int] = {}
    for line in node.flows().splitlines():
        if found := re.search(r"table=(\d+)", line):
            counts[int(found[1])] = counts.get(int(found[1]), 0) + 1
    return counts


def test_a_node_that_works(shop: Lab, folder: Path) -> None:
    """Probes are content, metrics say what is on the switch, and `status` needs no root."""
    node = shop.node("node1")
    before = metrics(node)
    assert get(node, "/livez")[0] == get(node, "/readyz")[0] == 200
    assert before["ryu_netpol_endpoints{ready}"] == len(shop.pods)
    assert before["ryu_netpol_policies"] == before["ryu_netpol_objects{NetworkPolicy}"] == 2
    assert before["ryu_netpol_flows_installed{ingress}"] == by_table(node)[51]

    (folder / "policy.yaml").write_text(POLICY.replace("{app: web}", "{app: nobody}"))
    eventually(lambda: metrics(node)["ryu_netpol_feed_events_total{replaced,all}"] == 2)
    eventually(lambda: metrics(node)["ryu_netpol_synced"] == 1 and not in_flight(node))
    after = metrics(node)
    assert after["ryu_netpol_change_seconds_count"] == before["ryu_netpol_change_seconds_count"] + 1
    assert after["ryu_netpol_flows_installed{ingress}"] == by_table(node)[51]
    assert after["ryu_netpol_epoch"] == before["ryu_netpol_epoch"] + 1

    code, said = status(node)
    assert (code, said["ready"], said["node"]) == (0, True, "node1")
    assert len(said["endpoints"]) == len(shop.pods)  # type: ignore[arg-type]
    told = here(node, "/usr/bin/python3", "-c", FETCH, ADDRESS, "/status", as_nobody=True)
    assert told.stdout.startswith("200\n"), told.stderr


def in_flight(node: LabNode) -> bool:
    """Whether a plan has been sent that is not acknowledged."""
    return bool(status(node)[1]["switch"]["in_flight"])  # type: ignore[index]


def test_a_switch_that_goes_away_and_comes_back(shop: Lab) -> None:
    """Without ovs-vswitchd the node is not ready, says why, and is alive all the time; then it is ready again."""
    node = shop.node("node1")
    connections = metrics(node)["ryu_netpol_switch_connections_total"]
    vswitchd, _ = node.ovs.processes()
    vswitchd.end()
    eventually(lambda: get(node, "/readyz")[0] == 503)

    assert get(node, "/livez")[0] == 200
    assert "[-] switch: not connected\n" in get(node, "/readyz")[1]
    assert metrics(node)["ryu_netpol_switch_connected"] == 0
    done = here(node, *agent_program(), "status")
    assert done.returncode == 1
    assert "NOT CONNECTED" in done.stdout

    node.ovs.restart_vswitchd()
    eventually(lambda: get(node, "/readyz")[0] == 200)
    assert metrics(node)["ryu_netpol_switch_connections_total"] == connections + 1


def test_an_agent_that_waits_is_alive_and_not_ready(shop: Lab, folder: Path) -> None:
    """It starts without a switch: to start it again would not help."""
    node = shop.node("node1")
    node.stop_agent()
    assert here(node, *agent_program(), "status").returncode == 2

    vswitchd, _ = node.ovs.processes()
    vswitchd.end()
    node.start_agent(folder)
    eventually(lambda: here(node, *agent_program(), "status").returncode == 1)
    assert get(node, "/livez") == (200, "[+] agent: its thread answers\n")
    assert get(node, "/readyz")[0] == 503
    assert metrics(node)["ryu_netpol_synced"] == 0

    node.ovs.restart_vswitchd()
    eventually(lambda: status(node)[0] == 0)


def lines(node: LabNode) -> list[dict[str, object]]:
    """The agent's log."""
    return [json.loads(line) for line in node.agent_log.read_text().splitlines()]


def test_a_log_of_objects(talking: Lab) -> None:
    """Every line has the same keys; the level changes by a signal and back; SIGTERM ends the agent at once."""
    node = talking.node("node1")
    agent = node.agent
    assert agent is not None

    def heard(what: str) -> Callable[[], bool]:
        return lambda: any(line["what"] == what for line in lines(node))

    assert not heard("event")()
    os.kill(agent.pid, signal.SIGUSR1)
    eventually(lambda: status(node)[1]["log_level"] == "debug")
    talking.detach("shop/cache")
    eventually(heard("event"))
    os.kill(agent.pid, signal.SIGUSR2)
    eventually(lambda: status(node)[1]["log_level"] == "info")

    os.kill(agent.pid, signal.SIGTERM)
    eventually(lambda: not agent.alive())
    said = lines(node)
    assert {"ts", "level", "logger", "what", "message"} == set.intersection(*(set(line) for line in said))
    assert [said[0]["what"], said[-1]["what"]] == ["started", "ended"]
    ready = [line for line in said if line["what"] == "endpoint_ready"]
    assert len(ready) == 4
    assert all({"port", "container"} <= line.keys() for line in ready)
