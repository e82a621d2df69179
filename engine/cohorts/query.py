"""The compiled rules: one query over a table of patients, in any dialect of SQL.

It goes in steps, each a table of its own that adds columns: what was given, what is known, then the rules,
those first that rest on none. The last gives the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from sqlglot import exp

from engine.cohorts.amounts import Slot, slots
from engine.cohorts.openings import Openings
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.truths import Sql, Truths, choose, column, every, negated, some, text, unknown
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED
from engine.model import IDEAL_WEIGHT, AnyDose, Knowledge, Named, natural, parts

PATIENTS = "patients"
"""The table that a query reads."""

ROW = "__row"
"""The column with the number of a row, from 1."""

KEPT = "__kept_"
"""What the names of the columns begin with on the way that are kept as they are."""

ANSWERS = ("status", "doses", "open")


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
        self.rules = [name for name in natural(self.knowledge.rules) if name not in self.knowledge.concepts]

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

    def verdicts(self) -> Columns:
        """Return the verdict on each statement and conflict in words."""
        return {name: verdict(name) for name in self.rules}

    def slots(self) -> list[Slot]:
        """Return every dose that a patient may get."""
        return slots(self.knowledge, self.patients.targets.get(IDEAL_WEIGHT, ""))

    def open(self) -> Columns:
        """Return for each finding that can be open whether it is, in the order of the findings."""
        return Openings(self.knowledge, self.patients.waiting()).columns()

    # Queries. ------------------------------------------------------------------------------

    def answers(self, kept: Sequence[str], last: Columns, comments: Mapping[str, str], only_good: bool) -> exp.Select:
        """Return the query whose rows are the kept columns, then those of the ``last`` step."""
        carried = {ROW: column(ROW), **{f"{KEPT}{name}": column(name) for name in kept}}
        knowing = self.knowing()
        first = {**carried, **knowing[0].adds, **({"__bad": self.unreadable()} if only_good else {})}
        steps = [Step("given", first), *knowing[1:]]
        if only_good:
            steps.append(Step("good", {}))
        steps += self.ruling()
        query = exp.Select()
        before = PATIENTS
        for step in steps:
            select = _select(step.adds, step.comments, everything=before != PATIENTS).from_(exp.to_identifier(before))
            if step.table == "good":
                select = select.where(negated(exp.paren(some(column("__bad"), self.contradicted()))))
            query = query.with_(step.table, as_=select, copy=False)
            before = step.table
        named = {**{name: column(f"{KEPT}{name}") for name in kept}, **last}
        final = _select(named, comments, everything=False)
        query.set("expressions", final.expressions)
        return query.from_(exp.to_identifier(before), copy=False)

    def unreadable(self) -> Sql:
        """Return whether a row has a cell that cannot be read."""
        return some(*(when for when, _ in self.patients.faults()))

    def contradicted(self) -> Sql:
        """Return whether a row contradicts itself."""
        return some(*(exp.func("COALESCE", when, exp.false()) for when, _ in self.patients.contradictions()))

    def rejections(self) -> exp.Select:
        """Return the query for the rows that cannot be taken: their numbers, and why, in words."""
        unreadable = [choose(one) for one in self.patients.faults()]
        contradictory = [choose(one) for one in self.patients.contradictions()]
        knowing = self.knowing()
        first = {ROW: column(ROW), **knowing[0].adds, "__unreadable": _together(unreadable)}
        query = exp.Select()
        before = PATIENTS
        for step in [Step("given", first), *knowing[1:]]:
            select = _select(step.adds, {}, everything=before != PATIENTS).from_(exp.to_identifier(before))
            query = query.with_(step.table, as_=select, copy=False)
            before = step.table
        reasons = _select({"row": column(ROW), "reason": _together([column("__unreadable"), *contradictory])}, {}, False)
        query = query.with_("reasons", as_=reasons.from_(before), copy=False)
        return query.select("*").from_("reasons").where(negated(exp.EQ(this=column("reason"), expression=text(""))))


def verdict(name: str) -> Sql:
    """Return the verdict on a rule in words."""
    truth = column(name)
    return choose((truth, text(APPLIES)), (negated(truth.copy()), text(RULED_OUT)), default=text(UNDETERMINED))


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


def _together(reasons: Sequence[Sql]) -> Sql:
    return exp.func("CONCAT_WS", text("; "), *reasons) if reasons else text("")


def _select(adds: Columns, comments: Mapping[str, str], everything: bool) -> exp.Select:
    """Return a selection of columns; of all that are there besides, where ``everything`` is asked for."""
    columns: list[Sql] = [exp.Star()] if everything else []
    for name, found in adds.items():
        one = exp.alias_(found, name, quoted=True, copy=False)
        if name in comments:
            one.add_comments([f" {comments[name]} "])
        columns.append(one)
    return exp.Select(expressions=columns)
