"""The compiled rules as one query in the SQL of a warehouse, to be read by people and run where the patients are.

A warehouse holds its own columns to the words and ranges of the findings; the query finds no bad rows. What
it answers is plain columns: doses and open findings each have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from textwrap import indent, wrap

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

WIDTH = 100
"""How long a line of a comment may be."""

RUN = {"duckdb": "DuckDB", "postgres": "Postgres 15", "spark": "Apache Spark 4"}
"""The engines on which a test runs what is printed, and compares it with consultations."""


def warehouse_query(knowledge: Knowledge, parameters: Mapping[str, Value], dialect: str, keep: Sequence[str]) -> str:
    """Return the rules as a query in a dialect; ``keep`` names further columns that its rows carry."""
    holds = {finding.name: NUMERIC if finding.is_number else CLEAN for finding in knowledge.findings.values()}
    compiled = Compiled(Patients(knowledge, parameters, holds))
    doses, comments = _doses(compiled)
    asked = {f"open__{name}": is_open for name, is_open in compiled.open().items()}
    query = compiled.answers(keep, {"status": compiled.status(), **compiled.verdicts(), **doses, **asked}, comments)
    told = _rewritten(query, [_shorter, *FITTED.get(dialect, ())])
    head = "\n".join(_comments(_lines(knowledge, parameters, dialect, keep)))
    return f"{head}\n{_printed(told, dialect)};\n"


# What is written otherwise. ----------------------------------------------------------------


OPPOSITES: Mapping[type, type[exp.Binary]] = {
    exp.EQ: exp.NEQ, exp.LT: exp.GTE, exp.LTE: exp.GT, exp.GT: exp.LTE, exp.GTE: exp.LT,
}  # fmt: skip


def _shorter(node: exp.Expr) -> exp.Expr:
    """Return a negation as SQL is commonly written, without a NOT that has to bind less than what it negates."""
    inner = node.this if isinstance(node, exp.Not) else None
    if isinstance(inner, exp.Binary) and type(inner) in OPPOSITES:
        return OPPOSITES[type(inner)](this=inner.this, expression=inner.expression)
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return exp.Is(this=inner.this, expression=exp.Not(this=exp.null()))
    return node


def _rewritten(query: exp.Select, ways: Sequence[Callable[[exp.Expr], exp.Expr]]) -> exp.Select:
    """Return a query with every part rewritten in each of the ways, inner parts first."""
    for rewrite in ways:
        for node in reversed(list(query.walk())):
            node.replace(rewrite(node))
    return query


def _for_postgres(node: exp.Expr) -> exp.Expr:
    """Return the rounding of an exact number: Postgres rounds no binary one to decimals."""
    if isinstance(node, exp.Round):
        return exp.Round(this=exp.cast(node.this, "DECIMAL"), decimals=node.args["decimals"])
    return node


def _for_bigquery(node: exp.Expr) -> exp.Expr:
    """Return a decimal as an exact one: a bare one is a binary number, and NUMERIC ends at nine decimals."""
    is_decimal = isinstance(node, exp.Literal) and not node.is_string and "." in str(node.this)
    return exp.cast(exp.Literal.string(node.this), "BIGDECIMAL") if is_decimal else node


def _for_snowflake(node: exp.Expr) -> exp.Expr:
    """Return names as Snowflake stores those without quotes, no IS TRUE, which it lacks, and whole division exactly.

    A quotient of Snowflake is rounded to six decimals, which can lift it to the next whole number.
    """
    if isinstance(node, exp.Identifier):
        return exp.to_identifier(node.name.upper(), quoted=True)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
        is_true = node.expression.this
        known = exp.func("COALESCE", node.this.unnest(), exp.Boolean(this=not is_true))
        return known if is_true else exp.not_(known, copy=False)
    if isinstance(node, exp.IntDiv):
        whole, divisor = node.this.unnest(), node.expression
        even = exp.Sub(this=exp.paren(whole), expression=exp.Mod(this=exp.paren(whole), expression=divisor.copy()))
        return exp.paren(exp.Div(this=exp.paren(even, copy=False), expression=divisor), copy=False)
    return node


FITTED: Mapping[str, Sequence[Callable[[exp.Expr], exp.Expr]]] = {
    "postgres": [_for_postgres],
    "bigquery": [_for_bigquery],
    "snowflake": [_for_snowflake],
}
"""What each dialect has to have written otherwise, lest it fail or answer otherwise."""


# On paper. ---------------------------------------------------------------------------------


def _printed(query: exp.Select, dialect: str) -> str:
    """Return a query in steps, in which what a column says stands above it."""
    # Without a fence the planner of Postgres writes each rule into all that rest on it, beyond any memory.
    fence = "MATERIALIZED " if dialect == "postgres" else ""
    steps = [
        f"{_named(step, dialect)} AS {fence}(\n{indent(_select(step.this, dialect), '  ')}\n)" for step in query.ctes
    ]
    return f"WITH {', '.join(steps)}\n{_select(query, dialect)}"


def _named(step: exp.Expr, dialect: str) -> str:
    return str(step.args["alias"].sql(dialect, identify=True))


def _select(select: exp.Select, dialect: str) -> str:
    columns = ",\n".join(_column(one, dialect) for one in select.expressions)
    return f"SELECT\n{indent(columns, '  ')}\n{select.args['from_'].sql(dialect, identify=True)}"


def _column(one: exp.Expr, dialect: str) -> str:
    said = [f"{one.alias}: {words.strip()}" for words in one.pop_comments() or ()]
    return "\n".join([*_comments(said), one.sql(dialect, pretty=True, identify=True)])


def _comments(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as comments, none too long to read."""
    for line in lines:
        deep = " " * (len(line) - len(line.lstrip()))
        yield from wrap(line.strip(), WIDTH, initial_indent=f"-- {deep}", subsequent_indent=f"--   {deep}")


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
    return f"{amount} at {plain(slot.g_per_kg)} g/kg by {slot.basis.name} weight{of}"


def _reading(slot: Slot) -> str:
    return "the course" if slot.reading == "total" else "one day"


def _lines(knowledge: Knowledge, parameters: Mapping[str, Value], dialect: str, keep: Sequence[str]) -> Iterator[str]:
    guideline = knowledge.guideline
    yield f"{guideline.title}, edition {guideline.edition}; knowledge {knowledge.digest}"
    for layer in knowledge.layers:
        yield f"with the layer {layer.id}: {layer.title}, edition {layer.edition}"
    for name, value in parameters.items():
        yield f"with the local parameter {name} = {value}, which is not in the source"
    yield _proven(dialect)
    yield f"Reads the table {PATIENTS}; a cell without a value is NULL, and unknown. Words are text. Columns:"
    for finding in knowledge.findings.values():
        yield f"  {finding.name}: {accepted(finding)}"
    for name in keep:
        yield f"  {name}: kept as it is"
    if dialect == "snowflake":
        yield "Names are in capitals, as Snowflake stores a name that was written without quotes."
    yield "Cells that say anything else are taken as unknown, and no row is refused: check the table first."


def _proven(dialect: str) -> str:
    """Return in words what is known of how an engine answers a query."""
    if dialect in RUN:
        return f"Tests run such a query on {RUN[dialect]}: it answers as a consultation does."
    return (
        "Never run on an engine of this dialect: its text was only read back by a parser. Try it first on cases whose"
        " answers you know."
    )
