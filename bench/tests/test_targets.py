"""A target holds or is missed by the numbers alone, and only known cells are asked for."""

import pytest
from gauge.cell import spread
from gauge.results import Results
from gauge.rounds import visits
from gauge.scenarios import SCENARIOS
from gauge.servers import SERVERS, Places, answers
from gauge.targets import TARGETS, cells_needed, report


def results(ours: float, theirs: float) -> Results:
    cells = [
        {"mode": "pinned", "scenario": "hello", "server": server, "round": 1, "cpu_us": cpu}
        for server, cpu in (("maitred", ours), ("bjoern", theirs))
    ]
    return Results(cells, {})


@pytest.mark.parametrize(
    ("ours", "verdict", "kept"),
    [(8.5, "aim reached", True), (9.5, "holds", True), (9.6, "MISSED", False)],
)
def test_the_limit_itself_is_still_allowed(ours, verdict, kept):
    text, all_kept = report(results(ours, 10.0))
    row = next(line for line in text.splitlines() if "hello: cpu_us ÷ bjoern" in line)
    assert row.endswith(f"| {verdict} |")
    assert all_kept is kept


def test_what_was_not_measured_is_neither_kept_nor_missed():
    text, kept = report(results(1.0, 10.0))
    assert "not measured" in text
    assert kept


def test_a_round_in_which_we_failed_keeps_no_promise():
    crashed = {"mode": "pinned", "scenario": "hello", "server": "maitred", "round": 1}
    text, kept = report(Results([crashed | {"failed": "ended with 1"}], {}))
    assert "FAILED" in text
    assert not kept


def test_every_target_names_a_scenario_and_servers_that_exist():
    for target in TARGETS:
        for mode in target.modes:
            for key in filter(None, target.keys(mode)):
                assert key[1] in SCENARIOS, target
                assert key[2] in SERVERS, target
                assert answers(key[2], key[1]), target


def test_comparing_with_the_pinned_mode_asks_for_its_cells_too():
    assert ("cpu-mix", "maitred") in cells_needed("pinned")
    assert ("hello", "waitress") in cells_needed("unpinned")
    assert ("hello", "waitress") not in cells_needed("pinned")


def test_every_round_visits_all_and_rotates_the_servers():
    plan = list(visits(2, ["pinned"], ["hello", "sleep"], ["maitred", "floor", "bjoern"], False))
    order = [v.server for v in plan if v.scenario == "hello"]
    assert order == ["maitred", "floor", "bjoern", "floor", "bjoern", "maitred"]
    assert [v.server for v in plan if v.scenario == "sleep" and v.round == 1] == [
        "maitred",
        "bjoern",
    ]


def test_scenarios_for_two_processes_are_for_those_that_have_two_and_what_they_are_compared_with():
    assert [name for name in SERVERS if answers(name, "compute")] == [
        "maitred",
        "maitred-2",
        "granian-2",
        "gunicorn-2",
        "uwsgi-2",
    ]
    assert "maitred-twice" in [name for name in SERVERS if answers(name, "arrivals")]
    assert not answers("maitred", "arrivals")
    assert not answers("maitred-2", "stream")


def test_a_reload_is_for_servers_that_have_one_and_two_processes_also_close_connections():
    assert [name for name in SERVERS if answers(name, "reload")] == [
        "maitred-supervised",
        "maitred-2",
        "granian",
        "granian-2",
        "gunicorn",
        "gunicorn-2",
        "uwsgi",
        "uwsgi-2",
    ]
    assert answers("gunicorn-2", "close")
    assert answers("uwsgi-2", "arrivals-close")
    assert not answers("floor", "unread")


def test_every_server_has_a_command_line_for_every_scenario():
    for server in SERVERS.values():
        for scenario in SCENARIOS.values():
            command = Places().command(server, scenario, 8000, "/scratch")
            assert any("8000" in word for word in command)
            assert not any("{" in word for word in command)


def test_a_spread_is_told_by_the_mean():
    assert spread([5, 10, 15]) == {"least": 0.5, "most": 1.5}
