"""Configuration: where it is found, what it means, what is said when it is broken."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from dladvise.advisor import all_rules, globs
from dladvise.advisor.setting_values import READERS, find_rule
from dladvise.advisor.settings import (
    Settings,
    SettingsError,
    defaults,
    layered,
    load,
    nearest,
    overridden,
)

SCHEMA = json.loads((Path(__file__).parent.parent / "advisor/schema.json").read_text())


def a_file(folder: Path, text: str, name: str = "dladvise.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        load(a_file(folder, text))
    return tuple(problem.replace(str(folder), "") for problem in error.value.problems)


def codes(settings: Settings, path: Path | None = None) -> set[str]:
    rules = settings.rules() if path is None else settings.rules_for(path)
    return {rule.code for rule in rules}


def test_nearest_file_wins_and_a_pyproject_without_the_table_is_passed_over(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    top = a_file(tmp_path, "[tool.dladvise]\n", "pyproject.toml")
    a_file(deep, "[tool.ruff]\n# dladvise\n", "pyproject.toml")
    assert nearest(deep) == top
    own = a_file(tmp_path, "")
    assert nearest(deep) == own
    middle = a_file(tmp_path / "a", "[tool.dladvise.target]\ncores = 4\n", "pyproject.toml")
    assert nearest(deep) == middle


def test_every_key_is_read_and_knows_its_line(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        """[tool.other]
select = ["nothing"]

[tool.dladvise]
select = ["DL003", "dl0"]
ignore = ["DL099"]
exclude = ["old/**"]
per-file-ignores = {"tests/**" = ["ALL"]}

[tool.dladvise.target]
cores = 8
python = "3.14"
torch = "2.6.1"
platforms = ["linux", "windows"]
start-method = "spawn"
gpu = true

[tool.dladvise.probe]
interpreter = ".venv/bin/python"
args = ["--fast"]
seconds = 10
env = {A = "b"}
""",
        "pyproject.toml",
    )
    settings = load(path)
    assert settings.choices[0].select == ("DL003", "DL0")
    assert settings.python == (3, 14)
    assert settings.torch == (2, 6)
    assert settings.platforms == {"linux", "windows"}
    assert settings.start_method == "spawn"
    assert settings.gpu is True
    assert (settings.interpreter, settings.args) == (".venv/bin/python", ("--fast",))
    assert (settings.seconds, settings.env) == (10.0, (("A", "b"),))
    assert settings.source("target.cores").endswith("pyproject.toml:11")
    assert settings.source("select").endswith("pyproject.toml:5")
    assert settings.source("probe.env").endswith("pyproject.toml:22")
    assert set(settings.sources) == set(READERS)
    target = settings.target(2, "affinity")
    assert target.cores == 8
    assert target.cores_from.startswith("target.cores in ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('slect = ["DL003"]\n', "/dladvise.toml:1: unknown key slect, did you mean select?"),
        ("\n[target]\n\ncoers = 3\n", "unknown key target.coers, did you mean cores?"),
        ('select = "DL003"\n', "/dladvise.toml:1: select must be a list of strings, not a string"),
        ("select = [1]\n", "select must be a list of strings, not a list with a whole number"),
        ("[target]\ncores = true\n", ":2: target.cores must be a whole number, not a boolean"),
        ("target.cores = 0\n", ":1: target.cores must be at least 1, not 0"),
        ("[target]\npython = 3.10\n", 'must be a string such as "3.10"'),
        ('[target]\npython = "three"\n', 'must be a version such as "3.12", not "three"'),
        ('[target]\nplatforms = ["linus"]\n', "did you mean linux?"),
        ('[target]\nstart-method = "forc"\n', "did you mean fork?"),
        ("[target]\ngpu = 1\n", "target.gpu must be true or false, not a whole number"),
        ("probe = 3\n", "probe must be a table, not a whole number"),
        ('[probe]\nseconds = "10"\n', "probe.seconds must be a number, not a string"),
        ("[probe]\nenv = {A = 1}\n", "probe.env must be a table of strings"),
        ('select = ["DL909090"]\n', "select has the unknown rule DL909090, did you mean DL"),
        ('[per-file-ignores]\n"a.py" = ["XY1"]\n', "per-file-ignores has the unknown rule XY1"),
        ("select = [\n", "/dladvise.toml: "),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = problems(tmp_path, text)
    assert found.startswith("/dladvise.toml:")
    assert problem in found


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "a = 1\nb = 2\n[target]\ncores = -1\n")) == 3


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "dladvise.toml").write_bytes(b"# \xff\n")
    with pytest.raises(SettingsError, match=r"dladvise\.toml: is not UTF-8"):
        load(tmp_path / "dladvise.toml")


def test_without_configuration_the_rules_are_those_that_are_on_by_default(tmp_path: Path) -> None:
    assert codes(defaults(tmp_path)) == {rule.code for rule in all_rules() if not rule.opt_in}
    everything = overridden(defaults(tmp_path), select="ALL")
    assert codes(everything) == {rule.code for rule in all_rules()}


def test_the_more_specific_selector_wins(tmp_path: Path) -> None:
    settings = load(a_file(tmp_path, 'select = ["DL003"]\nignore = ["DL0"]\n'))
    assert codes(settings) == {"DL003"}
    settings = load(a_file(tmp_path, 'select = ["DL0"]\nignore = ["DL003"]\n'))
    assert "DL003" not in codes(settings)
    assert "DL008" in codes(settings)


def test_the_command_line_lies_upon_the_file(tmp_path: Path) -> None:
    settings = load(a_file(tmp_path, 'select = ["DL008"]\nignore = ["DL003"]\n'))
    assert codes(overridden(settings, select="DL003")) == {"DL003"}
    assert codes(overridden(settings, extend_select="DL003 , DL099")) == {
        "DL003",
        "DL008",
        "DL099",
    }
    assert codes(overridden(settings, ignore="DL008")) == set()
    assert overridden(settings, select="DL003").source("select") == "--select"
    with pytest.raises(SettingsError, match="--ignore has the unknown rule DL77"):
        overridden(settings, ignore="DL77")
    cores = overridden(settings, cores=3).target(8, "affinity")
    assert (cores.cores, cores.cores_from) == (3, "--target-cores")


def test_per_file_ignores_go_by_the_path_from_the_file(tmp_path: Path) -> None:
    settings = load(
        a_file(tmp_path, '[per-file-ignores]\n"tests/**" = ["DL003"]\n"old_*.py" = ["ALL"]\n')
    )
    assert "DL003" not in codes(settings, tmp_path / "tests" / "a" / "b.py")
    assert "DL003" in codes(settings, tmp_path / "src" / "tests.py")
    assert codes(settings, tmp_path / "src" / "old_train.py") == set()


def test_an_editor_lays_its_table_upon_the_file(tmp_path: Path) -> None:
    base = load(a_file(tmp_path, "[target]\ncores = 2\n"))
    over = layered(base, {"target": {"cores": 6}}, lambda key: "editor")
    assert (over.cores, over.source("target.cores"), over.root) == (6, "editor", tmp_path)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a/b/c.py", True),
        ("*.py", "a/b/c.pyi", False),
        ("tests", "a/tests/b.py", True),
        ("tests/", "tests/b.py", True),
        ("tests/*.py", "a/tests/b.py", False),
        ("/tests", "a/tests/b.py", False),
        ("**/tests/*.py", "a/b/tests/b.py", True),
        ("**/tests/*.py", "tests/b.py", True),
        ("a/**", "a/b/c.py", True),
        ("a/*", "b/a/c.py", False),
        ("{old,new}_?.py", "new_1.py", True),
        ("{old,new}_?.py", "new_12.py", False),
        ("[!a]b.py", "ab.py", False),
        ("[a-c]b.py", "bb.py", True),
        ("a+b.py", "a+b.py", True),
        ("a{b.py", "a{b.py", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert globs.matches(pattern, path) is fits


def test_a_misspelt_rule_gets_a_suggestion() -> None:
    assert find_rule("dl003") is find_rule("worker-option-without-workers")
    with pytest.raises(ValueError, match="there is no rule DL03, did you mean DL0"):
        find_rule("DL03")
    with pytest.raises(ValueError, match="did you mean worker-option-without-workers"):
        find_rule("worker-option-without-worker")


def test_every_key_has_a_field_and_stands_in_the_schema() -> None:
    names = {name.rpartition(".")[2].replace("-", "_") for name in READERS}
    assert names - {"select", "ignore"} <= {item.name for item in fields(Settings)}
    described = set()
    for key, part in SCHEMA["properties"].items():
        tables = key in ("target", "probe")
        described |= {f"{key}.{name}" for name in part["properties"]} if tables else {key}
    assert described == set(READERS)


def test_the_schema_says_yes_and_no_where_we_do(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft7Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    good: dict[str, object] = {
        "select": ["DL003", "ALL"],
        "per-file-ignores": {"tests/**": ["DL0"]},
        "target": {"cores": 4, "python": "3.12", "platforms": ["linux"], "start-method": "fork"},
        "probe": {"seconds": 1.5, "env": {"A": "b"}},
    }
    assert validator.is_valid(good)
    layered(defaults(tmp_path), good, str)
    wrong: tuple[dict[str, object], ...] = (
        {"slect": []},
        {"select": "DL003"},
        {"target": {"cores": 0}},
        {"target": {"cores": True}},
        {"target": {"python": 3.1}},
        {"target": {"platforms": ["linus"]}},
        {"probe": {"seconds": 0}},
        {"probe": {"env": {"A": 1}}},
    )
    for bad in wrong:
        assert not validator.is_valid(bad)
        with pytest.raises(SettingsError):
            layered(defaults(tmp_path), bad, str)
