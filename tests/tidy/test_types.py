"""Tests of names and signatures in the Rust code that no linter knows."""

from __future__ import annotations

import collections
import pathlib
import re

import pytest

CRATES = ("http-parser", "config", "server", "wsgi-bridge", "cli")

TYPE = re.compile(
    r"^[ \t]*(?:pub(?:\([^)]*\))? )?(?:(?:unsafe )?(?:struct|enum|trait|union)|type) (\w+)",
    re.MULTILINE,
)

FUNCTION = re.compile(
    r"\bfn\s+(\w+)\s*(?:<[^(]*>)?\s*\(([^{;]*?)\)\s*(?:->|\{|where\b|;)", re.DOTALL
)

FLAGS = {
    "cli::import_application": "Python passes it",
    "cli::create_server": "Python passes it",
    "cli::serve": "Python passes it",
    "cli::record_bool": "the trait of tracing is written so",
    "config::show": "it is the option --origin of the command",
    "config::show_toml": "as above",
    "config::to_json": "as above",
    "config::flags": "one command shows the flags in its help",
    "server::set_flag": "the value of a gauge that is 0 or 1",
}
"""The functions with a ``bool`` parameter, and why it has no type with two names."""


def shipped(folder: pathlib.Path) -> dict[pathlib.Path, str]:
    """Return the code below a folder that is not compiled for tests only."""
    texts = {}
    for path in sorted(folder.rglob("*.rs")):
        parts = path.relative_to(folder).parts
        if "tests" in parts or parts[-1] == "tests.rs":
            continue
        texts[path] = re.sub(
            r"^#\[cfg\(test\)\]\n(?:#\[[^\n]*\]\n)*mod \w+ \{.*?^\}$",
            "",
            path.read_text(),
            flags=re.DOTALL | re.MULTILINE,
        )
    return texts


@pytest.mark.parametrize("crate", CRATES)
def test_no_two_types_of_a_crate_share_a_name(root, crate):
    homes = collections.defaultdict(set)
    for path, text in shipped(root / "crates" / crate / "src").items():
        for match in TYPE.finditer(text):
            is_associated = match[0].lstrip().startswith("type ") and match[0][0] in " \t"
            if not is_associated:
                homes[match[1]].add(str(path.relative_to(root)))
    shared = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert shared == {}


def flags(root: pathlib.Path) -> set[str]:
    """Return the functions with a ``bool`` parameter."""
    found = set()
    for crate in CRATES:
        source = root / "crates" / crate / "src"
        for text in shipped(source).values():
            for name, parameters in FUNCTION.findall(text):
                if re.search(r":\s*bool\b", re.sub(r"\bFn\w*\([^)]*\)", "", parameters)):
                    found.add(f"{crate}::{name}")
    return found


def test_no_function_is_given_a_bool_but_for_a_reason(root):
    assert flags(root) == set(FLAGS)


def test_every_method_of_our_traits_is_called(root):
    """A trait is an interface; what nobody calls there is a promise without a use."""
    texts = {
        path: text
        for crate in CRATES
        for path, text in shipped(root / "crates" / crate / "src").items()
    }
    everything = "\n".join(texts.values())
    unused = set()
    for path, text in texts.items():
        for trait, body in re.findall(
            r"^(?:pub(?:\([^)]*\))? )?trait (\w+)[^{;]*\{\n(.*?)^\}$",
            text,
            flags=re.DOTALL | re.MULTILINE,
        ):
            for name in re.findall(r"^    (?:const )?fn (\w+)", body, flags=re.MULTILINE):
                if not re.search(rf"(?:\.|::){name}\b(?!\s*\{{)", everything):
                    unused.add(f"{path.relative_to(root)}: {trait}::{name}")
    assert unused == set()
