"""Holding the knowledge to its worked cases: what each expects against what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, Consultation, consult
from engine.contract import dose_data
from engine.errors import did_you_mean, listed
from engine.findings import interpret, shown
from engine.questions import open_questions


def check_case(base: RuleBase, case: Case) -> list[str]:
    """Return every expectation of a case that its consultation does not meet, in words.

    Raises:
        InputError: when the findings or parameters of the case cannot be used.

    """
    findings = interpret(base.knowledge, case.findings, case.parameters)
    return list(differences(consult(base, findings), case.expect))


def differences(consultation: Consultation, expect: Mapping[str, Any]) -> Iterator[str]:
    """Yield every expectation that a consultation does not meet, in words."""
    status = expect.get("status", consultation.status)
    if status != consultation.status:
        yield f"the status is {consultation.status}; the case expects {status}"
    for verdict in (APPLIES, RULED_OUT, UNDETERMINED):
        yield from _verdicts(consultation, verdict, expect.get(verdict, ()))
    for key, (is_so, found_in) in TOLD_OF_ENTRIES.items():
        for name, wanted in expect.get(key, {}).items():
            found = found_in(consultation, name) if name in consultation.verdicts else None
            if found != (list(wanted) if isinstance(wanted, tuple) else wanted):
                yield f"{name} {is_so} {_told(found)}; the case expects {_told(wanted)}"
    if "doses" in expect:
        yield from _doses(consultation, expect["doses"])
    if not expect.keys().isdisjoint(("open", "closed", "first")):
        yield from _questions(consultation, expect)


def _kind(consultation: Consultation, name: str) -> str | None:
    statements = consultation.knowledge.statements
    return statements[name].kind if name in statements else None


def _between(consultation: Consultation, name: str) -> list[str] | None:
    return consultation.involved(name) if name in consultation.knowledge.conflicts else None


TOLD_OF_ENTRIES: Mapping[str, tuple[str, Callable[[Consultation, str], Any]]] = {
    "fulfilled": ("is fulfilled:", lambda consultation, name: consultation.verdicts[name].fulfilled),
    "references": ("cites", Consultation.references),
    "kinds": ("is of kind", _kind),
    "between": ("stands between", _between),
}
"""What a case can expect of an entry by its name, apart from its verdict."""


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return listed([str(one) for one in value]) or "none"
    return "nothing" if value is None else str(value)


_SAID = {APPLIES: "applies", RULED_OUT: "is ruled out", UNDETERMINED: "is undetermined"}
_WANTED = {APPLIES: "to apply", RULED_OUT: "ruled out", UNDETERMINED: "undetermined"}


def _verdicts(consultation: Consultation, verdict: str, ids: tuple[str, ...]) -> Iterator[str]:
    for name in ids:
        if name not in consultation.verdicts:
            yield f"{name} is no statement, conflict or concept. {did_you_mean(name, consultation.verdicts)}".strip()
        elif consultation.verdicts[name].verdict != verdict:
            yield f"{name} {_SAID[consultation.verdicts[name].verdict]}; the case expects it {_WANTED[verdict]}"


def _doses(consultation: Consultation, expected: tuple[Mapping[str, str], ...]) -> Iterator[str]:
    found = [{key: _word(value) for key, value in dose_data(dose).items()} for dose in consultation.doses]
    wanted = [dict(dose) for dose in expected]
    unmet = [dose for dose in wanted if not any(_matches(dose, one) for one in found)]
    extra = [one for one in found if not any(_matches(dose, one) for dose in wanted)]
    for dose in unmet:
        yield f"a dose is missing: {_in_words(dose)}"
    for one in extra:
        yield f"a dose is given that the case does not expect: {_in_words(one)}"


def _matches(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    return all(found.get(key) == value for key, value in wanted.items()) and wanted.get("of") == found.get("of")


def _word(value: Any) -> str:
    return "null" if value is None else shown(value) if not isinstance(value, int) else str(value)


def _in_words(dose: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in dose.items() if key not in ("references", "notes"))


def _questions(consultation: Consultation, expect: Mapping[str, Any]) -> Iterator[str]:
    asked = [question.finding for question in open_questions(consultation)]
    for name in expect.get("open", ()):
        if name not in asked:
            yield f"{name} is not among the open questions; the case expects it there"
    for name in expect.get("closed", ()):
        if name in asked:
            yield f"{name} is among the open questions; the case expects it not to be"
    if "first" in expect and asked[:1] != [expect["first"]]:
        yield f"the first question is {asked[0] if asked else 'none'}; the case expects {expect['first']}"
