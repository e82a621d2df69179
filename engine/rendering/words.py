"""How a status, a finding and a dose are said: the same words on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec import Struct

from engine.consultation import Consultation
from engine.contract import NOT_FROM_SOURCE
from engine.dosing import Dose
from engine.errors import listed
from engine.findings import shown
from engine.language import plain
from engine.model import WEIGHTS_BY_BASIS, AnyDose, Finding, Knowledge, Test, natural, parts
from engine.rendering.page import joined


class StatusWords(Struct, frozen=True):
    """A status in words: its name, how grave it is (good, warn or bad), and a sentence."""

    name: str
    style: str
    sentence: str


# {treatment} is what the guideline is about.
_STATUS = {
    "indicated": StatusWords(
        "INDICATED", "good", "The source names at least one indication for {treatment} that this patient meets."
    ),
    "conflict": StatusWords(
        "CONFLICT",
        "bad",
        "The source supports {treatment} for this patient and also argues against it; it does not say which prevails.",
    ),
    "role_only": StatusWords(
        "ROLE ONLY",
        "warn",
        "No indication is met so far; the source reports a role or an effect of {treatment} for this patient.",
    ),
    "undetermined": StatusWords(
        "UNDETERMINED",
        "warn",
        "Too little is known to say whether the source supports {treatment} for this patient.",
    ),
    "no_statement": StatusWords(
        "NO STATEMENT",
        "warn",
        "The source names no indication or role of {treatment} for this patient. Silence alone is not advice.",
    ),
    "out_of_scope": StatusWords(
        "OUT OF SCOPE",
        "warn",
        "The diagnosis given is not the one the source is about; it makes no statement on this patient.",
    ),
}

_WITH_LAYERS = {
    "indicated": "The source, or a layer, names at least one indication for {treatment} that this patient meets.",
    "conflict": (
        "{treatment} is supported for this patient and also argued against, by the source or by a layer;"
        " nothing here says which prevails."
    ),
    "role_only": (
        "No indication is met so far; the source, or a layer, reports a role or an effect"
        " of {treatment} for this patient."
    ),
    "undetermined": "Too little is known to say whether the source, or a layer, supports {treatment} for this patient.",
    "no_statement": (
        "Neither the source nor a layer names an indication or role of {treatment} for this patient."
        " Silence alone is not advice."
    ),
}
"""The sentences of the statuses where layers are laid over the guideline: what stands below says which is which."""

REASONS = {"unknown": "asked, not known", "pending": "pending"}
"""Why a finding is unknown, where that is worth a word."""

_NO_CONTRAINDICATION = "{} states no contraindication. That does not mean there is none."

OUTSIDE = "These notes decide nothing above."

FULFILLED = {"yes": "Fulfilled.", "no": "NOT FULFILLED.", "unknown": "Whether this is fulfilled is unknown."}

_READINGS = {"total": "of the course", "daily": "of one day"}


def status_words(consultation: Consultation) -> StatusWords:
    """Return the status of a consultation in words."""
    words = words_of_status(consultation.status, consultation.knowledge)
    if consultation.status == "no_statement" and consultation.applying(consultation.knowledge.statements):
        return StatusWords(words.name, words.style, f"{words.sentence} Other statements do apply: see below.")
    return words


def words_of_status(status: str, knowledge: Knowledge) -> StatusWords:
    """Return a status under a knowledge base in words."""
    words = _STATUS[status]
    sentence = _WITH_LAYERS.get(status, words.sentence) if knowledge.layers else words.sentence
    return StatusWords(words.name, words.style, sentence.format(treatment=knowledge.guideline.treatment))


def status_name(status: str) -> str:
    """Return the name of a status."""
    return _STATUS[status].name


def layer_label(knowledge: Knowledge, name: str) -> str:
    """Say which layer an entry stands in; nothing for what the guideline's own source says."""
    layer = knowledge.layer_of.get(name)
    return f"(layer {layer})" if layer is not None else ""


def named(knowledge: Knowledge, names: Iterable[str]) -> str:
    """Name entries, those of a layer together and with its label; those of the source first."""
    return grouped(names, lambda name: layer_label(knowledge, name))


def grouped(names: Iterable[str], label_of: Callable[[str], str]) -> str:
    """Name entries, those of one label together and with it; those that have none first."""
    groups = by_label(names, label_of)
    return joined((f"{joined(alike)} {label}".rstrip() for label, alike in groups), "; ")


def by_label(names: Iterable[str], label_of: Callable[[str], str]) -> list[tuple[str, list[str]]]:
    """Return names by their label, those that have none first."""
    groups: dict[str, list[str]] = {"": []}
    for name in names:
        groups.setdefault(label_of(name), []).append(name)
    return [(label, alike) for label, alike in groups.items() if alike]


def sentence(knowledge: Knowledge, name: str) -> str:
    """Return what stands under a name: the question of a finding, the sentence of a rule."""
    if name in knowledge.findings:
        return knowledge.findings[name].asks
    return (knowledge.concepts.get(name) or knowledge.statements.get(name) or knowledge.conflicts[name]).says


def conflicts_of(knowledge: Knowledge) -> str:
    """Return the heading of the conflicts that apply."""
    return f"Conflicts and ambiguities of the source{' and of layers' if knowledge.layers else ''}"


def no_contraindication(knowledge: Knowledge) -> str:
    """Say that the guideline's own source states no contraindication, where it does not."""
    stated = knowledge.statements_of("contraindication")
    if any(name not in knowledge.layer_of for name in stated):
        return ""
    return _NO_CONTRAINDICATION.format("The guideline's own source" if stated else "The source")


def called(finding: Finding) -> str:
    """Return the name of a finding as people say it: no underscores, and no unit at its end."""
    unit = finding.unit.lower().replace("/", "_per_")
    return finding.name.removesuffix(f"_{unit}").replace("_", " ")


def by_name(finding: Finding) -> str:
    """Return the name of a finding as it is typed."""
    return finding.name


def rests_on(consultation: Consultation, name: str, call: Callable[[Finding], str] = by_name) -> str:
    """Label a rule that rests on a local parameter, or on a finding that is pending or could not be said."""
    findings, known = consultation.findings, consultation.knowledge.findings
    because = consultation.verdicts[name].because
    derived = (findings.derived.get(finding) for finding in because)
    parameters = natural({one.parameter for one in derived if one is not None and one.parameter})
    labels = [f"by {parameter}: {NOT_FROM_SOURCE}" for parameter in parameters]
    reasons = ((finding, _reason(consultation, finding)) for finding in because)
    labels += [f"{call(known[finding])}: {REASONS[reason]}" for finding, reason in reasons if reason]
    return f"({joined(labels, '; ')})" if labels else ""


def _reason(consultation: Consultation, finding: str) -> str:
    """Return why a finding is unknown, where that is worth a word."""
    reason = consultation.findings.reasons.get(finding, "")
    return reason if reason in REASONS and finding not in consultation.findings.values else ""


def fulfilled(consultation: Consultation, name: str) -> str:
    """Say whether what a statement asks for is fulfilled; nothing for one that asks for nothing."""
    truth = consultation.verdicts[name].fulfilled
    return FULFILLED[truth] if truth is not None else ""


def findings_in_words(
    consultation: Consultation, names: Iterable[str], call: Callable[[Finding], str] = by_name
) -> str:
    """Return findings with their values, those by a local parameter labelled."""
    findings, known = consultation.findings, consultation.knowledge.findings

    def one(name: str) -> str:
        derived = findings.derived.get(name)
        label = f" ({NOT_FROM_SOURCE})" if derived is not None and derived.parameter else ""
        if reason := _reason(consultation, name):
            label = f" ({REASONS[reason]})"
        label = f"{label} {layer_label(consultation.knowledge, name)}".rstrip()
        return f"{call(known[name])} = {shown(findings.values.get(name), known[name])}{label}"

    return joined(map(one, names))


def because(consultation: Consultation, name: str, call: Callable[[Finding], str] = by_name) -> str:
    """Return the findings that decided a rule, without those that every statement asks for."""
    scope = consultation.knowledge.guideline.requires
    asked_of_all = {part.finding for part in parts(scope) if isinstance(part, Test)}
    deciding = (finding for finding in consultation.verdicts[name].because if finding not in asked_of_all)
    return findings_in_words(consultation, deciding, call)


def provenance(knowledge: Knowledge) -> str:
    """Name the guideline, its edition and the digest of the knowledge."""
    guideline = knowledge.guideline
    layers = "".join(f", layer {layer.id} ({layer.title}, {layer.edition})" for layer in knowledge.layers)
    return f"Guideline {guideline.id}, edition {guideline.edition}{layers}, knowledge {knowledge.digest[:16]}…"


# Doses. ------------------------------------------------------------------------------------


def amount(dose: Dose, knowledge: Knowledge) -> str:
    """Return a dose of a regimen in grams, or what is missing for it."""
    if dose.total_g is not None:
        # A daily figure that the source does not state is arithmetic, and is said to be.
        divided = ", " if knowledge.regimens[dose.statement].daily is not None else "; if divided equally, "
        return f"{grams(dose.total_g)} in all{divided}{daily(dose)}"
    weights = WEIGHTS_BY_BASIS[knowledge.regimens[dose.statement].weight]
    unknown = listed([weight.removesuffix("_kg").replace("_", " ") for weight in weights])
    verb = "is" if len(weights) == 1 else "are"
    return f"{plain(dose.g_per_kg)} g/kg over {dose.days} days: no grams, for {unknown} {verb} unknown."


def amount_and_product(dose: Dose, knowledge: Knowledge) -> str:
    """Return a dose of a regimen in grams with what they are the product of, or what is missing for it."""
    product = arithmetic(dose)
    return amount(dose, knowledge) + (f" ({product})" if product else "")


def arithmetic(dose: Dose) -> str:
    """Return what the grams of a dose are the product of; nothing where there are none."""
    if dose.weight_kg is None:
        return ""
    by = f", by {dose.weight_by}: {NOT_FROM_SOURCE}" if dose.weight_by else ""
    return f"{plain(dose.g_per_kg)} g/kg × {plain(dose.weight_kg)} kg {basis(dose)} weight{by}"


def basis(dose: Dose) -> str:
    """Name the weight that a dose is by."""
    return (dose.weight_basis or "").replace("_", " ")


def spread(dose: Dose, readings: Iterable[str], knowledge: Knowledge) -> str:
    """Say how a large dose may be spread, and by which readings of the limit it is large."""
    readings = list(readings)
    of = listed([_READINGS[reading] for reading in readings])
    not_of = listed([says for reading, says in _READINGS.items() if reading not in readings], "or")
    limit = knowledge.statements[dose.statement].when
    grams_of_limit = limit.grams if isinstance(limit, AnyDose) else None
    over = f"above {grams(grams_of_limit)}" if grams_of_limit is not None else "large"
    by = f"{grams(dose.total_g or Decimal(0))} by {basis(dose)} weight"
    large = f"{by}: {over} if read {of}{f', not if read {not_of}' if not_of else ''}."
    same = ", the same as above" if dose.days == knowledge.regimens[dose.of or ""].days else ""
    still = grams_of_limit is not None and (dose.daily_g or 0) > grams_of_limit
    return (
        f"{large} To consider: {_spread_over(dose, knowledge)}{same}{f'; a day is then still {over}' if still else ''}."
    )


def _spread_over(dose: Dose, knowledge: Knowledge) -> str:
    """Say what a dose that is spread comes to a day; of days that do not fit, that they do not."""
    stated = knowledge.statements[dose.statement].spread
    if dose.days is not None or stated is None:
        return daily(dose)
    a_day = grams(dose.daily_g or Decimal(0))
    return f"{a_day} a day, which comes to no whole number of days from {stated.shortest} to {stated.longest}"


def unknown_weights(consultation: Consultation, regimen: str) -> str:
    """Say by which weight a regimen has no dose, where it has one by another; nothing where that is not so."""
    weights = WEIGHTS_BY_BASIS[consultation.knowledge.regimens[regimen].weight]
    unknown = [weight for weight in weights if weight not in consultation.findings.values]
    if not unknown or len(unknown) == len(weights):
        return ""
    names = listed([weight.removesuffix("_kg").replace("_", " ") for weight in unknown], "or")
    return f"By {names}: no grams, for it is unknown."


def by_reading(doses: Iterable[Dose]) -> list[tuple[Dose, list[str]]]:
    """Return spread doses once each, with the readings of the limit that lead to them."""
    grouped: dict[tuple[object, ...], tuple[Dose, list[str]]] = {}
    for dose in doses:
        key = (dose.weight_basis, dose.g_per_kg)
        grouped.setdefault(key, (dose, []))[1].append(dose.reading or "")
    return list(grouped.values())


def grams(quantity: Decimal) -> str:
    """Return an amount in grams."""
    return f"{plain(quantity)} g"


def daily(dose: Dose) -> str:
    """Return the grams of one day, and for how many days."""
    return f"{grams(dose.daily_g or Decimal(0))} a day for {dose.days} days"
