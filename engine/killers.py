"""The cases that are missing: for a change that no case noticed, a patient who would tell it.

Where there is none, the change makes no difference to any patient, and that is proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.contract import dose_data
from engine.findings import shown
from engine.model import ACTUAL_WEIGHT, IDEAL_WEIGHT, Knowledge
from engine.mutants import Killer, Mutant
from engine.proofs import Claim, comes_out, findings_of, smallest
from engine.solver import Patient, Solver, Symbols, different
from engine.truth import Truth


def killer(knowledge: Knowledge, mutant: Mutant) -> Killer | None:
    """Return a case that would notice a change, or None where no patient tells it."""
    if mutant.on in ("rule", "governor"):
        return _by_verdict(knowledge, mutant)
    for patient in _patients_of(knowledge, mutant):
        before, after = (_evaluated(k, patient) for k in (knowledge, mutant.knowledge))
        expect = _expected(mutant, before, after)
        if expect:
            return Killer(patient, expect)
    return None


def _by_verdict(knowledge: Knowledge, mutant: Mutant) -> Killer | None:
    """Return a patient for whom the changed rule, or any rule under a changed governor, comes out otherwise."""
    one = Symbols(knowledge)
    two = Symbols(mutant.knowledge, shared=one)
    solver = Solver(one, two)
    for name in [mutant.entry] if mutant.on == "rule" else list(knowledge.rules):
        first, second = one.rule(name), two.rule(name)
        model = solver.model(first.yes != second.yes) or solver.model(different(first, second))
        if model is not None:
            patient = smallest(knowledge, one.words(model), _tells(mutant, name))
            return Killer(patient, _verdict(_evaluated(knowledge, patient), name))
    return None


def _tells(mutant: Mutant, name: str) -> Claim:
    """Return the claim that a rule comes out otherwise under a change."""
    return lambda judge: judge.rule(name).truth is not Judge(mutant.knowledge, judge.findings).rule(name).truth


def _patients_of(knowledge: Knowledge, mutant: Mutant) -> Iterator[Patient]:
    """Yield patients to whom the changed entry applies, with weights: alone, and with each regimen."""
    any_ = Symbols(knowledge)
    solver = Solver(any_)
    weights = [name for name in (ACTUAL_WEIGHT, IDEAL_WEIGHT) if name in knowledge.findings]
    for name in (mutant.entry, *knowledge.regimens):
        weighed = [any_.known[weight] for weight in weights]
        apart = [any_.value[weights[0]] != any_.value[weights[1]]] if len(weights) == 2 else []
        model = solver.model(any_.rule(mutant.entry).yes, any_.rule(name).yes, *weighed, *apart)
        if model is not None:
            applies = comes_out([mutant.entry, name], Truth.YES)
            yield smallest(knowledge, any_.words(model), applies, keep=weights)
            yield smallest(knowledge, any_.words(model), applies)


def _evaluated(knowledge: Knowledge, patient: Patient) -> Consultation:
    return evaluate(Judge(knowledge, findings_of(knowledge, patient)))


def _verdict(consultation: Consultation, name: str) -> dict[str, Any]:
    return {consultation.verdicts[name].verdict: [name]}


def _expected(mutant: Mutant, before: Consultation, after: Consultation) -> dict[str, Any]:
    """Return what a case has to expect so that it fails under the change; nothing where it cannot."""
    name = mutant.entry
    if before.status != after.status:
        return {"status": before.status}
    if name in before.knowledge.statements and before.references(name) != after.references(name):
        return {"references": {name: before.references(name)}}
    if before.verdicts[name].fulfilled != after.verdicts[name].fulfilled:
        return {"fulfilled": {name: before.verdicts[name].fulfilled}}
    if [_figures(d) for d in before.doses] != [_figures(d) for d in after.doses]:
        return {"doses": [_figures(dose) for dose in before.doses]}
    return {}


def _figures(dose: Any) -> dict[str, Any]:
    data = dose_data(dose)
    kept = {key: value for key, value in data.items() if key not in ("references", "notes")}
    return {key: "null" if v is None else v if isinstance(v, int) else shown(v) for key, v in kept.items()}
