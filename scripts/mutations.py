"""Small faults that can be put into a program: what each one changes, and the code with it.

A fault lies within a function, so that it can be put into one that has been imported: whoever holds the function has
the fault. What runs while a module is loaded (constants, signatures, decorators) is left as it is, and so are texts
that only people read: docstrings, types, and what a refusal says.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_PAIRS = (("maximum", "minimum"), ("max", "min"), ("any", "all"), ("floor", "ceil"), ("bisect_right", "bisect_left"))
_CALLED = dict(_PAIRS) | {second: first for first, second in _PAIRS}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SHOWN = 90


@dataclass(frozen=True)
class Fault:
    function: str
    """Qualified, within its module: that which is imported, of those that hold one another the outermost."""
    line: int
    says: str
    """The code before and after: the same for the same fault wherever it stands in the function."""
    code: CodeType
    """Of the function, with the fault."""


def faults(path: Path) -> Iterator[Fault]:
    """Every fault that is tried in a file, in the order of its lines."""
    tree = ast.parse(path.read_text())
    whole = compile(tree, str(path), "exec")
    for name, function in _functions(tree.body):
        for line, says in _put_into(function):
            code = _code_of(compile(ast.fix_missing_locations(tree), str(path), "exec"), name)
            if code is not None and code.co_freevars == _code_of(whole, name).co_freevars:  # such as that of super()
                yield Fault(name, line, says, code)


def _functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for each in body:
        if isinstance(each, _FUNCTIONS):
            yield within + each.name, each
        elif isinstance(each, ast.ClassDef) and not _is_refusal(each):
            yield from _functions(each.body, f"{within}{each.name}.")


def _is_refusal(each: ast.ClassDef) -> bool:
    """What it says is for people, and nothing else is in it."""
    return any(ast.unparse(base) in {"Refusal", "Exception"} for base in each.bases)


def _code_of(code: CodeType, name: str) -> CodeType | None:
    within = [each for each in code.co_consts if isinstance(each, CodeType)]
    found = next((each for each in within if each.co_qualname == name), None)
    return found or next((deeper for each in within if (deeper := _code_of(each, name)) is not None), None)


def _put_into(function: ast.stmt) -> Iterator[tuple[int, str]]:
    """The line and the words of each fault, which is in the function until the next one is asked for."""
    for place in _places(function):
        for other in _others(place.node):
            says = f"{_shown(place.node)} -> {_shown(other)}"
            place.put(other)
            yield place.node.lineno, says
            place.put(place.node)


@dataclass(frozen=True)
class _Place:
    parent: ast.AST
    field: str
    index: int | None
    node: ast.expr | ast.stmt

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, ast.copy_location(node, self.node))
        else:
            getattr(self.parent, self.field)[self.index] = ast.copy_location(node, self.node)


def _places(function: ast.stmt) -> list[_Place]:
    found: list[_Place] = []
    pending: list[ast.AST] = [function]
    while pending:
        parent = pending.pop(0)
        for field, value in ast.iter_fields(parent):
            if _is_left_alone(parent, field):
                continue
            for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(node, ast.AST) or _is_docstring(node):
                    continue
                pending.append(node)
                if isinstance(node, ast.expr | ast.stmt):
                    found.append(_Place(parent, field, index, node))
    return found


def _is_left_alone(parent: ast.AST, field: str) -> bool:
    if isinstance(parent, ast.JoinedStr | ast.Raise):
        return True
    of_function = isinstance(parent, _FUNCTIONS) and field in {"args", "decorator_list", "returns"}
    return of_function or field in {"annotation", "type_params", "ctx"}


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in its place and is not the same."""
    match node:
        case ast.Compare(ops=[only]):
            for kind in _COMPARED[type(only)]:
                yield ast.Compare(node.left, [kind()], node.comparators)
        case ast.Compare():  # a chain, one link after the other
            for at, link in enumerate(node.ops):
                other = _COMPARED[type(link)][0]()
                yield ast.Compare(node.left, [*node.ops[:at], other, *node.ops[at + 1 :]], node.comparators)
        case ast.BinOp() if type(node.op) in _RECKONED and not _is_text(node.left) and not _is_text(node.right):
            yield ast.BinOp(node.left, _RECKONED[type(node.op)](), node.right)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            if len(node.values) > 2:
                yield from (
                    ast.BoolOp(node.op, [each for each in node.values if each is not left]) for left in node.values
                )
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.If() | ast.While() if not isinstance(node.test, ast.Compare):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant():
            yield from _other_constants(node.value)
        case ast.Call():
            yield from _other_calls(node)
        case ast.Subscript(slice=ast.Slice() as cut):
            for bound in ("lower", "upper"):
                if getattr(cut, bound) is not None:
                    yield _with(node, slice=_with(cut, **{bound: None}))
        case _:
            yield from _other_statements(node)


def _other_constants(value: object) -> Iterator[ast.Constant]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 or 1.0)
    elif isinstance(value, str | bytes):
        yield ast.Constant((value[:0] if value else "other") if isinstance(value, str) else value + b".")


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _CALLED:
        function = deepcopy(node.func)
        setattr(function, "attr" if isinstance(function, ast.Attribute) else "id", _CALLED[name])
        yield _with(node, func=function)
    if not name[:1].isupper():  # what makes a thing has no defaults to go by
        yield from (
            _with(node, keywords=[each for each in node.keywords if each is not left]) for left in node.keywords
        )


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Continue():
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.With() if len(node.items) > 1:
            yield from (_with(node, items=[*node.items[:at], *node.items[at + 1 :]]) for at in range(len(node.items)))
        case ast.With() if node.items[0].optional_vars is None:
            yield ast.If(ast.Constant(True), node.body, [])
        case ast.Try() if node.finalbody and not node.handlers:
            yield ast.If(ast.Constant(True), node.body, [])
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()


def _with(node: ast.AST, **changes: object) -> ast.AST:
    return type(node)(**dict(ast.iter_fields(node)) | changes)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr) and isinstance(getattr(node, "value", ""), str | bytes)


def _shown(node: ast.AST) -> str:
    """Its code in one line; of what holds statements, the line by which it begins."""
    code = ast.unparse(ast.fix_missing_locations(deepcopy(node)))
    code = code.partition("\n")[0] if hasattr(node, "body") else " ".join(code.split())
    return code if len(code) <= _SHOWN else f"{code[:_SHOWN]}…"
