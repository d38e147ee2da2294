"""Ratios are taken within a round, and a wrong answer has no figures."""

import json

from gauge.results import Results
from gauge.table import counts, details, summary

HELLO = ("pinned", "hello", "maitred")
PEER = ("pinned", "hello", "bjoern")


def cell(server: str, number: int, **figures) -> dict:
    given = {"mode": "pinned", "scenario": "hello", "server": server, "round": number}
    usual = {"cpu_us": 10.0, "rps": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0, "server_busy": 1.0,
             "client_busy": 0.5, "switches": 0.0, "peak_rss_bytes": 1 << 20}  # fmt: skip
    return given | usual | figures


def test_a_ratio_compares_cells_of_the_same_round_only():
    # The machine is twice as slow in the second round, and the servers do not differ.
    cells = [cell("maitred", 1, cpu_us=5), cell("bjoern", 1, cpu_us=10)]
    cells += [cell("maitred", 2, cpu_us=20), cell("bjoern", 2, cpu_us=20)]
    cells += [cell("maitred", 3, cpu_us=100)]
    results = Results(cells, {})
    assert results.ratio(HELLO, PEER, "cpu_us") == 0.75
    assert results.median(HELLO, "cpu_us") == 20


def test_rounds_of_two_files_are_not_mixed(tmp_path):
    for name, cpu in (("a.json", 1), ("b.json", 4)):
        cells = [cell("maitred", 1, cpu_us=cpu), cell("bjoern", 1, cpu_us=2)]
        (tmp_path / name).write_text(json.dumps({"cells": cells, "about": {}}))
    results = Results.read([tmp_path / "a.json", tmp_path / "b.json"])
    assert results.ratio(HELLO, PEER, "cpu_us") == 1.25


def test_a_wrong_answer_has_no_figures_but_a_remark():
    results = Results([cell("maitred", 1, wrong="before the load: status 500")], {})
    assert results.median(HELLO, "cpu_us") is None
    assert results.remarks(HELLO) == "wrong in 1 of 1 rounds: before the load: status 500"


def test_what_was_not_measured_is_a_dash_in_the_tables():
    measured = Results([cell("maitred", 1), cell("bjoern", 1)], {})
    assert "| hello | 10.0 | 1.00 × |" in summary(measured)
    absent = {"mode": "pinned", "scenario": "hello", "server": "bjoern", "round": 1}
    failed = Results([cell("maitred", 1), absent | {"failed": "no such file"}], {})
    assert "| hello | 10.0 | – |" in summary(failed)
    assert "| bjoern | – | – |" in details(failed)


def test_errors_of_all_rounds_are_added_up():
    results = Results([cell("maitred", n, errors={"read": 2}) for n in (1, 2)], {})
    assert results.remarks(HELLO) == "4 read errors"


def test_what_is_not_about_cpu_has_a_table_of_its_own():
    lost = {"requests": 100, "failed": 3, "reconnects": 64}
    cells = [
        cell("maitred", 1),
        {"mode": "pinned", "scenario": "reload", "server": "gunicorn", "round": 1, "p99_ms": 4.0}
        | {"reload": lost},
    ]
    results = Results(cells, {})
    assert "| reload | gunicorn | 100 | 3 | 64 | 4 |" in counts(results)
    assert counts(results) in summary(results)
    assert "reload" not in details(results)
