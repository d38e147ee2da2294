"""The regression gauge: what counts as a change, and what a dump says."""

import pytest
from gauge.baseline import compare, update
from gauge.callgrind import total
from gauge.installation import requirements


def test_a_dump_counts_all_of_its_threads_once():
    assert total(b"events: Ir\nfn=(1)\n1 20\nsummary: 1200\n\ntotals: 1200\n") == 1200
    assert total(b"events: Ir\n") == 0


@pytest.mark.parametrize(
    ("measured", "regression", "word"),
    [(10_500, False, "unchanged"), (10_501, True, "regression"), (9_000, False, "better")],
)
def test_five_percent_more_is_allowed_and_no_more(tmp_path, measured, regression, word):
    file = tmp_path / "instructions.json"
    update("cpython-311-x86_64", {"hello": 10_000}, file)
    (comparison,) = compare("cpython-311-x86_64", {"hello": measured}, file)
    assert comparison.is_regression is regression
    assert word in str(comparison)


def test_an_update_leaves_other_platforms_and_scenarios_alone(tmp_path):
    file = tmp_path / "instructions.json"
    update("cpython-311-x86_64", {"hello": 1, "headers": 2}, file)
    update("cpython-312-x86_64", {"hello": 3}, file)
    update("cpython-311-x86_64", {"hello": 4.4}, file)
    known = compare("cpython-311-x86_64", {"hello": 4, "headers": 2}, file)
    assert [c.expected for c in known] == [4, 2]
    assert compare("cpython-312-x86_64", {"hello": 3}, file)[0].expected == 3


def test_a_platform_without_a_baseline_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "instructions.json"
    file.write_text("{}")
    with pytest.raises(LookupError, match="no count of hello for cpython-315-riscv64"):
        compare("cpython-315-riscv64", {"hello": 1}, file)


def test_comments_are_no_requirements():
    assert requirements("# peers\n\nbjoern==3.2.2  # needs libev\n") == ["bjoern==3.2.2"]
