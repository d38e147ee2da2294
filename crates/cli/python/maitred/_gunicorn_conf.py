"""Reads the assignments of a `gunicorn.conf.py`, which is a program, without executing it."""

from __future__ import annotations

import ast
import warnings
from typing import Any

Value = None | bool | int | float | str | list[Any]


def read(text: str) -> tuple[list[tuple[str, Value]], list[str]]:
    """Return the names and values, and a sentence for each line that has no value.

    Raises ``SyntaxError`` or ``ValueError`` if the text is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    known: dict[str, Value] = {}
    left_out: list[str] = []
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                _assign(name, value, known, left_out)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                _assign(name, value, known, left_out)
            case ast.FunctionDef(name=name):
                left_out.append(f"`{name}` is a function: see the setting `hooks`")
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                left_out.append(f"line {node.lineno} is a statement, which was not executed")
    return list(known.items()), left_out


def _assign(name: str, node: ast.expr, known: dict[str, Value], left_out: list[str]) -> None:
    try:
        known[name] = _value(node, known)
        return
    except ValueError:
        known.pop(name, None)
    source = " ".join(ast.unparse(node).split())
    if name == "workers" and "cpu_count" in source:
        known[name] = "auto"
        left_out.append(f"nothing, but `{name}` was `{source}`: `auto` is one for each CPU")
    elif not name.startswith("_"):
        left_out.append(f"`{name}` is computed (`{source}`): set it yourself")
        if name in {"bind", "threads"}:
            known[name] = None  # so that gunicorn's default does not take its place


def _value(node: ast.expr, known: dict[str, Value]) -> Value:
    """Return the value of a literal, of a name that was assigned one, or of a sum of them."""
    match node:
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() as operator, right=right):
            match operator, _value(left, known), _value(right, known):
                case ast.Add(), int(first), int(second):
                    return first + second
                case ast.Mult(), int(first), int(second):
                    return first * second
                case ast.Add(), str(start), str(end):
                    return start + end
            raise ValueError(ast.unparse(node))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(element, known) for element in elements]
    value: object = ast.literal_eval(node)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(ast.unparse(node))
