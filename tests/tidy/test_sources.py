"""Tests of docs/style.md, as far as it can be checked automatically."""

from __future__ import annotations

import re

LINES_MAX = 400
TEST_LINES_MAX = 600
FORBIDDING = ("http-parser", "config", "cli")
"""The crates in which no unsafe code may be, whatever the reason."""


PLANNED = {
    "processes",
    "workers",
    "supervisor",
    "max_requests",
    "max_requests_jitter",
    "max_rss",
    "worker_timeout",
    "start_timeout",
}
"""Fields of the settings of worker processes, which are declared before they have an effect."""


def is_test(path) -> bool:
    return "tests" in path.parts or path.name.startswith("test") or "benches" in path.parts


def rust_files(tracked):
    return [path for path in tracked if path.suffix == ".rs" and path.parts[0] == "crates"]


def test_every_rust_file_opens_by_saying_what_it_decides(root, tracked):
    silent = [
        str(path)
        for path in rust_files(tracked)
        if not (root / path).read_text().startswith(("//!", "#![no_main]\n//!"))
        and "fuzz_targets" not in path.parts
    ]
    assert silent == []


def test_every_python_module_has_a_docstring(root, tracked):
    silent = [
        str(path)
        for path in tracked
        if path.suffix == ".py"
        and (text := (root / path).read_text()).strip()
        and not re.match(r'(#![^\n]*\n)?(#[^\n]*\n)*\s*r?"""', text)
    ]
    assert silent == []


def test_no_file_is_longer_than_a_reader_follows(root, tracked):
    long = {}
    for path in tracked:
        if path.suffix not in {".rs", ".py"}:
            continue
        lines = (root / path).read_text().splitlines()
        limit = TEST_LINES_MAX if is_test(path) else LINES_MAX
        # The tests of a module stand below it, and are not what has to be understood at once.
        code = next((n for n, line in enumerate(lines) if line == "#[cfg(test)]"), len(lines))
        if min(code, len(lines)) > limit:
            long[str(path)] = code
    assert long == {}


def test_nothing_is_switched_off(root, tracked):
    marks = re.compile(
        r"#\[ignore|\btodo!|\bunimplemented!|\bdbg!|pytest\.mark\.(skip|xfail)\b|\bpytest\.skip\b"
        r"|\b(TO"
        r"DO|FIX"
        r"ME)\b"
    )
    found = [
        f"{path}:{number}"
        for path in tracked
        if path.suffix in {".rs", ".py"} and path.name != "test_sources.py"
        for number, line in enumerate((root / path).read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


def test_crates_that_need_no_unsafe_code_forbid_it(root):
    for crate in FORBIDDING:
        assert "#![forbid(unsafe_code)]" in (root / f"crates/{crate}/src/lib.rs").read_text(), crate


def test_every_unsafe_block_is_argued(root, tracked):
    bare = []
    for path in rust_files(tracked):
        lines = (root / path).read_text().splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\bunsafe\s*(\{|impl|extern|fn)", line.split("//")[0]):
                before = "\n".join(lines[max(0, number - 12) : number + 1])
                if "SAFETY" not in before and "# Safety" not in before:
                    bare.append(f"{path}:{number + 1}")
    assert bare == []


def test_no_path_of_one_machine_is_written_down(root, tracked):
    pattern = re.compile(r"/ro" r"ot/|/wo" r"rk/|/home/[a-z]+/")
    found = []
    for path in tracked:
        if path.suffix in {".rs", ".py", ".toml", ".sh", ".yml"} or path.name == "Makefile":
            text = (root / path).read_text()
            found += [f"{path}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


def test_scripts_can_be_run(root, tracked):
    stuck = [
        str(path)
        for path in tracked
        if (data := (root / path).read_bytes()).startswith(b"#!")
        and not data.startswith(b"#![")
        and not (root / path).stat().st_mode & 0o100
    ]
    assert stuck == []


def test_every_setting_is_read_by_what_it_is_about(root, tracked):
    own = {
        "strict_env",  # says how the settings themselves are put together
        *PLANNED,
    }
    declared = (root / "crates/config/src/settings.rs").read_text()
    structs = re.findall(r"^pub struct \w+ \{\n(.*?)^\}", declared, re.M | re.S)
    fields = {name for struct in structs for name in re.findall(r"^    pub (\w+):", struct, re.M)}
    readers = [
        (root / path).read_text()
        for path in rust_files(tracked)
        if path.parts[1:3] in (("server", "src"), ("cli", "src"))
    ]
    read = set(re.findall(r"\.(\w+)\b", "\n".join(readers)))
    assert fields, "no settings were found"
    assert fields - read <= own
