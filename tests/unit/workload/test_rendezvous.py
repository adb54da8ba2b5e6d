# SPDX-License-Identifier: Apache-2.0
"""A replica waits until replica 0 is found by its name, whichever DNS server is asked, and then for all the others."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NoReturn

import pytest

from mlops_workload import rendezvous
from mlops_workload.errors import CoordinatorUnresolvedError
from tests.unit.workload.conftest import Process, RunEnvironment

NAME = "digits-0a1b2c3d-0-0.digits-0a1b2c3d.team-a.svc"
NO_SUCH_NAME = "Name or service not known"


class Resolver:
    """Answers as it was told, the last answer again and again, in a time of its own."""

    def __init__(self, answers: Iterable[str | None]) -> None:
        self._answers = list(answers)
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []

    def ask(self, name: str) -> str | None:
        self.asked.append((self.now, name))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self) -> float:
        return rendezvous.await_name(NAME, ask=self.ask, sleep=self.sleep, clock=lambda: self.now)

    @property
    def pauses(self) -> list[float]:
        times = [0.0, *(moment for moment, _ in self.asked)]
        return [round(after - before, 3) for before, after in pairwise(times)]


def test_a_name_that_is_there_is_found_in_less_than_three_seconds() -> None:
    resolver = Resolver([None])
    assert 2.0 <= resolver.wait() < 3.0
    assert {name for _, name in resolver.asked} == {NAME}


def test_nothing_is_asked_before_the_name_can_be_there() -> None:
    resolver = Resolver([None])
    resolver.wait()
    assert resolver.asked[0][0] >= 1.5


def test_one_address_is_not_believed_while_another_server_may_know_of_none() -> None:
    resolver = Resolver([*[None] * 5, NO_SUCH_NAME, *[None] * 5, NO_SUCH_NAME, None])
    resolver.wait()
    assert len(resolver.asked) == 12 + rendezvous.CONFIRMATIONS


def test_questions_become_rarer_while_there_is_no_address() -> None:
    resolver = Resolver([*[NO_SUCH_NAME] * 8, None])
    resolver.wait()
    assert resolver.pauses[:9] == [2.0, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]


def test_a_late_replica_0_is_waited_for() -> None:
    resolver = Resolver([*[NO_SUCH_NAME] * 600, None])
    assert 1150 < resolver.wait() < 1250


def test_it_gives_up_in_the_end_and_names_what_it_waited_for() -> None:
    resolver = Resolver([NO_SUCH_NAME])
    with pytest.raises(CoordinatorUnresolvedError, match=rf"{NAME}.*within 1800 s.*{NO_SUCH_NAME}"):
        resolver.wait()
    assert rendezvous.PATIENCE - rendezvous.LONGEST_PAUSE <= resolver.now <= rendezvous.PATIENCE


def test_the_name_is_resolved_as_a_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendezvous.look_up("localhost") is None

    def refuse(_name: str, _port: None) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, NO_SUCH_NAME)

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert rendezvous.look_up(NAME) == NO_SUCH_NAME


def found_at_once(name: str) -> float:
    assert name == NAME
    return 2.5


def test_the_command_waits_for_the_name_alone_where_there_is_no_port_to_meet_at(
    run_environment: RunEnvironment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_environment.set("MLOPS_COORDINATOR", NAME)
    run_environment.set("MLOPS_REPLICAS", "3")
    run_environment.set("MLOPS_RENDEZVOUS_PORT", "0")
    monkeypatch.setattr(rendezvous, "await_name", found_at_once)
    assert rendezvous.main([]) == 0
    assert f"replica 0 is found as {NAME}, after 2.5 s" in capsys.readouterr().out


def test_the_commands_of_a_run_end_together(start: Callable[..., Process], free_port: Callable[[], int]) -> None:
    class Gang:
        def __init__(self, uid: str) -> None:
            self.given = {"MLOPS_COORDINATOR": "localhost", "MLOPS_REPLICAS": "2", "MLOPS_GANG": uid}
            self.given["MLOPS_RENDEZVOUS_PORT"] = str(free_port())

        def begin(self, rank: int) -> Process:
            command = [sys.executable, "-m", "mlops_workload.rendezvous"]
            return start(command, MLOPS_REPLICA_INDEX=str(rank), **self.given)

    begun_by_0, begun_by_1 = Gang("a"), Gang("b")
    early = [begun_by_0.begin(0), begun_by_1.begin(1)]
    with pytest.raises(subprocess.TimeoutExpired):
        early[0].popen.wait(4)  # longer than it takes to find the name
    assert early[1].popen.poll() is None
    late = [begun_by_0.begin(1), begun_by_1.begin(0)]
    assert [process.popen.wait(20) for process in (*early, *late)] == [0] * 4
    assert "this replica starts after" in early[0].output


@pytest.mark.parametrize("port", ["80", "65536", "-1", "http", "1" * 5000])
def test_a_port_that_is_none_is_a_configuration_error(run_environment: RunEnvironment, port: str) -> None:
    run_environment.set("MLOPS_COORDINATOR", NAME)
    run_environment.set("MLOPS_RENDEZVOUS_PORT", port)
    assert rendezvous.main([]) == 2
    said = json.loads(run_environment.message)
    assert said["reason"] == "ConfigurationInvalid"
    assert "MLOPS_RENDEZVOUS_PORT: expected a" in said["message"]


def test_the_command_leaves_the_reason_of_its_failure(
    run_environment: RunEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(_name: str) -> NoReturn:
        raise CoordinatorUnresolvedError("nobody there")

    run_environment.set("MLOPS_COORDINATOR", NAME)
    run_environment.set("MLOPS_RENDEZVOUS_PORT", "0")
    monkeypatch.setattr(rendezvous, "await_name", give_up)
    assert rendezvous.main([]) == 12
    assert json.loads(run_environment.message) == {"reason": "CoordinatorUnresolved", "message": "nobody there"}


def test_the_command_wants_a_name(run_environment: RunEnvironment) -> None:
    assert rendezvous.main([]) == 2
    assert "MLOPS_COORDINATOR" in json.loads(run_environment.message)["message"]
