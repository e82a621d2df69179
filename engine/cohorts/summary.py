"""What came of a cohort in figures, counted over its written result: statuses, verdicts, grams, and what is missing.

Counted by the database, a few passes over the result, so that memory stays bounded whatever its size. Sums
of grams are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from msgspec import Struct, to_builtins

from engine import __version__
from engine.cohorts.cells import ABSENT
from engine.cohorts.patients import Patients
from engine.cohorts.query import answer_names, judged_rules
from engine.cohorts.relations import json_lines, lines, named, parquet, quoted, words_of
from engine.cohorts.runs import Cohort
from engine.cohorts.synthesis import LABEL
from engine.cohorts.tables import cannot_read, form_of, header, interruptible
from engine.consultation import APPLIES, RULED_OUT, STATUSES, UNDETERMINED
from engine.errors import Fault, InputError, Place, listed
from engine.language import canonical
from engine.model import Condition, Knowledge, Named, Test, Value, natural, parts

FORMAT = "ivig-mg/cohort-summary/1"

DOSES = '[{"statement": "VARCHAR", "of": "VARCHAR", "total_g": "DECIMAL(38, 18)"}]'
"""What is read of the doses where a form of file has them as JSON."""

MISSING = 5
"""How many columns that a result lacks are named."""


class Verdicts(Struct, frozen=True):
    """To how many patients a statement or conflict applies, for how many it is undetermined, or ruled out."""

    applies: int
    undetermined: int
    ruled_out: int


class Grams(Struct, frozen=True):
    """The grams of a course: how many patients have some, and the least and the most of each, added up."""

    patients: int
    least: Decimal
    most: Decimal


class Lack(Struct, frozen=True):
    """In how many patients a finding is open, and the only one open.

    ``status_open`` counts those whose status is undetermined and can hang on it, ``status_only`` those of them for whom
    it is the only such finding.
    """

    open: int
    only: int
    status_open: int
    status_only: int


class Source(Struct, frozen=True):
    """Where figures come from: the files, the knowledge with its layers, the parameters in force, the program."""

    patients: str
    result: str
    guideline: str
    edition: str
    digest: str
    layers: tuple[str, ...]
    parameters: Mapping[str, Value]
    version: str = __version__


class Summary(Struct, frozen=True):
    """A cohort in figures; every count is of patients, one a row.

    ``lacks`` has the findings that are open for somebody, those first that are for most; ``complete`` counts
    the patients for whom none is, ``single`` those for whom one is. ``dosed`` counts those to whom a regimen
    applies, with grams or without. ``grams`` is of all regimens together, ``regimens`` of each that applies to
    somebody: alternatives, so that they do not add up to the whole.
    """

    source: Source
    judged: int
    rejected: int
    synthetic: int
    statuses: Mapping[str, int]
    statements: Mapping[str, Verdicts]
    conflicts: Mapping[str, Verdicts]
    dosed: int
    grams: Grams
    regimens: Mapping[str, Grams]
    complete: int
    single: int
    lacks: Mapping[str, Lack]


def summarise(result: Path, cohort: Cohort, rejected: int = 0) -> Summary:
    """Return the figures of the result of a cohort: a file, or a folder of Parquet files.

    Raises:
        InputError: when it cannot be read, or is not a result by this knowledge.

    """
    with interruptible(), duckdb.connect() as database:
        try:
            relation = _open(database, result, cohort.knowledge)
            return _Counting(database, relation, cohort).summary(_source(result, cohort), rejected)
        except duckdb.Error as problem:
            raise cannot_read(result, problem) from None


def summary_data(summary: Summary) -> dict[str, Any]:
    """Return a summary for programs; `to_json` makes text of it."""
    return {"format": FORMAT, **to_builtins(summary, builtin_types=(Decimal,))}


def read_for_status(knowledge: Knowledge, parameters: Mapping[str, Value]) -> set[str]:
    """Return the findings that can settle an undetermined status: those that an indication or a role reads."""
    rules = [*knowledge.statements_of("indication"), *knowledge.statements_of("role")]
    seen = set(rules)
    conditions: list[Condition] = [knowledge.guideline.requires, *(knowledge.rules[name] for name in rules)]
    found: set[str] = set()
    while conditions:
        for part in parts(conditions.pop()):
            if isinstance(part, Test):
                found.add(part.finding)
                governor = knowledge.findings[part.finding].only_if
                conditions += [governor] if governor is not None else []
            elif isinstance(part, Named) and part.name not in seen:
                seen.add(part.name)
                conditions.append(knowledge.rules[part.name])
    patients = Patients(knowledge, parameters, dict.fromkeys(knowledge.findings, ABSENT))
    return found.union(*(patients.inputs(name) for target, name in patients.targets.items() if target in found))


class _Counting:
    """The counts over one result."""

    def __init__(self, database: duckdb.DuckDBPyConnection, columns: set[str], cohort: Cohort) -> None:
        self.database = database
        self.columns = columns
        self.knowledge = cohort.knowledge
        self.parameters = cohort.parameters

    def summary(self, source: Source, rejected: int) -> Summary:
        knowledge = self.knowledge
        rules = judged_rules(knowledge)
        verdicts = self.verdicts(rules)
        regimens = [name for name in natural(knowledge.regimens) if verdicts[name].applies]
        grams = self.grams(regimens)
        counts = self.counts()
        return Summary(
            source,
            counts["judged"],
            rejected,
            counts["synthetic"],
            {status: counts[status] for status in STATUSES},
            {name: verdicts[name] for name in rules if name in knowledge.statements},
            {name: verdicts[name] for name in rules if name in knowledge.conflicts},
            counts["dosed"],
            grams.pop(""),
            grams,
            counts["complete"],
            counts["single"],
            self.lacks(),
        )

    def counts(self) -> dict[str, int]:
        """Return the counts of all patients, by what they are called in a summary."""
        is_dosed = " OR ".join(_is(name, APPLIES) for name in self.knowledge.regimens) or "false"
        denied = "('no', 'false', '0', '')"
        is_synthetic = f"lower(CAST({named(LABEL)} AS VARCHAR)) NOT IN {denied}" if LABEL in self.columns else "false"
        asked = {
            "judged": "true",
            "synthetic": is_synthetic,
            "dosed": is_dosed,
            "complete": "len(open) = 0",
            "single": "len(open) = 1",
            **{status: _is("status", status) for status in STATUSES},
        }
        return dict(zip(asked, self.row([_count(condition) for condition in asked.values()]), strict=True))

    def verdicts(self, rules: list[str]) -> dict[str, Verdicts]:
        """Return how often each verdict is given on each rule."""
        words = (APPLIES, UNDETERMINED, RULED_OUT)
        counted = iter(self.row([_count(_is(name, word)) for name in rules for word in words]))
        return {name: Verdicts(next(counted), next(counted), next(counted)) for name in rules}

    def grams(self, regimens: list[str]) -> dict[str, Grams]:
        """Return the grams of each regimen, and under no name of all."""
        wanted = {"": "true", **{name: f"dose.statement = {quoted(name)}" for name in regimens}}
        totals = ", ".join(f"{_totals(condition)} AS t{number}" for number, condition in enumerate(wanted.values()))
        sums = [
            form.format(f"t{number}")
            for number in range(len(wanted))
            for form in (_count("len({}) > 0"), "sum(list_min({}))", "sum(list_max({}))")
        ]
        counted = iter(self.row(sums, f"(SELECT {totals} FROM result WHERE len(doses) > 0)"))
        return {name: Grams(next(counted), _exact(next(counted)), _exact(next(counted))) for name in wanted}

    def lacks(self) -> dict[str, Lack]:
        """Return the findings that are open for somebody, those first that are for most."""
        read = ", ".join(map(quoted, sorted(read_for_status(self.knowledge, self.parameters))))
        for_status = f"{_is('status', UNDETERMINED)} AND finding IN ({read})"
        counted = self.database.execute(
            f"SELECT finding, count(*), {_count('together = 1')}, {_count(for_status)},"
            f" {_count(f'for_status = 1 AND {for_status}')}"
            " FROM (SELECT unnest(open) AS finding, len(open) AS together,"
            f" len(list_filter(open, lambda one: one IN ({read}))) AS for_status, status FROM result)"
            " GROUP BY finding ORDER BY 2 DESC, 3 DESC, 1"
        )
        return {name: Lack(*counts) for name, *counts in counted.fetchall()}

    def row(self, asked: list[str], relation: str = "result") -> tuple[Any, ...]:
        """Return a row of aggregates over the result; an empty one where none is asked."""
        if not asked:
            return ()
        return tuple(self.database.execute(f"SELECT {', '.join(asked)} FROM {relation}").fetchall()[0])


def _open(database: duckdb.DuckDBPyConnection, path: Path, knowledge: Knowledge) -> set[str]:
    """Let a database read a result as ``result``, and return the names of its columns."""
    form = "parquet" if path.is_dir() else form_of(path)
    if not path.exists():
        raise cannot_read(path, ValueError("there is no such file"))
    relation = {"parquet": _parquet, "csv": _csv, "jsonl": _json}[form](path)
    columns = {row[0] for row in database.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    missing = [name for name in answer_names(knowledge) if name not in columns]
    if missing:
        found = f"this is no result by this knowledge: it has no column {listed(missing[:MISSING], 'or')}"
        raise InputError([Fault(found, "Judge the patients again by this knowledge.", Place(str(path)))])
    read = f"from_json(doses, {quoted(DOSES)}) AS doses, from_json(open, '[\"VARCHAR\"]') AS open"
    lists = "" if form == "parquet" else f" REPLACE ({read})"
    database.execute(f"CREATE TEMP VIEW result AS SELECT *{lists} FROM {relation}")
    return columns


def _parquet(path: Path) -> str:
    return parquet(*(sorted(path.glob("*.parquet")) if path.is_dir() else [path]))


def _csv(path: Path) -> str:
    return words_of(path, header(path))


def _json(path: Path) -> str:
    """Return JSON lines as a table: of every column the words, of lists the JSON."""
    with duckdb.connect() as database:
        keys = database.execute(f"SELECT unnest(json_keys(line)) FROM (FROM {lines(path)} LIMIT 1)").fetchall()
    return json_lines(path, {key: "VARCHAR" for (key,) in keys})


def _source(result: Path, cohort: Cohort) -> Source:
    guideline = cohort.knowledge.guideline
    return Source(
        cohort.path.name,
        result.name,
        guideline.id,
        guideline.edition,
        cohort.knowledge.digest,
        tuple(f"{layer.id}, edition {layer.edition}" for layer in cohort.knowledge.layers),
        cohort.parameters,
    )


def _count(condition: str) -> str:
    """Return the count of rows that a condition holds of; many sums go many times faster than many filters."""
    return f"coalesce(sum(CAST({condition} AS INT)), 0)"


def _totals(condition: str) -> str:
    """Return the grams of the courses of a patient that a condition holds of."""
    return f'[dose.total_g FOR dose IN doses IF dose."of" IS NULL AND dose.total_g IS NOT NULL AND {condition}]'


def _exact(total: Decimal | None) -> Decimal:
    return canonical(total) if total else Decimal(0)


def _is(name: str, word: str) -> str:
    return f"{named(name)} = {quoted(word)}"
