"""A consultation as one HTML file for screen, phone and paper; the only user of jinja2.

The file is complete in itself: no script, no network, no clock. The same consultation gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jinja2
from msgspec import Struct

from engine import __version__
from engine.compiler import RuleBase
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, Consultation
from engine.contract import NOT_FROM_SOURCE, parameters_data
from engine.courses import Course, courses, same_doses
from engine.derivations import derivation
from engine.errors import listed
from engine.explanation import how
from engine.findings import shown
from engine.model import in_order, natural
from engine.questions import Question, open_questions
from engine.rendering import summary, timeline, words
from engine.rendering.diagram import diagram, in_words
from engine.rendering.explanation import Branch, Tree
from engine.rendering.page import joined, numbers
from engine.rendering.summary import Part

_STANDING = {APPLIES: "", UNDETERMINED: "not yet decided", RULED_OUT: "does not apply to this patient"}


class Told(Struct, frozen=True):
    """A statement or conflict as the report tells it; ``tree`` is how it was concluded."""

    id: str
    says: str
    cited: str = ""
    extra: str = ""
    tree: Branch | None = None
    because: str = ""


def render_report(base: RuleBase, consultation: Consultation) -> str:
    """Return the report of a consultation as HTML."""
    return environment().get_template("report.html").render(_Report(base, consultation).content())


def environment() -> jinja2.Environment:
    """Return what fills the templates; it escapes every word."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("engine.rendering"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class _Report:
    """The content of one report, part by part."""

    def __init__(self, base: RuleBase, consultation: Consultation) -> None:
        self.base = base
        self.consultation = consultation
        self.knowledge = consultation.knowledge
        self.scope = Tree(self.knowledge).scope

    def content(self) -> dict[str, Any]:
        """Return everything that the template puts on the page."""
        guideline = self.knowledge.guideline
        return {
            "title": guideline.title,
            "status": words.status_words(self.consultation),
            "against": self.told_all(summary.applying(self.consultation, *summary.OPPOSED)),
            "undecided_indications": self.undecided_indications(),
            "doses": self.doses(),
            "details": self.told_all(summary.applying(self.consultation, "regimen_detail")),
            "support": self.part(summary.support(self.consultation)),
            "cautions": self.part(summary.against(self.consultation)),
            "undecided_against": self.undecided_against(),
            "no_contraindication": words.no_contraindication(self.knowledge),
            "conflicts_of": words.conflicts_of(self.knowledge),
            "layer": self.layer,
            "named": self.named,
            "check_first": self.part(summary.check_first(self.consultation)),
            "beside": [self.part(part) for part in summary.beside(self.consultation) if part.statements],
            "conflicts": self.conflicts(),
            "questions": [self.question(question) for question in open_questions(self.consultation)],
            "timelines": self.timelines(),
            "derivation": self.derivation(),
            "scope": self.scope,
            "not_covered": guideline.not_covered,
            "notes": self.consultation.notes(),
            "outside": words.OUTSIDE,
            "parameters": list(self.parameters()),
            "not_from_source": NOT_FROM_SOURCE,
            "references": [self.knowledge.references[number] for number in in_order(self.knowledge.references)],
            "known": self.known(),
            "unknown": self.unknown(),
            "not_applying": self.not_applying(),
            "provenance": words.provenance(self.knowledge),
            "digest": self.knowledge.digest,
            "version": __version__,
            "on_top": [s for s in self.knowledge.document.values() if s.on_top],
            "document": [self.knowledge.document[name] for name in natural(self.knowledge.document)],
        }

    # Statements. ---------------------------------------------------------------------------

    def part(self, part: Part) -> Mapping[str, Any]:
        return {"heading": part.heading, "statements": self.told_all(part.statements)}

    def told_all(self, names: Iterable[str]) -> list[Told]:
        return [self.told(name) for name in names]

    def told(self, name: str) -> Told:
        """Return a statement that applies, with the tree of how it was concluded."""
        statement = self.knowledge.statements[name]
        labels = (words.rests_on(self.consultation, name), words.fulfilled(self.consultation, name))
        extra = joined(filter(None, labels), " ")
        because = words.because(self.consultation, name)
        return Told(name, statement.says, self.cited(name), extra, self.tree(name), because)

    def cited(self, name: str) -> str:
        """Return the references of a statement, and the layer it stands in."""
        references = numbers(self.knowledge.statements[name].references)
        return f"{references} {self.layer(name)}".rstrip()

    def layer(self, name: object) -> str:
        """Return the label of what stands in a layer."""
        return words.layer_label(self.knowledge, str(name))

    def named(self, names: Iterable[str]) -> str:
        """Name entries, those of a layer with its label."""
        return words.named(self.knowledge, names)

    def tree(self, name: str) -> Branch | None:
        tree = how(self.base, self.consultation, name)["tree"]
        return Tree(self.knowledge).branch(tree) if tree is not None else None

    def undecided_indications(self) -> list[str]:
        undecided = summary.undecided(self.consultation, "indication")
        return undecided if self.consultation.status == "role_only" else []

    def undecided_against(self) -> list[Told]:
        return [
            Told(
                name,
                self.knowledge.statements[name].says,
                self.cited(name),
                self.named(self.consultation.verdicts[name].missing),
            )
            for name in summary.undecided(self.consultation, *summary.OPPOSED)
        ]

    def not_applying(self) -> list[Mapping[str, Any]]:
        rules = (*natural(self.knowledge.statements), *natural(self.knowledge.conflicts))
        return [
            {
                "heading": heading,
                "rules": [self.not_told(name) for name in self.consultation.with_verdict(verdict, rules)],
            }
            for verdict, heading in ((UNDETERMINED, "Undetermined"), (RULED_OUT, "Ruled out"))
        ]

    def not_told(self, name: str) -> Told:
        verdict = self.consultation.verdicts[name]
        says = (self.knowledge.statements.get(name) or self.knowledge.conflicts[name]).says
        if verdict.verdict == UNDETERMINED:
            return Told(name, says, self.layer(name), f"waits for {self.named(verdict.missing)}")
        decided = words.findings_in_words(self.consultation, verdict.because)
        return Told(name, says, self.layer(name), f"because {decided}", tree=self.tree(name))

    # Doses and pictures. -------------------------------------------------------------------

    def doses(self) -> list[Mapping[str, Any]]:
        return [self.group(alike) for alike in same_doses(self.consultation)]

    def group(self, alike: list[str]) -> Mapping[str, Any]:
        doses = [dose for dose in self.consultation.doses if dose.statement == alike[0]]
        spread = words.by_reading(dose for dose in self.consultation.doses if dose.of == alike[0])
        return {
            "statements": self.told_all(alike),
            "lines": [(words.amount(d, self.knowledge), words.arithmetic(d), d.notes) for d in doses],
            "spread": [
                (
                    self.told(dose.statement),
                    words.spread(dose, readings, self.knowledge.statements[dose.statement]),
                    dose.notes,
                )
                for dose, readings in spread
            ],
        }

    def timelines(self) -> list[Mapping[str, str]]:
        return [self.timeline(course) for course in courses(self.consultation)]

    def timeline(self, course: Course) -> Mapping[str, str]:
        return {
            "regimen": listed(course.regimens),
            "picture": timeline.timeline(course, self.consultation),
        }

    def derivation(self) -> Mapping[str, Any]:
        """Return the picture of what led to the conclusions, with its words; nothing where nothing did."""
        derived = derivation(self.base, self.consultation)
        if not derived.edges:
            return {}
        return {"picture": diagram(derived, self.consultation), "words": in_words(derived, self.consultation)}

    # Conflicts and questions. --------------------------------------------------------------

    def conflicts(self) -> list[Mapping[str, Any]]:
        ids = natural(self.knowledge.conflicts)
        first = sorted(
            self.consultation.applying(ids), key=lambda name: not self.knowledge.conflicts[name].decides_status
        )
        return [self.conflict(name) for name in first]

    def conflict(self, name: str) -> Mapping[str, Any]:
        told = Told(name, self.knowledge.conflicts[name].says, self.layer(name), "", self.tree(name))
        sides = [self.side(side) for side in self.knowledge.sides(name)]
        return {"told": told, "sides": [side for side in sides if side]}

    def side(self, names: Iterable[str]) -> list[Mapping[str, Any]]:
        """Return the statements of one side, and how each comes out where it does not apply."""
        verdicts = self.consultation.verdicts
        return [
            {
                "id": name,
                "says": self.knowledge.statements[name].says,
                "cited": self.cited(name),
                "standing": _STANDING[verdicts[name].verdict],
            }
            for name in names
        ]

    def question(self, question: Question) -> Mapping[str, str]:
        decides = f"can decide {self.named(question.settles)}" if question.settles else ""
        completes = f"completes {self.named(question.completes)}" if question.completes else ""
        return {
            "asks": question.asks,
            "finding": question.finding,
            "reason": words.REASONS.get(question.reason, ""),
            "hangs_on": joined(filter(None, [decides, completes]), "; "),
        }

    # Findings. -----------------------------------------------------------------------------

    def known(self) -> list[Mapping[str, str]]:
        findings = self.consultation.findings
        return [
            {
                "asks": self.knowledge.findings[name].asks,
                "finding": name,
                "value": shown(value, self.knowledge.findings[name]),
                "origin": self.origin(name),
            }
            for name, value in findings.values.items()
        ]

    def origin(self, name: str) -> str:
        derived = self.consultation.findings.derived.get(name)
        if derived is None:
            return ""
        by = f" by {derived.parameter}: {NOT_FROM_SOURCE}" if derived.parameter else ""
        return f"follows from {joined(derived.source)}{by}"

    def unknown(self) -> Mapping[str, list[str]]:
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.consultation.unknown().items():
            by_reason.setdefault(reason, []).append(name)
        return by_reason

    def parameters(self) -> Iterable[Mapping[str, str]]:
        for name, setting in parameters_data(self.consultation).items():
            derived = (f"{f} = {shown(v, self.knowledge.findings[f])}" for f, v in setting["derived"].items())
            value = shown(setting["value"], self.knowledge.parameters[name])
            yield {"name": name, "value": value, "derived": joined(derived) or "derived nothing here"}
