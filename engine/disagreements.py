"""Where two knowledge bases disagree: for each rule a smallest patient, or the proof that there is none.

Both judge one patient, whom both accept: a finding of both is one symbol, by its name, with the values
that both take; a finding of one is free there. What two rules are worth to the solver is the same formula
unless something under them changed, so only such rules are asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from msgspec import Struct

from engine.answers import DOSES, FULFILLED, NOT_THERE, REFERENCES, STATEMENTS, STATUS, VERDICT, Difference, differences
from engine.conditions import Judge
from engine.consultation import APPLIES, Consultation, evaluate
from engine.dosing import days_of, ends
from engine.errors import EngineError, Fault
from engine.model import WEIGHTS_BY_BASIS, AnyDose, DoseTest, Knowledge, Statement, natural
from engine.proofs import findings_of
from engine.solver import Formula, Patient, Solver, Symbols, both, differ, different, either, fewest, negated

Told = Mapping[Any, Formula]
"""What an answer can tell, each with when it does; two answers tell the same when they tell the same of these."""


class Disagreement(Difference, frozen=True):
    """What two knowledge bases say differently of a rule, and a smallest patient for whom they do."""

    patient: Patient


class Proven(Struct, frozen=True):
    """The disagreements; and of the rules asked about those on which there is none, and those that never apply.

    Of a rule that only one base has, the disagreement is a smallest patient to whom it applies.
    """

    disagreements: Sequence[Disagreement]
    agreeing: Sequence[str]
    never: Sequence[str]


def proven(old: Knowledge, new: Knowledge, touched: Collection[str]) -> Proven:
    """Return where two knowledge bases disagree, and which of the rules that were touched come out alike."""
    comparing = _Comparing(old, new)
    found = list(comparing.disagreements())
    disputed = {one.rule for one in found}
    shared = old.rules.keys() & new.rules.keys()
    single = old.rules.keys() ^ new.rules.keys()
    return Proven(
        found,
        [name for name in natural(shared & set(touched)) if name not in disputed],
        [name for name in natural(single) if name not in disputed],
    )


def apart(old: Knowledge, new: Knowledge) -> list[str]:
    """Return the findings of both that no value can be given for both: a number here, words or another unit there."""

    def kind(knowledge: Knowledge, name: str) -> tuple[bool, str]:
        return knowledge.findings[name].is_number, knowledge.findings[name].unit

    return [name for name in old.findings if name in new.findings and kind(old, name) != kind(new, name)]


class _Comparing:
    """One patient under two knowledge bases."""

    def __init__(self, old: Knowledge, new: Knowledge) -> None:
        self.old, self.new = old, new
        never_given = apart(old, new)
        self.before = Symbols(old)
        self.after = Symbols(new, "new ", shared=self.before, apart=never_given)
        self.sides = (self.before, self.after)
        self.solver = Solver(*self.sides)
        for side in self.sides:
            self.solver.assume(*(negated(side.given[name]) for name in never_given))

    def disagreements(self) -> Iterator[Disagreement]:
        status = either(*_told_otherwise(_statuses(self.before), _statuses(self.after)))
        yield from self.found(STATUS, STATUS, status)
        for name in natural({**self.old.rules, **self.new.rules}):
            if name in self.old.rules and name in self.new.rules:
                yield from self.of_rule(name, status)
            else:
                yield from self.of_one_base(name)

    def of_rule(self, name: str, status: Formula) -> Iterator[Disagreement]:
        """Yield a patient for each aspect in which the rule comes out otherwise.

        One to whom the rule applies in one of the two only comes before one whom they judge otherwise.
        """
        one, other = self.before.rule(name), self.after.rule(name)
        telling = list(self.found(name, VERDICT, differ(one.yes, other.yes)))
        yield from telling or self.found(name, VERDICT, different(one, other))
        for aspect, told in self.aspects(name):
            yield from self.found(name, aspect, both(one.yes, other.yes, told))
        if _weighs(self.old, name) != _weighs(self.new, name):
            yield from self.found(name, STATUS, both(either(one.yes, other.yes), status))

    def aspects(self, name: str) -> Iterator[tuple[str, Formula]]:
        """Yield when two answers in which a rule applies tell otherwise of it, by aspect."""
        if name in self.old.conflicts:
            told = [_sides(side, name) for side in self.sides]
            yield REFERENCES, either(*_told_otherwise(*(_cited(s, t) for s, t in zip(self.sides, told, strict=True))))
            yield STATEMENTS, either(*_told_otherwise(*told))
        if name not in self.old.statements:
            return
        first, second = self.old.statements[name], self.new.statements[name]
        yield FULFILLED, self.fulfilled(first, second)
        yield REFERENCES, both() if set(first.references) != set(second.references) else either()
        yield DOSES, either(*_told_otherwise(*(_doses(side, name) for side in self.sides)))

    def fulfilled(self, first: Statement, second: Statement) -> Formula:
        if first.fulfilled is None or second.fulfilled is None:
            return both() if first.fulfilled is not second.fulfilled else either()
        return different(self.before.sides(first.fulfilled), self.after.sides(second.fulfilled))

    def found(self, name: str, aspect: str, formula: Formula) -> Iterator[Disagreement]:
        """Yield a smallest patient for a formula, if there is one, as the evaluator judges that patient."""
        model = fewest(self.solver, formula, self.sides)
        if model is not None:
            patient = {**self.before.words(model), **self.after.words(model)}
            about = STATUS if aspect == STATUS else name
            told = [d for d in self.judged(patient) if (d.rule, d.aspect) == (about, aspect)]
            yield Disagreement(name, aspect, told[0].old, told[0].new, patient) if told else _never_so(patient)

    def judged(self, patient: Patient) -> Iterator[Difference]:
        return differences(_evaluated(self.old, patient), _evaluated(self.new, patient))

    def of_one_base(self, name: str) -> Iterator[Disagreement]:
        """Yield a smallest patient to whom a rule applies that the other base does not have."""
        side = self.before if name in self.old.rules else self.after
        model = fewest(Solver(side), side.rule(name).yes, [side])
        if model is not None:
            patient = side.words(model)
            if _evaluated(side.knowledge, patient).verdicts[name].verdict != APPLIES:
                _never_so(patient)
            words = (APPLIES, NOT_THERE) if side is self.before else (NOT_THERE, APPLIES)
            yield Disagreement(name, VERDICT, *words, patient)


def _evaluated(knowledge: Knowledge, patient: Patient) -> Consultation:
    known = {name: word for name, word in patient.items() if name in knowledge.findings}
    return evaluate(Judge(knowledge, findings_of(knowledge, known)))


def _never_so(patient: Patient) -> NoReturn:
    raise EngineError([Fault(f"the solver and the evaluator differ on {patient}", "Please report this.")])


def _weighs(knowledge: Knowledge, name: str) -> str | bool:
    """Return what a rule has to do with the status: the kind of a statement, whether a conflict decides it."""
    if name in knowledge.statements:
        return knowledge.statements[name].kind
    return name in knowledge.conflicts and knowledge.conflicts[name].decides_status


# What an answer can tell. ------------------------------------------------------------------


def _told_otherwise(one: Told, other: Told) -> Iterator[Formula]:
    """Yield for each thing that can be told when one answer tells it and the other does not."""
    for thing in {**one, **other}:
        yield differ(one.get(thing, either()), other.get(thing, either()))


def _statuses(symbols: Symbols) -> Told:
    """Return when each status but the last is given: the first of them that can be."""
    knowledge = symbols.knowledge
    deciding = [conflict.id for conflict in knowledge.conflicts.values() if conflict.decides_status]
    indications, roles = knowledge.statements_of("indication"), knowledge.statements_of("role")
    could = {
        "out_of_scope": symbols.sides(knowledge.guideline.requires).no,
        "conflict": either(*(symbols.rule(name).yes for name in deciding)),
        "indicated": either(*(symbols.rule(name).yes for name in indications)),
        "role_only": either(*(symbols.rule(name).yes for name in roles)),
        "undetermined": either(*(symbols.rule(name).unknown for name in (*indications, *roles))),
    }
    order = list(could)
    return {
        status: both(could[status], *(negated(could[before]) for before in order[: order.index(status)]))
        for status in order
    }


def _sides(symbols: Symbols, conflict: str) -> Told:
    """Return when each statement of each side of a conflict is named: while it is not ruled out."""
    sides = symbols.knowledge.sides(conflict)
    return {(number, name): negated(symbols.rule(name).no) for number, side in enumerate(sides) for name in side}


def _cited(symbols: Symbols, sides: Told) -> Told:
    """Return when a conflict cites each reference: while a statement that is named cites it."""
    statements = symbols.knowledge.statements
    citing: dict[Any, list[Formula]] = {}
    for (_, name), named in sides.items():
        for reference in statements[name].references:
            citing.setdefault(reference, []).append(named)
    return {reference: either(*named) for reference, named in citing.items()}


def _doses(symbols: Symbols, name: str) -> Told:
    """Return when each dose of a statement is given, among the patients to whom it applies."""
    statement = symbols.knowledge.statements[name]
    limit = statement.when
    told: dict[Any, Formula] = dict(_of_regimen(symbols, statement))
    if statement.spread is not None and isinstance(limit, AnyDose):
        told |= _of_spread(symbols, statement, limit)
    return told


def _of_regimen(symbols: Symbols, statement: Statement) -> Iterator[tuple[Any, Formula]]:
    regimen = statement.regimen
    if regimen is None:
        return
    for end in ends(regimen):
        note = regimen.lower_end if regimen.low != regimen.high and end == regimen.low else ""
        weights = WEIGHTS_BY_BASIS[regimen.weight]
        yield (end, regimen.days, note), negated(either(*(symbols.known[weight] for weight in weights)))
        for weight in weights:
            yield (end, regimen.days, note, weight, regimen.daily is not None), symbols.known[weight]


def _of_spread(symbols: Symbols, statement: Statement, limit: AnyDose) -> Iterator[tuple[Any, Formula]]:
    spread = statement.spread
    if spread is None:
        return
    for name, regimen in symbols.knowledge.regimens.items():
        for end in ends(regimen):
            days = days_of(spread, end)
            content = (spread.daily, days, spread.outside if days is None else "")
            for weight in WEIGHTS_BY_BASIS[regimen.weight]:
                test = DoseTest(end, weight, limit.operator, limit.grams)
                given = both(symbols.rule(name).yes, symbols.known[weight])
                for reading, part in (("total", 1), ("daily", regimen.days)):
                    yield (name, end, weight, reading, *content), both(given, symbols.dose_compares(test, part))
