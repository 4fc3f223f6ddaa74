"""Notebooks: cells, magics, and writing back without another byte changed."""

from __future__ import annotations

import ast
import json

import pytest

from dladvise.advisor import Edit, Span
from dladvise.advisor.notebook import Notebook, NotebookError, python_only, read, written


def a_notebook(
    *cells: str | list[str],
    indent: int | None = 1,
    metadata: dict[str, dict[str, str]] | None = None,
) -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
                for source in cells
            ],
            "metadata": metadata or {},
            "nbformat": 4,
        },
        indent=indent,
        ensure_ascii=False,
    )


def replaced(notebook: Notebook, old: str, new: str) -> str:
    start = notebook.source.text.index(old)
    return written(notebook, notebook.source.edited([Edit(Span(start, start + len(old)), new)]))


def test_code_cells_are_one_text_with_places_by_cell() -> None:
    raw = json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": ["# Title\n", "text"]},
                {"cell_type": "code", "source": ["import torch\n", "x = 1"]},
                {"cell_type": "raw", "source": "raw"},
                {"cell_type": "code", "source": "y = 2\nz = 3"},
            ]
        }
    )
    source = read("a.ipynb", raw).source
    assert source.text == "import torch\nx = 1\ny = 2\nz = 3"
    place = source.position(source.text.index("z"))
    assert (place.cell, place.line, place.column) == (4, 2, 1)
    place = source.position(source.text.index("x"))
    assert (place.cell, place.line, place.column) == (2, 2, 1)


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_writing_back_changes_the_edited_line_alone(indent: int | None, ending: str) -> None:
    raw = a_notebook(
        ["é = 'ü'\n", "x = bad\n", "\n", "y = 2"], "s = bad2\nt = 3", ["z = 1"], indent=indent
    )
    raw += ending
    notebook = read("a.ipynb", raw)
    assert replaced(notebook, "x = bad", "x = good") == raw.replace("x = bad\\n", "x = good\\n")
    assert replaced(notebook, "bad2", "good") == raw.replace("bad2", "good")
    assert written(notebook, notebook.source) == raw


def test_lines_come_and_go_in_the_layout_of_the_list() -> None:
    raw = a_notebook(["a = 1\n", "b = 2\n", "c = 3"], ["d = 4"])
    notebook = read("a.ipynb", raw)
    assert replaced(notebook, "b = 2\n", "") == a_notebook(["a = 1\n", "c = 3"], ["d = 4"])
    assert replaced(notebook, "d = 4", "d = 4\ne = 5") == a_notebook(
        ["a = 1\n", "b = 2\n", "c = 3"], ["d = 4\n", "e = 5"]
    )


def test_escapes_stay_escapes_and_foreign_json_stays_as_it_is() -> None:
    raw = (
        '{ "nbformat":4,"cells":[{"source":["k = \\u00e9 \\/\\n" ,\t"x = bad # \\u00fc"],'
        '"cell_type":"code","id":1E3}],"x":{"source":["bad"]}}\r\n'
    )
    after = replaced(read("a.ipynb", raw), "bad", "good")
    assert after == raw.replace("x = bad", "x = good", 1)


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nx = 1", "_                 \nx = 1"),
        ("!pip install \\\n  torch\nx = 1", "_             \n       \nx = 1"),
        ("if a:\n    !ls\nelse:\n    %cd x", "if a:\n    _  \nelse:\n    _    "),
        ("n = !nproc\nm = %env X", "n = _     \nm = _     "),
        ("x?\nx.y??\n?x\n", "_ \n_    \n_ \n"),
        ("x = (a\n% b)\ny = '''\n!ls\n'''\n", "x = (a\n% b)\ny = '''\n!ls\n'''\n"),
        ("a = b != c\nd = e\\\n% f", "a = b != c\nd = e\\\n% f"),
        ("%%time\nx = 1", "      \nx = 1"),
        ("\n%%timeit -n 3\nx = 1", "\n             \nx = 1"),
        ("%%bash\nls (\nDataLoader", "      \n    \n          "),
        ("!echo 'it\nx = 1", "_        \nx = 1"),
        ("! ( \nx = 1", "_   \nx = 1"),
        ("y = x[0]?\n", "y = x[0]?\n"),
    ],
)
def test_what_is_not_python_is_replaced_at_the_same_length(cell: str, python: str) -> None:
    assert python_only(cell) == python
    assert len(python) == len(cell)


def test_magics_come_back_when_a_cell_is_written() -> None:
    cell = "%matplotlib inline\n!ls\nx = bad\n!ls\nif x:\n    %pip install y\ny?"
    raw = a_notebook(cell, cell.splitlines(keepends=True))
    notebook = read("a.ipynb", raw)
    ast.parse(notebook.source.text)
    after = read("a.ipynb", replaced(notebook, "x = bad", "import z\nx = good"))
    assert after.cells[0].text == cell.replace("x = bad", "import z\nx = good")
    assert after.cells[1] == read("a.ipynb", after.raw).cells[1]


def test_an_edit_that_would_make_another_cell_is_refused() -> None:
    notebook = read("a.ipynb", a_notebook("%%time\nx = 1"))
    new = notebook.source.edited([Edit(Span(0, 0), "import z\n")])
    with pytest.raises(NotebookError):
        written(notebook, new)


def test_another_language_is_left_alone() -> None:
    for metadata in ({"kernelspec": {"language": "julia"}}, {"language_info": {"name": "R"}}):
        assert read("a.ipynb", a_notebook("x <- 1", metadata=metadata)).source.text == ""
    python = {"kernelspec": {"language": "python"}, "language_info": {"name": "python"}}
    assert read("a.ipynb", a_notebook("x = 1", metadata=python)).source.text == "x = 1"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "is not JSON: Expecting '{': line 1 column 1"),
        ("{", "is not JSON"),
        ('{"cells": [}', "is not JSON"),
        ('{"cells": []} x', "is not JSON: Extra data"),
        ("[]", "is not JSON: Expecting '{'"),
        ('{"worksheets": []}', 'has no "cells"'),
        ('{"cells": [{"cell_type": "code", "source": [1]}]}', "Expecting a string"),
        ('{"cells": ' + "[" * 100000, "is n"),
    ],
)
def test_what_is_no_notebook_is_refused(raw: str, message: str) -> None:
    with pytest.raises(NotebookError) as error:
        read("a.ipynb", raw)
    assert message in str(error.value)


def test_a_notebook_without_code_is_empty() -> None:
    assert read("a.ipynb", '{"cells": []}').source.text == ""
    assert read("a.ipynb", a_notebook([], "")).source.text == "\n"
