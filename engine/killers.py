"""The cases that are missing: for a change that no case noticed, a patient who would tell it.

Where the solver finds none, the change changes no verdict, no status and no dose of any patient, and that is
proven. What a local parameter derives is beyond the solver: there patients are tried, and none found proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.contract import dose_data
from engine.dosing import days_of, ends
from engine.errors import InputError
from engine.findings import CM_PER_INCH, Findings, Given, interpret, shown
from engine.language import plain
from engine.model import (
    ACTUAL_WEIGHT,
    IDEAL_WEIGHT,
    WEIGHTS_BY_BASIS,
    Condition,
    Formula,
    Knowledge,
    Parameter,
    Test,
    parts,
)
from engine.mutants import Killer, Mutant
from engine.proofs import comes_out, findings_of, smallest
from engine.solver import Formula as Claimed
from engine.solver import Patient, Sides, Solver, Symbols, both, different, either, negated
from engine.truth import Truth
from engine.verification import TOLD_OF_ENTRIES

WEIGHED = {ACTUAL_WEIGHT: "70", IDEAL_WEIGHT: "60"}
"""The weights of a patient who may have any, in kg."""


class Found(Struct, frozen=True):
    """What was found for a change: a case that notices it, or the proof that there is none, or neither."""

    killer: Killer | None = None
    proven: bool = False


def covering(knowledge: Knowledge, rule: str, test: Condition, truth: Truth) -> Killer | None:
    """Return a case in which a test comes out one way, or None where there is none."""
    any_ = Symbols(knowledge)
    solver = Solver(any_)
    sides = any_.sides(test)
    wanted = sides.yes if truth is Truth.YES else sides.no
    model = _model(solver, any_, both(wanted, any_.sides(knowledge.guideline.requires).yes), wanted)
    if model is None:
        return None
    patient = smallest(knowledge, any_.words(model), lambda judge: judge.judge(test).truth is truth)
    return Killer(patient, _verdict(evaluate(Judge(knowledge, findings_of(knowledge, patient))), rule))


def search(knowledge: Knowledge, mutant: Mutant) -> Found:
    """Return a case that would notice a change, or say whether it is proven that there is none."""
    return _Search(knowledge, mutant).found()


def _model(solver: Solver, any_: Symbols, *formulas: Claimed) -> Any | None:
    """Return a model of the first formula that has one, with round weights where they may be any."""
    weights = [
        either(negated(any_.known[name]), any_.equals(any_.knowledge.findings[name], Decimal(number)))
        for name, number in WEIGHED.items()
        if name in any_.knowledge.findings
    ]
    for formula in formulas:
        model = solver.model(formula, *weights) or solver.model(formula)
        if model is not None:
            return model
    return None


class _Search:
    """The search for one patient who tells a knowledge base from the same with one change."""

    def __init__(self, knowledge: Knowledge, mutant: Mutant) -> None:
        self.knowledge = knowledge
        self.mutant = mutant
        self.one = Symbols(knowledge)
        self.two = Symbols(mutant.knowledge, shared=self.one)
        self.solver = Solver(self.one, self.two)
        self.keep = [name for name in WEIGHED if name in knowledge.findings] if mutant.on == "dose" else []

    def found(self) -> Found:
        for patient, parameters in self.candidates():
            if self.expected(patient, parameters):
                kept = self.smallest(patient, parameters)
                return Found(Killer(kept, self.expected(kept, parameters), parameters))
        return Found(proven=self.is_equivalent())

    def candidates(self) -> Iterator[tuple[Patient, Mapping[str, str]]]:
        """Yield patients who might tell, each with local parameters."""
        if self.mutant.on == "parameter":
            yield from self.set_by_parameter()
            return
        for formula in self.differing():
            model = _model(self.solver, self.one, formula)
            if model is not None:
                yield self.one.words(model), {}

    def smallest(self, patient: Patient, parameters: Mapping[str, str]) -> Patient:
        """Return the patient without every finding that telling does without.

        Where everyone tells it, the patient stays one to whom the entry applies.
        """
        told_of_all = self.mutant.on in ("reference", "kind", "side")
        verdict = self.verdict(patient) if told_of_all else None
        kept = dict(patient)
        for name in [name for name in reversed(kept) if name not in self.keep]:
            fewer = {key: word for key, word in kept.items() if key != name}
            if self.expected(fewer, parameters) and (not told_of_all or self.verdict(fewer) is verdict):
                kept = fewer
        return kept

    def verdict(self, patient: Patient) -> Truth:
        return Judge(self.knowledge, findings_of(self.knowledge, patient)).rule(self.mutant.entry).truth

    # What differs, as the solver puts it. --------------------------------------------------

    def differing(self) -> Iterator[Claimed]:
        """Yield formulas of which one at least is true of every patient for whom the answer changes."""
        one, two, name = self.one, self.two, self.mutant.entry
        match self.mutant.on:
            case "rule":
                yield from self.verdicts([name])
                yield from self.doses(name)
            case "scope" | "governor":
                yield from self.verdicts(self.knowledge.rules)
                requires = (symbols.sides(symbols.knowledge.guideline.requires) for symbols in (one, two))
                yield different(*requires)
            case "fulfilment":
                yield from _apart(*(symbols.sides(_fulfilled(symbols.knowledge, name)) for symbols in (one, two)))
            case "status":
                deciding = [c.id for c in self.knowledge.conflicts.values() if c.decides_status and c.id != name]
                yield both(one.rule(name).yes, *(negated(one.rule(other).yes) for other in deciding))
            case "side":
                lost = self.sides_of(self.knowledge) - self.sides_of(self.mutant.knowledge)
                involved = either(*(negated(one.rule(other).no) for other in sorted(lost)))
                yield both(one.rule(name).yes, involved)
                yield involved
            case "dose":
                yield from self.doses(name)
                yield from self.verdicts(self.knowledge.rules)
            case _:  # a reference or a kind is told of every patient
                yield one.rule(name).yes
                yield negated(one.rule(name).yes)

    def verdicts(self, names: Iterable[str]) -> Iterator[Claimed]:
        for name in names:
            yield from _apart(self.one.rule(name), self.two.rule(name))

    def doses(self, name: str) -> Iterator[Claimed]:
        """Yield that a statement with doses applies, with the weights known: alone, and with each regimen."""
        statement = self.knowledge.statements.get(name)
        if statement is None or (statement.regimen is None and statement.spread is None):
            return
        weights = [name for name in WEIGHED if name in self.knowledge.findings]
        known = [self.one.known[weight] for weight in weights]
        for regimen in (name, *self.knowledge.regimens):
            yield both(self.one.rule(name).yes, self.one.rule(regimen).yes, *known)

    def sides_of(self, knowledge: Knowledge) -> set[str]:
        return {name for side in knowledge.sides(self.mutant.entry) for name in side}

    def is_equivalent(self) -> bool:
        """Whether no patient told proves that there is none."""
        match self.mutant.on:
            case "parameter":
                return False
            case "governor":
                return self.changes_no_input()
            case "dose":
                return self.never_applies() or self.spreads_alike()
            case "rule":
                statement = self.knowledge.statements.get(self.mutant.entry)
                return statement is None or statement.spread is None or self.never_applies()
        return True

    def never_applies(self) -> bool:
        return self.solver.model(self.one.rule(self.mutant.entry).yes) is None

    def changes_no_input(self) -> bool:
        """Whether the same patients can be given, and nothing else is implied of them."""
        governor = self.knowledge.findings[self.mutant.entry].only_if
        solver = Solver(self.one)
        refused = solver.model(negated(both(*self.two.possible())))
        return refused is None and (governor is None or governor.value != "yes")

    def spreads_alike(self) -> bool:
        """Whether a dose of every regimen is spread over the same days, at the same figure a day."""
        name = self.mutant.entry
        before, after = (k.statements[name].spread for k in (self.knowledge, self.mutant.knowledge))
        if before is None or after is None or before.daily != after.daily:
            return False
        every_end = {end for regimen in self.knowledge.regimens.values() for end in ends(regimen)}
        return all(days_of(before, end) == days_of(after, end) for end in every_end)

    # What a local parameter derives. -------------------------------------------------------

    def set_by_parameter(self) -> Iterator[tuple[Patient, Mapping[str, str]]]:
        """Yield patients for whom what a parameter derives matters, with the findings that it is derived from."""
        parameter = self.knowledge.parameters[self.mutant.entry]
        for patient in self.patients_by(parameter.derives):
            for inputs, setting in _inputs(self.knowledge, parameter):
                given = {**{key: word for key, word in patient.items() if key != parameter.derives}, **inputs}
                yield given, {parameter.name: setting}

    def patients_by(self, finding: str) -> Iterator[Patient]:
        """Yield a patient to whom each rule applies that reads a finding, and each regimen dosed by it."""
        read = [
            name
            for name, condition in self.knowledge.rules.items()
            if any(isinstance(part, Test) and part.finding == finding for part in parts(condition))
        ]
        dosed = [name for name, r in self.knowledge.regimens.items() if finding in WEIGHTS_BY_BASIS[r.weight]]
        for name in (*read, *dosed):
            model = self.solver.model(self.one.rule(name).yes, self.one.known[finding])
            if model is not None:
                yield smallest(self.knowledge, self.one.words(model), comes_out([name], Truth.YES), keep=[finding])

    # What a case has to expect. ------------------------------------------------------------

    def expected(self, patient: Patient, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return what a case has to expect so that it fails under the change; nothing where it cannot."""
        try:
            before = evaluate(Judge(self.knowledge, _findings(self.knowledge, patient, parameters)))
        except InputError:
            return {}
        try:
            changed = self.mutant.knowledge
            after = evaluate(Judge(changed, _findings(changed, patient, parameters)))
        except InputError:  # a case that cannot be given fails, whatever it expects
            return {"status": before.status}
        return _difference(self.mutant.entry, before, after)


def _apart(one: Sides, other: Sides) -> Iterator[Claimed]:
    """Yield that only one of two conditions holds, then that they do not come out alike."""
    yield one.yes != other.yes
    yield different(one, other)


def _fulfilled(knowledge: Knowledge, name: str) -> Condition:
    return knowledge.statements[name].fulfilled or knowledge.rules[name]


def _findings(knowledge: Knowledge, patient: Patient, parameters: Mapping[str, str]) -> Findings:
    return interpret(
        knowledge, *({name: Given(word) for name, word in words.items()} for words in (patient, parameters))
    )


def _verdict(consultation: Consultation, name: str) -> dict[str, Any]:
    return {consultation.verdicts[name].verdict: [name]}


def _difference(name: str, before: Consultation, after: Consultation) -> dict[str, Any]:
    """Return the first thing in which an answer differs, as an expectation: of the changed entry, if it can be."""
    names = [name, *before.verdicts] if name in before.verdicts else before.verdicts
    for rule in names:
        if before.verdicts[rule].verdict != after.verdicts[rule].verdict:
            return _verdict(before, rule)
    for rule in (name,) if name in before.verdicts else ():
        for key, (_, told) in TOLD_OF_ENTRIES.items():
            if told(before, rule) != told(after, rule):
                return {key: {rule: told(before, rule)}}
    if before.status != after.status:
        return {"status": before.status}
    figures = [_figures(dose) for dose in before.doses]
    return {"doses": figures} if figures != [_figures(dose) for dose in after.doses] else {}


def _figures(dose: Any) -> dict[str, Any]:
    data = dose_data(dose)
    kept = {key: value for key, value in data.items() if key not in ("references", "notes")}
    return {key: "null" if v is None else v if isinstance(v, int) else shown(v) for key, v in kept.items()}


# The findings that a parameter derives from. -----------------------------------------------


def _inputs(knowledge: Knowledge, parameter: Parameter) -> Iterator[tuple[dict[str, str], str]]:
    """Yield findings from which a parameter derives something, with its setting: about every figure it has."""
    if parameter.formulas is None:
        middle = ((parameter.low or Decimal(0)) + (parameter.high or Decimal(0))) // 2
        for number in (middle - 1, middle):
            yield {parameter.source: plain(number)}, plain(middle)
        return
    for name, formula in parameter.formulas.items():
        for sex in formula.base:
            for height in _heights(knowledge, formula):
                yield {formula.sex: sex, formula.height: plain(height), formula.not_for: "no"}, name


def _heights(knowledge: Knowledge, formula: Formula) -> Iterator[Decimal]:
    """Yield heights in cm: from an inch below where a formula begins, upwards by a tenth of an inch."""
    finding = knowledge.findings[formula.height]
    tenth = CM_PER_INCH / 10
    for step in range(-10, 200):
        height = formula.from_inches * CM_PER_INCH + step * tenth
        if finding.low is not None and finding.high is not None and finding.low <= height <= finding.high:
            yield height
