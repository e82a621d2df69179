"""The compiled rules: one query over a table of patients, in any dialect of SQL.

It goes in steps, each a table of its own that adds columns: what was given, what is known, then the rules,
those first that rest on none. The last gives the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from sqlglot import exp

from engine.cohorts.amounts import Slot, slots, whole
from engine.cohorts.cells import joined
from engine.cohorts.openings import Openings
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.truths import Sql, Truths, choose, column, negated, some, text, unknown
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED
from engine.model import IDEAL_WEIGHT, AnyDose, Knowledge, Named, natural, parts

PATIENTS = "patients"
"""The table that a query reads."""

ROW = "__row"
"""The column with the number of a row, from 1."""

REASON = "__reason"
"""The column that says why a row cannot be taken."""

PARTING = "; "
"""What parts the faults of a row."""

KEPT = "__kept_"
"""What the names of the columns begin with on the way that are kept as they are."""


class Step(Struct, frozen=True):
    """A step of a query: the table that it makes, and the columns that it adds, with a comment each."""

    table: str
    adds: Columns
    comments: Mapping[str, str] = {}


class Compiled:
    """A knowledge base compiled for a table of patients whose columns hold what is said."""

    def __init__(self, patients: Patients) -> None:
        self.patients = patients
        self.knowledge = patients.knowledge
        self.truths = Truths(self.knowledge)
        self.rules = judged_rules(self.knowledge)

    # Steps. --------------------------------------------------------------------------------

    def knowing(self) -> list[Step]:
        """Return the steps up to what is known of each patient."""
        known = [Step(f"known_{number}", adds) for number, adds in enumerate(self.patients.known(), 1)]
        return [Step("given", self.patients.given()), *known]

    def ruling(self) -> Iterator[Step]:
        """Yield the steps in which the rules are judged, each resting on those before."""
        for number, names in enumerate(strata(self.knowledge), 1):
            adds = {name: self.truths.of(self.knowledge.rules[name]) for name in names}
            yield Step(f"rules_{number}", adds, {name: self.says(name) for name in names})

    def says(self, name: str) -> str:
        """Return what a rule says, for a comment."""
        knowledge = self.knowledge
        entry = knowledge.statements.get(name) or knowledge.conflicts.get(name) or knowledge.concepts[name]
        return entry.says.replace("*/", "* /")

    # Answers. ------------------------------------------------------------------------------

    def status(self) -> Sql:
        """Return the status of a consultation."""
        knowledge = self.knowledge
        decisive = [conflict.id for conflict in knowledge.conflicts.values() if conflict.decides_status]
        indications, roles = knowledge.statements_of("indication"), knowledge.statements_of("role")
        undetermined = [unknown(column(name)) for name in (*indications, *roles)]
        return choose(
            (negated(exp.paren(self.truths.of(knowledge.guideline.requires))), text("out_of_scope")),
            (_any(decisive), text("conflict")),
            (_any(indications), text("indicated")),
            (_any(roles), text("role_only")),
            (some(*undetermined), text("undetermined")),
            default=text("no_statement"),
        )

    def verdicts(self, word: Callable[[str], Sql] = text) -> Columns:
        """Return the verdict on each statement and conflict in words, each word as an engine writes it best."""
        return {
            name: choose(
                (column(name), word(APPLIES)), (negated(column(name)), word(RULED_OUT)), default=word(UNDETERMINED)
            )
            for name in self.rules
        }

    def slots(self) -> list[Slot]:
        """Return every dose that a patient may get."""
        return slots(self.knowledge, self.patients.targets.get(IDEAL_WEIGHT, ""))

    def open(self) -> Columns:
        """Return for each finding that can be open whether it is, in the order of the findings."""
        return Openings(self.knowledge, self.patients.waiting()).columns()

    # Queries. ------------------------------------------------------------------------------

    def answers(self, kept: Sequence[str], last: Columns, comments: Mapping[str, str] = {}) -> exp.Select:
        """Return the query whose rows are the kept columns, then those of the ``last`` step."""
        carried = {f"{KEPT}{name}": column(name) for name in kept}
        given, *knowing = self.knowing()
        steps = [Step(given.table, {**carried, **given.adds}), *knowing, *self.ruling()]
        query, before = _chained(steps)
        named = {**{name: column(f"{KEPT}{name}") for name in kept}, **last}
        query.set("expressions", _columns(named, {**{name: self.says(name) for name in self.rules}, **comments}))
        return query.from_(before, copy=False)

    def rejections(self, kept: Sequence[str]) -> exp.Select:
        """Return the query for the rows that cannot be taken: their numbers, why, in words, and the kept columns."""
        given, *knowing = self.knowing()
        unreadable, contrary = list(self.patients.faults(kept)), list(self.patients.contradictions())
        first = {
            ROW: column(ROW),
            **{f"{KEPT}{name}": column(name) for name in kept},
            **given.adds,
            "__unreadable": _together(unreadable),
            "__is_unreadable": _any_of(unreadable),
        }
        reason = joined(column("__unreadable"), _together(contrary))
        told = {ROW: column(ROW), REASON: exp.Substring(this=reason, start=whole(len(PARTING) + 1))}
        reasons: Columns = {**told, **{name: column(f"{KEPT}{name}") for name in kept}}
        query, before = _chained([Step(given.table, first), *knowing])
        query.set("expressions", _columns(reasons, {}))
        return query.from_(before, copy=False).where(some(column("__is_unreadable"), _any_of(contrary)), copy=False)


def judged_rules(knowledge: Knowledge) -> list[str]:
    """Return the statements with a rule, then the conflicts, each in natural order."""
    return [
        name
        for kind in (knowledge.statements, knowledge.conflicts)
        for name in natural(kind)
        if name in knowledge.rules
    ]


def answer_names(knowledge: Knowledge) -> list[str]:
    """Return the columns of an answer."""
    return ["status", *judged_rules(knowledge), "doses", "open"]


def strata(knowledge: Knowledge) -> list[list[str]]:
    """Return the rules in groups, each of which names only rules of the groups before it."""
    depth: dict[str, int] = {}

    def deep(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max(map(deep, named(name)), default=0)
        return depth[name]

    def named(name: str) -> Iterator[str]:
        for part in parts(knowledge.rules[name]):
            if isinstance(part, Named):
                yield part.name
            elif isinstance(part, AnyDose):
                yield from knowledge.regimens

    groups: dict[int, list[str]] = {}
    for name in natural(knowledge.rules):
        groups.setdefault(deep(name), []).append(name)
    return [groups[key] for key in sorted(groups)]


def _any(names: Sequence[str]) -> Sql:
    return some(*map(column, names))


def _any_of(faults: Sequence[tuple[Sql, Sql]]) -> Sql:
    """Return whether a row has any of these faults."""
    return some(*(when.copy() for when, _ in faults))


def _together(faults: Iterable[tuple[Sql, Sql]]) -> Sql:
    """Return the faults that a row has, in words one after another, each after a mark; empty where it has none."""
    told = (exp.func("COALESCE", choose((when, joined(PARTING, why))), text("")) for when, why in faults)
    return joined("", *told)


def _chained(steps: Sequence[Step]) -> tuple[exp.Select, str]:
    """Return a query of these steps, each a table made from the one before it, and the name of the last."""
    query, before = exp.Select(), PATIENTS
    for step in steps:
        everything = [] if before == PATIENTS else [exp.Star()]
        select = exp.Select(expressions=[*everything, *_columns(step.adds, step.comments)]).from_(before)
        query = query.with_(step.table, as_=select, copy=False)
        before = step.table
    return query, before


def _columns(adds: Mapping[str, Sql], comments: Mapping[str, str]) -> list[Sql]:
    columns = []
    for name, found in adds.items():
        one = exp.alias_(found, name, quoted=True, copy=False)
        if name in comments:
            one.add_comments([f" {comments[name]} "])
        columns.append(one)
    return columns
