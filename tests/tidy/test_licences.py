"""What may become part of the wheel: deny.toml, read without cargo-deny.

Building cargo-deny takes longer than everything else that ``make lint`` does together, and what it
would tell us beyond known vulnerabilities follows from ``cargo metadata``.
"""

from __future__ import annotations

import re
import sys

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def policy(root):
    return tomllib.loads((root / "deny.toml").read_text())


@pytest.fixture(scope="module")
def foreign(metadata):
    return [package for package in metadata["packages"] if package["source"] is not None]


def allowed(expression: str, licences: set[str]) -> bool:
    """Tell whether an SPDX expression can be met: OR needs one side, AND both."""
    tokens = re.findall(r"\(|\)|[^\s()/]+|/", expression.replace("/", " OR "))

    def either() -> bool:
        result = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = both() or result
        return result

    def both() -> bool:
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one() -> bool:
        name = tokens.pop(0)
        if name == "(":
            result = either()
            tokens.pop(0)
            return result
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            name = f"{name} WITH {tokens.pop(0)}"
        return name in licences

    return either()


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0 WITH another-exception", False),
        ("MIT/Apache-2.0", True),
    ],
)
def test_licence_expressions_are_understood(policy, expression, verdict):
    assert allowed(expression, set(policy["licenses"]["allow"])) is verdict


def test_every_dependency_has_a_licence_that_is_allowed(policy, foreign):
    licences = set(policy["licenses"]["allow"])
    refused = {
        package["name"]: package["license"]
        for package in foreign
        if not (package["license"] and allowed(package["license"], licences))
    }
    assert refused == {}


def test_no_banned_dependency_is_there(policy, foreign):
    banned = {ban["name"] for ban in policy["bans"]["deny"]}
    assert {package["name"] for package in foreign} & banned == set()


def test_every_dependency_comes_from_the_registry(policy, foreign):
    registries = tuple(f"registry+{url}" for url in policy["sources"]["allow-registry"])
    elsewhere = {package["name"] for package in foreign if package["source"] not in registries}
    assert elsewhere == set()
