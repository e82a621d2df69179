"""How many findings and prompts a conversation needs, over the worked cases.

    python -m benchmarks.questions

Each worked case is asked in two ways: by a respondent who knows only what the case lists (and says
*unknown* to the rest), and by one who also knows the rest of the patient, as an ordinary one: no
to yes/no findings, no surgery, normal IgA. The fixed-order questionnaire asks every finding in the
order of the file and skips only what is not applicable.

An answer *cannot be spared* when the consultation comes out otherwise without it, everything else
being known: so many findings any respondent has to be asked, by whatever planner.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.cases import load_cases
from engine.compiler import RuleBase, compile_rules
from engine.consultation import consult
from engine.conversation import Answer, Conversation
from engine.findings import REASONS, Given, governs, interpret
from engine.journal import begin
from engine.loading import SHIPPED, load
from engine.planner import GOAL_KINDS
from engine.truth import Truth

ORDINARY = {
    "diagnosis": "myasthenia_gravis",
    "surgery": "none",
    "iga_status": "normal",
    "serum_iga_g_per_l": "1.5",
    "age_years": "45",
    "actual_weight_kg": "70",
    "ideal_weight_kg": "62",
    "sex": "female",
    "height_cm": "168",
    "plasma_exchange_feasible": "yes",
}

Patient = Mapping[str, str]


def listed_only(base: RuleBase, words: Mapping[str, Given]) -> Patient:
    """Return what a case lists of its patient."""
    return {name: given.text for name, given in words.items()}


def ordinary(base: RuleBase, words: Mapping[str, Given]) -> Patient:
    """Return what a case lists, and an ordinary answer for all else that is applicable."""
    patient = {name: given.text for name, given in words.items() if given.text not in REASONS}
    for name, finding in base.knowledge.findings.items():
        values = interpret(base.knowledge, {key: Given(word) for key, word in patient.items()}).values
        if name not in values and governs(finding, values) is not Truth.NO:
            patient[name] = "2" if name == "grade" else ORDINARY.get(name, "no")
    return patient


def converse(base: RuleBase, patient: Patient, folder: Path) -> tuple[int, int, float]:
    """Return the findings asked, the prompts, and the longest wait for a next question in seconds."""
    conversation = Conversation(base, begin(folder, base.knowledge.digest, {}))
    prompts, longest = 0, 0.0
    while True:
        questions = conversation.question()
        if not questions:
            return len(conversation.answers), prompts, longest
        prompts += 1
        answers = [Answer(q.finding, patient.get(q.finding, "unknown")) for q in questions]
        start = time.perf_counter()
        conversation.give(answers)
        conversation.question()
        conversation.plan()
        longest = max(longest, time.perf_counter() - start)


def questionnaire(base: RuleBase, patient: Patient) -> int:
    """Return how many findings a fixed-order questionnaire asks."""
    asked: dict[str, str] = {}
    for name, finding in base.knowledge.findings.items():
        values = interpret(base.knowledge, {key: Given(word) for key, word in asked.items()}).values
        if governs(finding, values) is not Truth.NO:
            asked[name] = patient.get(name, "unknown")
    return len(asked)


def settled(base: RuleBase, patient: Patient) -> tuple[object, ...]:
    """Return what a conversation has to settle: the status, what it is about, and the doses."""
    consultation = consult(base, interpret(base.knowledge, {name: Given(word) for name, word in patient.items()}))
    goals = (*base.knowledge.statements_of(*GOAL_KINDS), *base.knowledge.conflicts)
    verdicts = [(consultation.verdicts[goal].verdict, consultation.verdicts[goal].fulfilled) for goal in goals]
    return consultation.status, verdicts, list(consultation.doses)


def not_to_be_spared(base: RuleBase, patient: Patient) -> int:
    """Return how many answers cannot be spared, everything else being known."""
    whole = settled(base, patient)

    def without(name: str) -> Patient:
        gone = {name, *(f.name for f in base.knowledge.findings.values() if f.only_if and f.only_if.finding == name)}
        return {key: word for key, word in patient.items() if key not in gone}

    return sum(settled(base, without(name)) != whole for name in patient)


def main() -> None:
    """Ask every worked case in both ways and print what it took."""
    base = compile_rules(load())
    cases = [case for case in load_cases(SHIPPED) if not case.parameters]
    everything = len(base.knowledge.findings)
    ways: Mapping[str, Callable[[RuleBase, Mapping[str, Given]], Patient]] = {
        "knows what the case lists": listed_only,
        "knows an ordinary patient": ordinary,
    }
    print(f"{len(cases)} worked cases, {everything} findings; medians, and the worst\n")
    for way, patient_of in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            taken = [converse(base, patient_of(base, case.findings), Path(folder)) for case in cases]
        fixed = [questionnaire(base, patient_of(base, case.findings)) for case in cases]
        needed = [not_to_be_spared(base, patient_of(base, case.findings)) for case in cases]
        findings, prompts = [asked for asked, _, _ in taken], [count for _, count, _ in taken]
        print(f"{way}:")
        for name, counts in (
            ("findings asked", findings),
            ("not to be spared", needed),
            ("prompts", prompts),
            ("fixed order", fixed),
        ):
            share = statistics.median(counts) / everything
            print(f"  {name:>16}: {statistics.median(counts):4.0f} ({share:.0%} of all findings), worst {max(counts)}")
        print(f"  {'longest wait':>16}: {max(wait for _, _, wait in taken) * 1000:.0f} ms to the next question\n")


if __name__ == "__main__":
    main()
