"""The compiled rules as one query in the SQL of a warehouse, to be read by people and run where the patients are.

A warehouse holds its own columns to the words and ranges of the findings; the query finds no bad rows. What
it answers is plain columns: doses and open findings each have their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from engine.cohorts.amounts import Slot
from engine.cohorts.cells import CLEAN, NUMERIC
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.query import PATIENTS, Compiled
from engine.cohorts.truths import choose
from engine.language import accepted, plain
from engine.model import Knowledge, Value

DIALECTS = ("duckdb", "spark", "postgres", "snowflake", "bigquery")
"""The dialects that rules can be printed in."""


def warehouse_query(knowledge: Knowledge, parameters: Mapping[str, Value], dialect: str, keep: Sequence[str]) -> str:
    """Return the rules as a query in a dialect; ``keep`` names further columns that its rows carry."""
    holds = {finding.name: NUMERIC if finding.is_number else CLEAN for finding in knowledge.findings.values()}
    compiled = Compiled(Patients(knowledge, parameters, holds))
    doses, comments = _doses(compiled)
    asked = {f"open__{name}": is_open for name, is_open in compiled.open().items()}
    query = compiled.answers(keep, {"status": compiled.status(), **compiled.verdicts(), **doses, **asked}, comments)
    exact = query.transform(_exact) if dialect == "bigquery" else query
    body = exact.sql(dialect, pretty=True, identify=True)
    return f"{_head(knowledge, parameters, keep)}\n{body};\n"


def _doses(compiled: Compiled) -> tuple[Columns, dict[str, str]]:
    """Return the grams of each dose that a patient may get, of the course and of a day, with a comment each."""
    columns: Columns = {}
    comments: dict[str, str] = {}
    for slot in compiled.slots():
        for part, amount in (("total_g", slot.total), ("daily_g", slot.daily)):
            name = f"{slot.name}_{part}"
            columns[name] = choose((slot.when.copy(), amount.grams.copy()))
            comments[name] = _said(slot, part)
    return columns, comments


def _said(slot: Slot, part: str) -> str:
    amount = "grams of the course" if part == "total_g" else "grams a day"
    of = "" if slot.of is None else f", for {slot.of} above the limit, read of {_reading(slot)}"
    return f"{slot.statement}{of}: {amount} at {plain(slot.g_per_kg)} g/kg by {slot.basis.name} weight"


def _reading(slot: Slot) -> str:
    return "the course" if slot.reading == "total" else "one day"


def _exact(node: exp.Expr) -> exp.Expr:
    """Return a decimal as an exact one, where a bare decimal would be a binary number."""
    is_decimal = isinstance(node, exp.Literal) and not node.is_string and "." in str(node.this)
    return exp.cast(exp.Literal.string(node.this), "NUMERIC") if is_decimal else node


def _head(knowledge: Knowledge, parameters: Mapping[str, Value], keep: Sequence[str]) -> str:
    return "\n".join(f"-- {line}" for line in _lines(knowledge, parameters, keep))


def _lines(knowledge: Knowledge, parameters: Mapping[str, Value], keep: Sequence[str]) -> Iterator[str]:
    guideline = knowledge.guideline
    yield f"{guideline.title}, edition {guideline.edition}; knowledge {knowledge.digest}"
    for layer in knowledge.layers:
        yield f"with the layer {layer.id}: {layer.title}, edition {layer.edition}"
    for name, value in parameters.items():
        yield f"with the local parameter {name} = {value}, which is not in the source"
    yield f"Reads the table {PATIENTS}; a cell without a value is NULL, and unknown. Its columns:"
    for finding in knowledge.findings.values():
        yield f"  {finding.name}: {accepted(finding)}"
    for name in keep:
        yield f"  {name}: kept as it is"
    yield "Cells that say anything else are taken as unknown, and no row is refused: check the table first."
