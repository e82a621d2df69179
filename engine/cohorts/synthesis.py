"""Synthetic cohorts: tables of patients that nobody is, for trials of speed, of queries and of tables.

The recipe says what they are like; its figures are inventions, and no cohort made here says anything of real
patients. Every row, and the file, is labelled synthetic. A draw is a mixture of the seed, the number of the patient and
what is drawn, in whole numbers alone, so that the same seed gives the same rows on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb

from engine.cohorts.progress import Progress, run, untold, watch
from engine.cohorts.recipe import (
    ANY_YES,
    DRAWN,
    MISSING,
    OFTEN_MISSING,
    PENDING,
    SELDOM_MISSING,
    SKIPPED,
    UNKNOWN,
    Amount,
    Cases,
    Words,
    words,
    yes,
)
from engine.cohorts.relations import named, quoted
from engine.cohorts.tables import form_of
from engine.errors import Fault, InputError, Place, shortened
from engine.files import writing_new
from engine.language import choices, plain
from engine.model import Finding, Knowledge, Test

Columns = dict[str, str]

LABEL = "synthetic"
"""The column that says so of every patient, and the key that says so of a Parquet file."""

PATIENT = "patient"
"""The column with the name of a patient, which begins so, too."""

NOTICE = "These patients are synthetic: drawn by chance from invented figures. They say nothing of real patients."

MOST = 1_000_000_000
"""How many patients can be made at once."""

OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata}",
    "csv": "FORMAT csv, HEADER true",
    "jsonl": "FORMAT json, ARRAY false",
}
"""The forms that a cohort is written in, by the ending of its file, and how DuckDB is told so."""

_KNOWN = {name: drawn for group in DRAWN for name, drawn in group.items()}
_RANGE = 2**32


def synthesise(
    knowledge: Knowledge,
    count: int,
    seed: int,
    name: str | Path,
    progress: Progress = untold,
    threads: int | None = None,
) -> Path:
    """Write a synthetic cohort of so many patients into a new file, in the form that its ending names.

    Raises:
        InputError: when the ending is none of the known, the count is out of range, or the file cannot be written.

    """
    options = _options(name, seed)
    if not 1 <= count <= MOST:
        raise InputError([Fault(f"{count} patients cannot be made", f"Make 1 to {MOST:,} at once.")])
    with writing_new(name) as (path, unfinished), duckdb.connect() as database:
        database.execute(f"SET temp_directory = {quoted(unfinished.parent)}")
        if threads is not None:
            database.execute(f"SET threads = {threads}")
        copy = f"COPY ({query(knowledge, count, seed)}) TO {quoted(unfinished)} ({options})"
        try:
            run(lambda _stopped: database.execute(copy), database, watch(database), progress)
        except duckdb.Error as problem:
            found = f"it cannot be written: {shortened(str(problem), 200)}"
            raise InputError([Fault(found, "Choose another place.", Place(str(path)))]) from None
    progress(1)
    return path


def _options(name: str | Path, seed: int) -> str:
    """Return how a file of that name is to be written."""
    return OPTIONS[form_of(name)].format(metadata=f"{{{LABEL}: {quoted(f'{NOTICE} Seed {seed}.')}}}")


# The query: draws, what they come to, then what is told of it. -------------------------------


def query(knowledge: Knowledge, count: int, seed: int) -> str:
    """Return the query whose rows are the patients, in order."""
    findings = knowledge.findings.values()
    require_labels(knowledge)
    drawn: Columns = {_draw(name): _mixed(seed, name) for name in _names_drawn(knowledge)}
    made = [{name: _value(name, one) for name, one in group.items()} for group in DRAWN]
    true = [{_true(f.name): _applicable(f) for f in group} for group in _by_governors(knowledge.findings)]
    told: Columns = {f.name: _told(f) for f in findings}
    width = max(7, len(str(count)))
    label: Columns = {PATIENT: f"'synthetic-' || lpad(CAST(number AS VARCHAR), {width}, '0')", LABEL: "'yes'"}
    rows = f"(SELECT CAST(range AS UBIGINT) AS number FROM range(1, {count + 1}))"
    for step in (drawn, *made, *true):
        rows = f"(SELECT *, {_listed(step)}\nFROM {rows})"
    return f"SELECT {_listed(label | told)}\nFROM {rows}"


def require_labels(knowledge: Knowledge) -> None:
    """Require that the columns that say so of every patient are no findings.

    Raises:
        InputError: when a finding has the name of one.

    """
    taken = [name for name in knowledge.findings if name.lower() in (PATIENT, LABEL)]
    if taken:
        found = f"a finding is called '{taken[0]}', as is a column by which each patient is labelled synthetic"
        raise InputError([Fault(found, "Patients of this knowledge base cannot be synthesised; rename the finding.")])


def _listed(columns: Columns) -> str:
    return ",\n".join(f"{sql} AS {named(name)}" for name, sql in columns.items())


def _names_drawn(knowledge: Knowledge) -> Iterator[str]:
    """Yield everything that is left to chance."""
    yield from _KNOWN
    for finding in knowledge.findings.values():
        yield from (f"any {finding.name}", f"missing {finding.name}")
    yield from (f"skipped {topic}" for topic in SKIPPED)


def _mixed(seed: int, name: str) -> str:
    """Return a draw for each patient: a whole number below 2³², by multiplying and folding it.

    The factor and the summand stand for the seed and the name. DuckDB's own hash may change with its version.
    """
    digest = sha256(f"{seed} {name}".encode()).digest()
    factor, summand = int.from_bytes(digest[:4], "big") | 1, int.from_bytes(digest[4:8], "big")
    mixed = f"((number * {factor}::UBIGINT + {summand}::UBIGINT) & {_RANGE - 1}::UBIGINT)"
    for shift, multiplier in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        mixed = f"((xor({mixed}, {mixed} >> {shift}) * {multiplier}::UBIGINT) & {_RANGE - 1}::UBIGINT)"
    return f"xor({mixed}, {mixed} >> 16)"


# What a patient is. --------------------------------------------------------------------------


def _value(name: str, drawn: Words | Amount) -> str:
    """Return what a draw comes to."""
    draw = named(_draw(name))
    if isinstance(drawn, Words):
        return _first((when, _word(draw, chances)) for when, chances in drawn.cases)
    thirds = " + ".join(f"(({draw} >> {shift}) & 1023)" for shift in (0, 10, 20))
    bell = f"(CAST({thirds} AS DOUBLE) - 1534.5) / 512"  # three uniform draws: all but normal, of deviation 1
    kept = f"least(greatest(({drawn.middle}) + ({drawn.deviation}) * {bell}, {drawn.low}), {drawn.high})"
    return f"CAST(round({kept}, {drawn.decimals}) AS {_number_type(drawn.low, drawn.high, drawn.decimals)})"


def _word(draw: str, chances: Mapping[str, float]) -> str:
    """Return the word that a draw falls to."""
    so_far, branches = 0.0, []
    for word, chance in chances.items():
        so_far += chance
        branches.append(f"WHEN {draw} < {_share(so_far)} THEN {quoted(word)}")
    *first, _ = branches
    last = f"ELSE {quoted(word)} END"
    return f"CASE {' '.join(first)} {last}" if first else quoted(word)


def _by_governors(findings: Mapping[str, Finding]) -> list[list[Finding]]:
    """Return the findings in groups, each of which is governed only by findings of groups before it."""
    groups: list[list[Finding]] = []
    left = list(findings.values())
    while left:
        waiting = {finding.name for finding in left}
        groups.append([f for f in left if f.only_if is None or f.only_if.finding not in waiting])
        left = [finding for finding in left if finding not in groups[-1]]
    return groups


def _applicable(finding: Finding) -> str:
    """Return what is true of a patient; NULL where the finding is not applicable."""
    value = finding.name if _fits(finding) else None
    true = f"CAST({named(value) if value else _any(finding)} AS {_type(finding)})"
    return true if finding.only_if is None else f"CASE WHEN {_holds(finding.only_if)} THEN {true} END"


def _holds(test: Test) -> str:
    value = plain(test.value) if isinstance(test.value, Decimal) else quoted(str(test.value))
    return f"{named(_true(test.finding))} {'=' if test.operator == 'is' else test.operator} {value}"


def _fits(finding: Finding) -> bool:
    """Return whether the recipe's values are among those that a finding takes."""
    drawn = _KNOWN.get(finding.name)
    if isinstance(drawn, Words) and not finding.is_number:
        return drawn.words <= set(choices(finding))
    if isinstance(drawn, Words):
        return all(word.isdecimal() and _within(finding, Decimal(word), Decimal(word)) for word in drawn.words)
    return drawn is not None and finding.is_number and _within(finding, drawn.low, drawn.high)


def _within(finding: Finding, low: Decimal, high: Decimal) -> bool:
    return (finding.low is None or finding.low <= low) and (finding.high is None or high <= finding.high)


def _any(finding: Finding) -> str:
    """Return a value of a finding that the recipe does not know."""
    name = f"any {finding.name}"
    if finding.type == "yes/no":
        return _value(name, yes(otherwise=ANY_YES))
    if not finding.is_number:
        return _value(name, words(**dict.fromkeys(finding.choices, 1 / len(finding.choices))))
    low, high = _limits(finding)
    part = f"CAST({named(_draw(name))} AS DOUBLE) / {_RANGE}"
    return f"least(greatest(round({low} + ({high} - ({low})) * {part}, {_decimals(finding)}), {low}), {high})"


# What is told of a patient. ------------------------------------------------------------------


def _told(finding: Finding) -> str:
    """Return what a cell holds: the truth, a reason for its absence, or nothing."""
    branches: list[str] = []
    if finding.topic in SKIPPED:
        skipped = named(_draw(f"skipped {finding.topic}"))
        branches += _gap(finding, skipped, SKIPPED[finding.topic], "pending", PENDING.get(finding.topic, 0))
    alone = MISSING.get(finding.name, SELDOM_MISSING) if _fits(finding) else OFTEN_MISSING
    branches += _gap(finding, named(_draw(f"missing {finding.name}")), alone, "unknown", UNKNOWN)
    return f"CASE {' '.join(branches)} ELSE {named(_true(finding.name))} END"


def _gap(finding: Finding, draw: str, cases: Cases, reason: str, share: float) -> Iterator[str]:
    """Yield when a cell holds no value: first when it holds a reason, which only one of words can."""
    if share and not finding.is_number:
        some = _first((when, f"{draw} < {_share(chance * share)}") for when, chance in cases)
        yield f"WHEN {some} THEN {quoted(reason)}"
    yield f"WHEN {_first((when, f'{draw} < {_share(chance)}') for when, chance in cases)} THEN NULL"


# Types and words of SQL. ---------------------------------------------------------------------


def _type(finding: Finding) -> str:
    if not finding.is_number:
        return "VARCHAR"
    drawn = _KNOWN.get(finding.name)
    decimals = drawn.decimals if isinstance(drawn, Amount) and _fits(finding) else _decimals(finding)
    return _number_type(*_limits(finding), 0 if finding.type == "whole number" else decimals)


def _number_type(low: Decimal, high: Decimal, decimals: int) -> str:
    whole = len(str(int(max(abs(low), abs(high)))))
    if decimals == 0 and whole < 10:
        return "INTEGER"
    return f"DECIMAL({whole + decimals}, {decimals})"


def _limits(finding: Finding) -> tuple[Decimal, Decimal]:
    return (finding.low or Decimal(0)), (Decimal(100) if finding.high is None else finding.high)


def _decimals(finding: Finding) -> int:
    """Return how many decimals a number of the generic recipe has: one, or as many as its limits."""
    exponents = [int(limit.as_tuple().exponent) for limit in _limits(finding)]
    return 0 if finding.type == "whole number" else max(1, *(-exponent for exponent in exponents))


def _first(cases: Iterable[tuple[str, str]]) -> str:
    """Return what counts in the first case that is true; the last always is."""
    *others, (_, last) = cases
    return f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in others)} ELSE {last} END" if others else last


def _share(chance: float) -> int:
    return min(_RANGE, round(chance * _RANGE))


def _draw(name: str) -> str:
    return f"draw: {name}"


def _true(name: str) -> str:
    return f"true: {name}"
