"""Random loaders: torch builds and reads them, the rules foretell what happens.

`pytest --seed N` repeats a run; a failure prints the programs that disagree.
"""

from __future__ import annotations

import io
import random
import tokenize
from collections import Counter

import pytest

from dladvise.advisor import Finding, Report, Safety, Severity, Source, analyze, fixed
from tests.loader_programs import Program, program
from tests.make_oracle import observed

COUNT = 2000
MANY = 20_000
SHOWN = 5
QUIET = ("yes to shuffling", "every batch is made")
UNSURE = "it was never called"  # some classes can be indexed like Dataset[int]


@pytest.mark.slow
def test_the_rules_foretell_what_torch_does(seed: int) -> None:
    check(seed, COUNT)


@pytest.mark.slow
@pytest.mark.skipif("not config.getoption('--seed')", reason="asked for with --seed")
def test_the_rules_foretell_it_for_many_more(seed: int) -> None:
    check(seed + 1, MANY)


def check(seed: int, count: int) -> None:
    chance = random.Random(seed)
    programs = [program(chance) for _ in range(count)]
    before = [analyzed(one.text) for one in programs]
    after = [fixed(report, again)[0] for report in before]
    changed = [index for index, one in enumerate(programs) if after[index].source.text != one.text]
    texts = [one.text for one in programs] + [after[index].source.text for index in changed]
    outcomes = observed(texts)
    rerun = dict(zip(changed, outcomes[count:], strict=True))

    problems: list[str] = []
    seen: Counter[str] = Counter()
    for index, one in enumerate(programs):
        codes = {finding.rule.code for finding in before[index].findings}
        seen.update(codes or {str(outcomes[index]["observed"])})
        wrong = disagreement(one, before[index], outcomes[index])
        if wrong is None and index in rerun:
            wrong = spoiled(one, outcomes[index], after[index], rerun[index])
        if wrong is not None:
            shown = one.text[one.text.index("torch.manual_seed(7)\n") + 21 :]
            repaired = after[index].source.text[one.text.index("torch.manual_seed(7)\n") + 21 :]
            problems.append(f"{wrong}\n{shown}--- after the safe fixes\n{repaired}")
    print(dict(seen.most_common()))
    assert not problems, f"{len(problems)} of {count} with --seed {seed}\n\n" + "\n\n".join(
        problems[:SHOWN]
    )
    assert len(changed) > count / 50, "too few programs with a safe fix to say anything"


def disagreement(one: Program, report: Report, outcome: dict[str, str | None]) -> str | None:
    """What torch and the rules say otherwise of a program."""
    if any(UNSURE in finding.message for finding in report.findings):
        return None
    errors = [finding for finding in report.findings if is_loud(finding)]
    told = "; ".join(f"{finding.rule.code} {finding.message}" for finding in errors)
    raised = outcome["observed"] != "ok"
    if errors and not raised:
        return f"reported and runs: {told}"
    if raised and not errors and one.decidable:
        return f"raises and is not reported: {outcome['observed']} {outcome['message']}"
    return None


def spoiled(
    one: Program, first: dict[str, str | None], report: Report, second: dict[str, str | None]
) -> str | None:
    """What the safe fixes of a program did that they must not."""
    if any(finding.fix and finding.fix.safety is Safety.SAFE for finding in report.findings):
        return "the safe fixes do not settle"
    if comments(one.text) != comments(report.source.text):
        return "the safe fixes lost a comment"
    if first["observed"] == "ok" and first != second:
        return f"ran, and now differs: {first} {second}"
    return disagreement(one, report, second)


def is_loud(finding: Finding) -> bool:
    """Reports whether torch raises because of it; some mistakes it says nothing about."""
    if not finding.rule.code.startswith("DL0") or finding.severity is not Severity.ERROR:
        return False
    return not any(words in finding.message for words in QUIET)


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def analyzed(text: str) -> Report:
    return analyze(Source("program.py", text))


def again(source: Source) -> Report:
    return analyze(source)
