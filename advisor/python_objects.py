"""Which lists hold many Python objects, as far as their making tells."""

from __future__ import annotations

import libcst as cst

from .classes_model import Records
from .nodes import callee_tail, dotted_name, every_node, target_names
from .resolve import Resolver
from .scopes import Binding, Loop, Place, Scope
from .values import Made

# Calls that give back many Python objects, by what they read.
LOADED = {
    "json.load": "what json.load gives",
    "json.loads": "what json.loads gives",
    "orjson.loads": "what orjson.loads gives",
    "ujson.load": "what ujson.load gives",
    "pickle.load": "what pickle.load gives",
    "pickle.loads": "what pickle.loads gives",
    "yaml.safe_load": "what yaml.safe_load gives",
    "yaml.load": "what yaml.load gives",
}
ROWS = {
    "csv.reader": "a list of the rows of a CSV file",
    "csv.DictReader": "a list of the rows of a CSV file",
    "builtins.open": "a list of the lines of a file",
}
PATHS = {
    "glob.glob": "a list of paths",
    "glob.iglob": "a list of paths",
    "os.listdir": "a list of file names",
    "os.walk": "a list of paths",
    "os.scandir": "a list of paths",
}
TABLES = tuple(
    f"{library}.read_{kind}"
    for library in ("pandas", "polars")
    for kind in ("csv", "table", "parquet", "excel", "json", "feather", "pickle", "hdf", "sql")
)
COLUMN = "a list of the values of a column"
METHODS = {
    "readlines": "a list of the lines of a file",
    "iterrows": "a list of the rows of a data frame",
    "itertuples": "a list of the rows of a data frame",
}


def records(resolver: Resolver, binding: Binding, makers: list[Scope]) -> Records | None:
    """How a kept value comes to hold many Python objects; None where it does not."""
    assert isinstance(binding.value, cst.BaseExpression)
    return _records(resolver, binding.value, binding.place, binding.name, makers, 0)


def _records(
    resolver: Resolver,
    node: cst.BaseExpression,
    place: Place,
    name: str,
    makers: list[Scope],
    depth: int,
) -> Records | None:
    if depth > 3:
        return None
    if isinstance(node, cst.Name):
        found = resolver.program.reaching(node.value, place) or []
        if len(found) != 1 or found[0].binding.path or found[0].binding.kind != "assign":
            return None
        inner = found[0].binding
        if not isinstance(inner.value, cst.BaseExpression):
            return None
        return _records(resolver, inner.value, inner.place, node.value, makers, depth + 1)
    if isinstance(node, cst.List) and not node.elements:
        return _filled(resolver, name, makers, place)
    if isinstance(node, cst.ListComp):
        words = _source_of(resolver, node.for_in.iter, place)
        return words if words is not None and _keeps_objects(node.elt) else None
    if isinstance(node, cst.Subscript):
        inner_words = _loaded(resolver, node.value, place)
        plain = all(isinstance(s.slice, cst.Index) for s in node.slice)
        return inner_words if plain else None
    if isinstance(node, cst.Call):
        if callee_tail(node) in ("list", "tuple", "sorted") and node.args:
            return _source_of(resolver, node.args[0].value, place)
        if callee_tail(node) == "to_dict" and any(
            isinstance(a.value, cst.SimpleString) and a.value.evaluated_value == "records"
            for a in node.args
        ):
            return Records("a list of the rows of a data frame")
        if callee_tail(node) == "readlines" or _lines_of_text(node):
            return Records(METHODS["readlines"])
        if callee_tail(node) in ("tolist", "to_list") and isinstance(node.func, cst.Attribute):
            return Records(COLUMN) if _is_column(resolver, node.func.value, place) else None
        words = _loaded(resolver, node, place)
        if words is not None:
            return words
        only_paths = _source_of(resolver, node, place)
        return only_paths if only_paths is not None and only_paths.paths else None
    return None


def _is_column(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    """Reports whether it is a part of a table that is read from a file: `table["name"].values`."""
    while isinstance(node, cst.Attribute) and node.attr.value == "values":
        node = node.value
    if not isinstance(node, cst.Subscript):
        return False
    return any(
        isinstance(case.what, Made) and case.what.name in TABLES and not case.what.part
        for case in resolver.value(node.value, place)
    )


def _lines_of_text(node: cst.Call) -> bool:
    """Reports whether it is `file.read().splitlines()`, or `.split(…)`."""
    func = node.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value in ("splitlines", "split")
        and callee_tail(func.value) in ("read", "read_text")
    )


def _loaded(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Records | None:
    for case in resolver.value(node, place):
        if isinstance(case.what, Made) and case.what.name in LOADED:
            return Records(LOADED[case.what.name])
    return None


def _source_of(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Records | None:
    """What a list of everything in `node` would be; None where it is nothing large."""
    while isinstance(node, cst.Call) and callee_tail(node) in ("enumerate", "tqdm", "sorted"):
        if not node.args:
            return None
        node = node.args[0].value
    tail = callee_tail(node)
    if tail in METHODS:
        return Records(METHODS[tail])
    loaded = _loaded(resolver, node, place)
    if loaded is not None:
        return loaded
    for case in resolver.value(node, place):
        if isinstance(case.what, Made) and not case.what.part:
            if case.what.name in ROWS:
                return Records(ROWS[case.what.name])
            if case.what.name in PATHS:
                return Records(PATHS[case.what.name], paths=True)
    return None


def _keeps_objects(node: cst.BaseExpression) -> bool:
    """Reports whether a list of such elements has a Python object for each."""
    tail = callee_tail(node)
    return tail not in ("tensor", "array", "asarray", "from_numpy", "as_tensor")


def _is_of(loop: Loop, node: cst.BaseExpression) -> bool:
    """Reports whether an expression names what a loop runs over."""
    own = set() if loop.target is None else set(target_names(loop.target))
    return any(isinstance(one, cst.Name) and one.value in own for one in every_node(node))


def _filled(resolver: Resolver, name: str, makers: list[Scope], place: Place) -> Records | None:
    """Of an empty list: what a loop over a file appends to it."""
    for scope in makers:
        for call in scope.calls:
            func = call.node.func
            if not isinstance(func, cst.Attribute) or func.attr.value not in ("append", "extend"):
                continue
            if dotted_name(func.value) != name or not call.node.args:
                continue
            added = call.node.args[0].value
            for loop in call.place.loops:
                if loop.iterable is None or not _keeps_objects(added):
                    continue
                if func.attr.value == "extend" and not _is_of(loop, added):
                    continue
                words = _source_of(resolver, loop.iterable, loop.place)
                if words is not None:
                    return words
    return None
