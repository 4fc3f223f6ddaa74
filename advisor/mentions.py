"""Every place that reads a name, whatever it is used for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from .nodes import children
from .program import Program
from .scopes import Scope

_OWN_NAME = (cst.FunctionDef, cst.ClassDef, cst.Param)  # their name is no use of it
_NO_USE = (cst.Import, cst.ImportFrom, cst.AssignTarget)


class Mention(NamedTuple):
    """A use, the node that it stands in, and the node around that; `root` is its block."""

    node: cst.CSTNode
    parent: cst.CSTNode
    above: cst.CSTNode
    root: Scope


def mentions_of_name(program: Program, scope: Scope, name: str) -> Iterator[Mention]:
    """What reads a name that is bound in `scope`: rather too much than too little."""
    if scope.kind != "module":
        yield from _walk(scope.node, name, (), scope.root)
        return
    program.read_where(rf"\b{re.escape(name)}\b", name)
    for root in program.roots:
        own = tuple(
            one.node
            for one in root.everything()
            if one.kind not in ("module", "class")
            and name in one.bindings
            and name not in one.outer_names
        )
        yield from _walk(root.tree.module, name, own, root)


def mentions_of_attribute(program: Program, name: str) -> Iterator[Mention]:
    """What reads an attribute of that name, of whatever object."""
    program.read_where(rf"\.\s*{re.escape(name)}\b", name)
    for root in program.roots:
        yield from _walk(root.tree.module, f".{name}", (), root)


def _walk(
    top: cst.CSTNode, name: str, skipped: tuple[cst.CSTNode, ...], root: Scope
) -> Iterator[Mention]:
    attribute = name[1:] if name.startswith(".") else None
    stack = [(child, top, top) for child in children(top)]
    while stack:
        node, parent, above = stack.pop(0)
        if any(node is one for one in skipped) or isinstance(node, _NO_USE):
            continue
        if attribute is None and isinstance(node, cst.Name) and node.value == name:
            yield Mention(node, parent, above, root)
        if isinstance(node, cst.Attribute):
            if node.attr.value == attribute:
                yield Mention(node, parent, above, root)
            stack.insert(0, (node.value, node, parent))
            continue
        inner = [(child, node, parent) for child in children(node)]
        if isinstance(node, _OWN_NAME):
            inner = [one for one in inner if one[0] is not node.name]
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)):
            inner = [one for one in inner if one[0] is not node.target]
        stack = inner + stack
