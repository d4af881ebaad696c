"""What the definitions give, and what is written about it."""

import json
import re
from pathlib import Path

import pytest

from s4_bus.__main__ import main
from s4_bus.definitions import definitions, password_hash, users
from s4_bus.rights import everybody, rights
from s4_bus.topology import EXCHANGE, LISTENERS, edition, heard, main_queue, own_exchange, queues
from s4_contracts import EVENTS, routing_key

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "broker.md"


def test_a_service_may_publish_its_own_events_and_nobody_elses() -> None:
    for service in everybody():
        allowed = {routing_key(event) for event in EVENTS if re.match(rights(service).publish, routing_key(event))}
        assert allowed == {routing_key(event) for event in EVENTS if routing_key(event).startswith(f"{service}.")}


def test_whoever_emits_an_event_or_listens_to_one_has_a_user() -> None:
    assert {routing_key(event).partition(".")[0] for event in EVENTS} <= set(everybody())
    assert set(LISTENERS) == set(everybody())


def test_rights_reach_the_services_own_names_and_no_others() -> None:
    names = {EXCHANGE} | {own_exchange(each) for each in everybody()}
    for service in everybody():
        may = rights(service)
        assert {name for name in names if re.search(may.write, name)} == {EXCHANGE, own_exchange(service)}
        readable = {queue.name for each in everybody() for queue in queues(each) if re.search(may.read, queue.name)}
        assert readable == {main_queue(service).name, f"{main_queue(service).name}.parked"}
        assert not any(re.search(may.configure, name) for name in names)


def test_every_listener_is_bound_to_what_it_listens_to_and_each_binding_has_its_ends() -> None:
    made = definitions("there")
    bound = {(each["destination"], each["routing_key"]) for each in made["bindings"] if each["source"] == EXCHANGE}
    assert bound == {(main_queue(service).name, name) for service in LISTENERS for name in heard(service)}
    assert {each["source"] for each in made["bindings"]} <= {each["name"] for each in made["exchanges"]}
    assert {each["destination"] for each in made["bindings"]} == {each["name"] for each in made["queues"]}
    assert {each["vhost"] for kind in made if kind != "vhosts" for each in made[kind]} == {"there"}


def test_definitions_hold_no_user_and_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions", "--vhost", "elsewhere"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == definitions("elsewhere")
    assert "users" not in json.loads(printed)
    assert "password" not in printed
    assert edition() in printed


def test_users_are_printed_with_hashed_passwords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("web", "operator", "desk", "keda"):
        (tmp_path / name).write_text(f"word-of-{name}\n")
    assert main(["users", "--passwords", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "word-of" not in printed
    made = json.loads(printed)
    assert {each["name"]: each["tags"] for each in made["users"]} == {
        "web": "",
        "operator": "administrator",
        "desk": "",
        "keda": "",
    }
    assert {each["user"]: each["read"] for each in made["permissions"]} == {
        "operator": ".*",
        "desk": r"^s4\.[a-z]+\.parked$",
        "keda": "^$",
    }


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert password_hash("word") != password_hash("word")
    assert users({"web": "word"})["users"][0]["password_hash"] != users({"web": "word"})["users"][0]["password_hash"]


def test_a_management_api_that_does_not_answer_is_a_reason_to_try_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "url").write_text("http://operator:a-secret@127.0.0.1:9/")
    assert main(["apply", "--url-file", str(tmp_path / "url")]) == 75
    assert capsys.readouterr().err == "s4_bus: management-unavailable\n"


def test_the_page_for_operators_has_the_rights_that_the_definitions_give() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for service in everybody():
        may = rights(service)
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{service}` ")]
        told = re.findall(r"`([^`]*)`", line.replace(r"\|", "|"))
        assert told == [service, may.publish, may.write, may.read]
