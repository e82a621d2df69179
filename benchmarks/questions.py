"""How many findings and prompts a conversation needs, over the worked cases.

    python -m benchmarks.questions

Each worked case is asked in two ways: by a respondent who knows only what the case lists (and says
*unknown* to the rest), and by one who also knows the rest of the patient, as an ordinary one: no
to yes/no findings, no surgery, normal IgA. The fixed-order questionnaire asks every finding in the
order of the file and skips only what is not applicable.

A finding *cannot be spared* when another answer to it alone would give another status, dose, conflict or
verdict on what supports or opposes a use. Whoever does not ask it cannot tell the two patients apart, so a
planner that is to be right about both has to ask it, whatever its order: no planner asks fewer.
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
from engine.conversation import Conversation
from engine.errors import InputError
from engine.findings import REASONS, Given, governs, interpret
from engine.journal import begin
from engine.language import choices
from engine.loading import SHIPPED, load
from engine.model import Finding
from engine.replies import Answer
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
    """Return what a conversation has to settle at the least.

    Raises:
        InputError: when there can be no such patient.

    """
    findings = interpret(base.knowledge, {name: Given(word) for name, word in patient.items()})
    consultation = consult(base, findings)
    goals = (
        *base.knowledge.statements_of("indication", "role", "against", "contraindication"),
        *base.knowledge.conflicts,
    )
    verdicts = [consultation.verdicts[goal].verdict for goal in goals]
    return consultation.status, verdicts, list(consultation.doses)


def not_to_be_spared(base: RuleBase, patient: Patient) -> int:
    """Return how many findings no planner could spare."""
    whole = settled(base, patient)

    def comes_out_otherwise(name: str, word: str) -> bool:
        try:
            return settled(base, {**patient, name: word}) != whole
        except InputError:
            return False

    return sum(
        any(comes_out_otherwise(name, word) for word in others(finding))
        for name, finding in base.knowledge.findings.items()
    )


def others(finding: Finding) -> list[str]:
    """Return answers to a finding, all of them or three where it is a number."""
    values = (
        [str(finding.low), ORDINARY.get(finding.name, "3"), str(finding.high)]
        if finding.is_number
        else choices(finding)
    )
    return [*values, "unknown"]


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
