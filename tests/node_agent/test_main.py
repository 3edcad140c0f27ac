"""The command line, and the agent as a process of its own."""

from __future__ import annotations

import io
import json
import random
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from node_agent.__main__ import Exit, main
from node_agent.config import Identity, StatePaths, create_key, load_key
from node_agent.errors import AlreadyEnrolledError, StateError
from node_agent.state import AgentState
from tests.node_agent.conftest import EnrolledNode
from tests.simulators.edge import TOKEN, EdgeSimulator
from tests.simulators.releases import forbid, records

ROOT = Path(__file__).resolve().parents[2]


def enroll_arguments(edge: EdgeSimulator, folder: Path) -> list[str]:
    return [
        *("enroll", "--state", str(folder), "--edge", edge.url, "--json"),
        *("--tenant", edge.portal.tenant, "--name", "web-1", "--token", TOKEN),
    ]


def output(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def enrolled(
    edge: EdgeSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    """Return the state folder of a node that enrolled at the edge."""
    folder = tmp_path / "enrolled"
    assert main(enroll_arguments(edge, folder)) == Exit.DONE
    capsys.readouterr()
    return folder


def test_enrollment_keeps_the_key_on_the_node(
    edge: EdgeSimulator, enrolled: Path
) -> None:
    paths = StatePaths(enrolled)
    identity = Identity.load(paths)
    assert edge.nodes[identity.node] == load_key(paths).public_key()
    assert stat.S_IMODE(paths.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.folder.stat().st_mode) == 0o700


def test_a_node_enrolls_once(
    edge: EdgeSimulator, enrolled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(enroll_arguments(edge, enrolled)) == Exit.FAILED
    assert output(capsys)["error"] == "agent.already_enrolled"


def test_an_enrollment_that_broke_off_goes_on_with_the_same_key(
    edge: EdgeSimulator, tmp_path: Path
) -> None:
    edge.tokens.clear()
    arguments = enroll_arguments(edge, tmp_path / "node")
    assert main(arguments) == Exit.FAILED
    key = (tmp_path / "node" / "node.key").read_bytes()
    edge.tokens.add(TOKEN)
    assert main(arguments) == Exit.DONE
    assert (tmp_path / "node" / "node.key").read_bytes() == key


def test_the_token_may_come_from_the_environment(
    edge: EdgeSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTWARD_JOIN_TOKEN", TOKEN)
    assert main(enroll_arguments(edge, tmp_path / "node")[:-2]) == Exit.DONE


def test_a_root_that_is_not_the_expected_one_is_refused(
    edge: EdgeSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = enroll_arguments(edge, tmp_path / "node")
    assert main([*arguments, "--root-digest", "sha256:00"]) == Exit.REFUSED
    assert output(capsys)["error"] == "bundle.tampered"
    assert not (tmp_path / "node" / "identity.json").exists()


def test_a_key_that_others_can_read_is_refused(node: EnrolledNode) -> None:
    node.paths.key.chmod(0o640)
    with pytest.raises(StateError):
        load_key(node.paths)


def test_an_enrolled_folder_gets_no_second_key(node: EnrolledNode) -> None:
    with pytest.raises(AlreadyEnrolledError):
        create_key(node.paths)


def decide(node: EnrolledNode, principal: str, *more: str) -> int:
    return main(
        [
            *("decide", "--state", str(node.paths.folder), "--json"),
            *("--principal", principal, "--action", "restart"),
            *("--resource", "Node::web-1", *more),
        ]
    )


@pytest.mark.parametrize(
    ("principal", "code", "decision"),
    [("User::alice", Exit.DONE, True), ("User::bob", Exit.DENIED, False)],
)
def test_decide_asks_the_release_on_disk(
    node: EnrolledNode,
    capsys: pytest.CaptureFixture[str],
    principal: str,
    code: Exit,
    decision: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    assert decide(node, principal) == code
    said = output(capsys)
    assert said["decision"] is decision
    assert said["revision"] == 1


def test_decide_without_a_release_fails(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decide(node, "User::alice") == Exit.FAILED
    assert output(capsys)["error"] == "agent.nothing_stored"


@pytest.mark.parametrize("bad", [["--context", "[]"], ["--context", "{"]])
def test_decide_refuses_a_context_that_is_no_object(
    node: EnrolledNode, bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        decide(node, "User::alice", *bad)
    assert raised.value.code == Exit.USAGE
    assert "context" in capsys.readouterr().err


def test_complaints_go_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--state", str(tmp_path)]) == Exit.FAILED
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("agent.not_enrolled: ")


def test_commands_say_when_the_node_is_not_enrolled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--state", str(tmp_path), "--json"]) == Exit.FAILED
    assert output(capsys)["error"] == "agent.not_enrolled"


def test_verify_prints_every_numbered_step(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    file = node.paths.folder / "envelope.tar"
    file.write_bytes(node.portal.envelope())
    state = ["--state", str(node.paths.folder)]
    assert main(["verify", *state, str(file)]) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(".")[0].strip() for line in lines[:-1]] == list("123456789")
    assert lines[-1] == "The release is good."


def test_verify_shows_the_step_that_fails(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    file = node.paths.folder / "envelope.tar"
    file.write_bytes(node.portal.envelope()[:2000])
    arguments = ["verify", "--json", "--state", str(node.paths.folder), str(file)]
    assert main(arguments) == Exit.REFUSED
    said = output(capsys)
    assert (said["ok"], said["error"]) == (False, "bundle.malformed")
    assert [step["passed"] for step in said["steps"]] == [True, True, False]


def test_verify_without_a_file_checks_the_release_on_disk(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    arguments = ["verify", "--json", "--state", str(node.paths.folder)]
    assert main(arguments) == Exit.DONE
    assert output(capsys)["ok"]


def test_verify_of_a_bundle_compares_it_with_what_is_held(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    file = node.paths.folder / "some.tar.gz"
    file.write_bytes(node.portal.blob)
    arguments = ["verify", "--json", "--state", str(node.paths.folder), str(file)]
    assert main(arguments) == Exit.DONE
    capsys.readouterr()
    node.portal.publish(records(forbid("stop")))
    file.write_bytes(node.portal.blob)
    assert main(arguments) == Exit.REFUSED
    assert output(capsys)["error"] == "bundle.tampered"


def test_an_approval_that_is_not_proven_is_told_and_refused(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    arguments = ["verify", "--json", "--state", str(node.paths.folder)]
    assert main(arguments) == Exit.DONE
    capsys.readouterr()
    assert main([*arguments, "--explain"]) == Exit.REFUSED
    said = output(capsys)
    assert (said["ok"], said["proven"]) == (True, False)
    missing = ["--keys", str(node.paths.folder / "no-keys.json")]
    assert main([*arguments, "--explain", *missing]) == Exit.FAILED


def test_verify_changes_nothing(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    before = node.trust_files()
    node.portal.publish(records(forbid("stop")))
    file = node.paths.folder / "envelope.tar"
    file.write_bytes(node.portal.envelope())
    assert main(["verify", "--state", str(node.paths.folder), str(file)]) == Exit.DONE
    assert node.trust_files() == before


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def agent_process(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "node_agent", "run", "--state", str(folder)),
            *("--port", str(port)),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def get(port: int, path: str) -> dict[str, Any]:
    response = urllib3.request(
        "GET",
        f"http://127.0.0.1:{port}{path}",
        retries=urllib3.Retry(connect=20, backoff_factor=0.05),
    )
    found: dict[str, Any] = response.json()
    return found


def test_the_agent_runs_answers_and_stops_on_sigterm(
    edge: EdgeSimulator, enrolled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.publish(records())
    port = free_port()
    with agent_process(enrolled, port) as process:
        edge.wait_for_report(revision=1)
        assert get(port, "/healthz") == {"status": "ok"}
        assert get(port, "/status")["revision"] == 1
        process.send_signal(signal.SIGTERM)
        # A long poll is parked at the edge all the while.
        assert process.wait(3) == Exit.DONE
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert main(["status", "--json", "--state", str(enrolled)]) == Exit.DONE
    said = output(capsys)
    assert said["revision"] == 1
    assert said["fingerprint"] == edge.portal.state_digest
    assert said["last_contact"] is not None
    assert said["last_error"] is None


def test_a_killed_agent_comes_back_with_a_whole_release(
    edge: EdgeSimulator, enrolled: Path
) -> None:
    chance = random.Random(20261121)  # noqa: S311  # which moment, not which secret
    edge.publish(records())
    for round_ in range(4):
        port = free_port()
        with agent_process(enrolled, port) as process:
            edge.wait_for(
                lambda: any(
                    report["revision"] == edge.portal.revision
                    for report in edge.reports
                ),
                "a report of the newest revision",
            )
            edge.publish(records(forbid(f"stop-{round_}")))
            with edge.changed:
                edge.changed.wait(chance.uniform(0, 0.02))
            process.kill()
            process.wait()
        paths = StatePaths(enrolled)
        state = AgentState(paths, Identity.load(paths))
        assert state.load().revision in {edge.portal.revision - 1, edge.portal.revision}


def test_two_agents_on_one_folder_are_refused(
    edge: EdgeSimulator, enrolled: Path
) -> None:
    edge.publish(records())
    with agent_process(enrolled, free_port()):
        edge.wait_for_report(revision=1)
        arguments = ["run", "--state", str(enrolled), "--port", str(free_port())]
        assert main(arguments) == Exit.FAILED


def test_the_agent_runs_without_django() -> None:
    program = (
        "import sys, node_agent.__main__; "
        "sys.exit(any(m.split('.')[0] in {'django', 'apps', 'portal'} "
        "for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_an_agent_whose_release_is_damaged_starts_denies_and_recovers(
    edge: EdgeSimulator, enrolled: Path
) -> None:
    edge.publish(records())
    paths = StatePaths(enrolled)
    state = AgentState(paths, Identity.load(paths), scratch=paths.bundle)
    state.accept(edge.portal.envelope())
    (paths.current / "bundle.tar.gz").write_bytes(b"damaged")
    port = free_port()
    edge.failing = 503
    with agent_process(enrolled, port) as process:
        assert get(port, "/healthz") == {"status": "no_release"}
        edge.failing = None
        edge.wait_for_report(revision=1)
        assert get(port, "/healthz") == {"status": "ok"}
        process.terminate()
        assert process.wait(3) == Exit.DONE


def test_status_is_readable(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["status", "--state", str(node.paths.folder)]
    assert main(arguments) == Exit.DONE
    assert "revision      none" in capsys.readouterr().out
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    error = {"code": "bundle.expired", "message": "old", "at": "2026-01-01"}
    node.paths.status.write_text(json.dumps({"last_error": error}))
    assert main(arguments) == Exit.DONE
    text = capsys.readouterr().out
    assert "revision      1" in text
    assert "last error    bundle.expired at 2026-01-01" in text


@pytest.mark.parametrize("content", ["", "[]"])
def test_status_bears_a_file_that_is_none(
    node: EnrolledNode, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node.paths.status.write_text(content)
    assert main(["status", "--json", "--state", str(node.paths.folder)]) == Exit.DONE
    assert output(capsys)["last_error"] is None


def test_the_token_may_come_from_standard_input(
    edge: EdgeSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(TOKEN + "\n"))
    arguments = enroll_arguments(edge, tmp_path / "node")
    assert main([*arguments[:-1], "-"]) == Exit.DONE


def test_without_a_token_enrollment_says_where_it_looks(
    edge: EdgeSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PORTWARD_JOIN_TOKEN", raising=False)
    arguments = enroll_arguments(edge, tmp_path / "node")[:-2]
    assert main(arguments) == Exit.FAILED
    assert "PORTWARD_JOIN_TOKEN" in output(capsys)["message"]


def test_a_context_of_the_wrong_type_is_wrong_usage(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    code = decide(node, "User::alice", "--context", '{"mfa": "strong"}')
    assert code == Exit.USAGE
    assert output(capsys)["error"] == "engine.context_invalid"


@pytest.mark.parametrize("entity", ["alice", "User::", "::alice", "User:alice"])
def test_a_name_without_its_type_is_wrong_usage(
    node: EnrolledNode, entity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        decide(node, entity)
    assert raised.value.code == Exit.USAGE
    assert "TYPE::ID" in capsys.readouterr().err


def test_verify_of_a_file_that_is_not_there_fails(
    node: EnrolledNode, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(node.paths.folder / "missing.tar")
    arguments = ["verify", "--json", "--state", str(node.paths.folder), missing]
    assert main(arguments) == Exit.FAILED
    assert output(capsys)["error"] == "agent.state"
