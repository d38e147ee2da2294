"""How threads scale: ratios within a round, and every server with every number of threads."""

from gauge import scaling


def cell(round_number, server, pool, cpu_us, rps):
    return {
        "scenario": "hello",
        "server": server,
        "round": round_number,
        "pool": pool,
        "cpu_us": cpu_us,
        "rps": rps,
        "switches": 0.1,
    }


def rows(cells):
    return [
        [part.strip() for part in line.strip("|").split("|")]
        for line in scaling.table(cells).splitlines()[2:]
    ]


def test_every_server_is_visited_with_every_number_of_threads_in_every_round():
    plan = list(scaling.visits(2, ["hello"], ["maitred", "granian"], [1, 2]))
    assert [(v.server, v.pool) for v in plan if v.round == 1] == [
        ("maitred", 1),
        ("maitred", 2),
        ("granian", 1),
        ("granian", 2),
    ]
    assert next(v.server for v in plan if v.round == 2) == "granian"


def test_ratios_are_those_of_one_round():
    cells = [
        cell(1, "maitred", 1, 10, 100),
        cell(1, "maitred", 2, 11, 190),
        # A round in which the machine was half as fast.
        cell(2, "maitred", 1, 20, 50),
        cell(2, "maitred", 2, 22, 95),
        cell(1, "granian", 1, 15, 80),
        cell(2, "granian", 1, 30, 40),
    ]
    shown = {(row[1], row[2]): row for row in rows(cells)}
    assert shown["maitred", "2"][4:8] == ["1.10", "1.00", "142", "1.90"]
    assert shown["granian", "1"][5] == "1.50"


def test_a_server_that_failed_has_no_figures_and_a_remark():
    failed = {"scenario": "hello", "server": "gunicorn", "round": 1, "pool": 1, "failed": "no"}
    [row] = rows([failed])
    assert row[3] == "–"
    assert row[-1] == "1 rounds: no"
