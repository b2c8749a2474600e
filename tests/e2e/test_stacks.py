"""One node, two stacks: an agent on one of them is killed, an agent on the other goes on, and no packet notices.

Each agent is the `ryu-netpol` of its environment, which runs on the stack that is installed there unless it is told
otherwise.
"""

import re
import subprocess
import time
from pathlib import Path

import pytest

from ryu_netpol.adapters.ryu_compat.stack import VARIABLE, Stack
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import LabNode
from tests.e2e.shop import disagreements
from tests.e2e.talks import Tcp
from tests.e2e.test_faults import flows, log_after

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {Stack.OS_KEN: ".venv", Stack.CLASSIC: ".venv-classic"}
SAYS = {Stack.OS_KEN: r"ryu-netpol \S+ on os-ken \S+", Stack.CLASSIC: r"ryu-netpol \S+ on ryu 4\.34 with eventlet \S+"}


class Web(Tcp):
    """A connection that policy allows; the ends take turns in speaking."""

    port = 80
    answering = False

    def send(self, said: bytes) -> None:
        """The client, or the server."""
        (self.served if self.answering else self.calling).send(said)

    def receive(self) -> bytes:
        """The other one."""
        return (self.calling if self.answering else self.served).recv(1 << 16)

    def goes_on(self) -> bool:
        """Whether both ends hear each other."""
        heard = []
        for self.answering in (False, True):
            heard.append(self.speak())
        return all(heard)


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents of the tests choose their stacks by themselves."""
    monkeypatch.delenv(VARIABLE, raising=False)


def with_agent_on(lab: Lab, stack: Stack) -> LabNode:
    """The lab's node, whose next agent is that of this stack's environment."""
    program = ROOT / ENVIRONMENTS[stack] / "bin" / "ryu-netpol"
    return LabNode(lab.state, lab.node("node1").spec, index=1, program=[str(program)])


def replace_agent(lab: Lab, folder: Path, stack: Stack) -> LabNode:
    """Kill the agent, as a crash would, and start that of this stack."""
    node = with_agent_on(lab, stack)
    node.stop_agent(patience=0)
    node.start_agent(folder)
    node.wait_synced()
    return node


def test_from_one_stack_to_the_other_and_back(shop: Lab, folder: Path) -> None:
    """No flow is added, changed or deleted, policy holds, and the database says what runs."""
    node = replace_agent(shop, folder, Stack.OS_KEN)

    for stack in (Stack.CLASSIC, Stack.OS_KEN):
        before, start, said = flows(node), time.monotonic(), len(node.agent_log.read_text())
        node = replace_agent(shop, folder, stack)
        assert disagreements(shop, folder) == []
        after, passed = flows(node), time.monotonic() - start

        assert re.fullmatch(SAYS[stack], node.agent_says)
        assert node.agent_says in log_after(node, said)
        assert after.keys() == before.keys()
        assert [flow for flow, age in after.items() if age < before[flow] + passed - 1] == []
        assert "flows added or changed" not in log_after(node, said)


def test_connections_do_not_notice(shop: Lab, folder: Path) -> None:
    """What is open goes on in both directions, while no agent runs and under the next one."""
    with Web(shop, "shop/web", "shop/db", 4) as four, Web(shop, "shop/web", "shop/db", 6) as six:
        for stack in (Stack.CLASSIC, Stack.OS_KEN, Stack.CLASSIC):
            node = with_agent_on(shop, stack)
            node.stop_agent(patience=0)
            assert four.goes_on()
            assert six.goes_on()
            node.start_agent(folder)
            node.wait_synced()
            assert four.goes_on()
            assert six.goes_on()


def test_a_change_is_taken_over(shop: Lab, folder: Path) -> None:
    """What was edited while no agent ran is in force once the other stack's agent has started; the rest stays."""
    node = replace_agent(shop, folder, Stack.OS_KEN)
    before, start = flows(node), time.monotonic()
    node.stop_agent(patience=0)
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("{app: web}", "{app: nobody}"))

    node = replace_agent(shop, folder, Stack.CLASSIC)

    assert disagreements(shop, folder) == []
    after, passed = flows(node), time.monotonic() - start
    stayed = before.keys() & after.keys()
    assert len(stayed) > 0.9 * len(before)
    assert [flow for flow in stayed if after[flow] < before[flow] + passed - 1] == []


def test_a_stack_that_is_not_installed() -> None:
    """In the environment that has only os-ken: one sentence, and exit code 2."""
    program = ROOT / ENVIRONMENTS[Stack.OS_KEN] / "bin" / "ryu-netpol"
    words = ("agent", "--node", "n", "--manifests", "/", "--pod-cidr", "10.1.0.0/24", "--stack", "classic")
    done = subprocess.run([program, *words], capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr == (
        'ryu-netpol agent: the stack classic is not installed (ryu is missing): pip install "ryu-netpol[classic]"\n'
    )
