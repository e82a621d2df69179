"""The derivation of a consultation as a picture, with the same in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from engine.consultation import Consultation
from engine.derivations import (
    AGAINST,
    CONCEPT,
    DECIDING,
    DOSE,
    FINDING,
    STATEMENT,
    STATUS,
    Derivation,
    Node,
)
from engine.dosing import Dose
from engine.errors import listed
from engine.language import plain
from engine.model import OPPOSED, SUPPORT
from engine.rendering import words
from engine.rendering.arrangement import FRAME, HEADED, Arrangement, Frame, arranged
from engine.rendering.drawing import LINE, PAD, TEXT, Line, Picture, box_height, led_lines_of, lines_of
from engine.rendering.page import joined, numbers

TITLE = "From findings to conclusions"

MARGIN = 2.0
"""What is left free at both sides, so that no border is cut."""

FINDINGS, FRAMES, CONCLUSIONS = 158.0, 258.0, 178.0
"""The widths of the columns."""

CURVES, TRUNKS = 32.0, 58.0
"""The widths between them: curves lead to statements; lines join, one trunk for each conclusion."""

AT_FRAMES = MARGIN + FINDINGS + CURVES
AT_CONCLUSIONS = AT_FRAMES + FRAMES + TRUNKS
WIDTH = AT_CONCLUSIONS + CONCLUSIONS + MARGIN
"""688 in all, which is what an A4 sheet leaves between margins of 14 mm: no letter gets smaller on paper."""

ASIDE = 13.0
"""How far the trunks keep from both sides."""

HALO = 3.0
"""How far from its ends a line interrupts those that it only crosses."""

APART = 5.0
"""How far a line that enters a conclusion keeps from lines that lead elsewhere."""

SILENT = "no indication or role applies"

HEADINGS = (
    ("Findings", MARGIN),
    ("Statements for or against a use", AT_FRAMES + FRAME),
    ("Conclusions", AT_CONCLUSIONS),
)


def diagram(derived: Derivation, consultation: Consultation) -> str:
    """Return the picture of a derivation as SVG."""
    return str(_Diagram(derived, consultation).draw())


# The same in words. ------------------------------------------------------------------------


def in_words(derived: Derivation, consultation: Consultation) -> list[str]:
    """Return all that the picture of a derivation says: a line for each conclusion, then for each statement."""
    nodes = [*derived.conclusions, *derived.columns[1]]
    return [_sentences(derived, consultation, node) for node in nodes]


def _sentences(derived: Derivation, consultation: Consultation, node: Node) -> str:
    name, *rest = label(node, consultation)
    says = f"{name}: {joined(rest, '; ')}"
    sources = [source for source in derived.sources(node) if source.name not in node.members]
    rests_on = f" It rests on {_named(derived, consultation, sources)}." if sources else ""
    return f"{says if says.endswith('.') else f'{says}.'}{rests_on}"


def _named(derived: Derivation, consultation: Consultation, nodes: Sequence[Node]) -> str:
    """Name nodes: what meets in a concept behind it in brackets."""
    statements = words.named(consultation.knowledge, [node.name for node in nodes if node.kind == STATEMENT])
    concepts = (
        f"{joined(label(node, consultation), ' ')} ({_named(derived, consultation, derived.sources(node))})"
        for node in nodes
        if node.kind == CONCEPT
    )
    findings = joined(joined(label(node, consultation), " ") for node in nodes if node.kind == FINDING)
    return joined(filter(None, [statements, *concepts, findings]), "; ")


def label(node: Node, consultation: Consultation) -> list[str]:
    """Return what stands in the box of a node, the first its name."""
    if node.kind == FINDING:
        return _finding(node.name, consultation)
    if node.kind == STATEMENT:
        return _statement(node.name, consultation)
    if node.kind == CONCEPT:
        layer = words.layer_label(consultation.knowledge, node.name)
        return [f"{node.name.replace('_', ' ')} {layer}".rstrip()]
    if node.kind == DOSE:
        doses = [dose for dose in consultation.doses if dose.statement == node.name]
        return [f"Dose {listed(node.members)}", *(_dose(dose, number) for number, dose in enumerate(doses))]
    if node.kind == AGAINST:
        return ["Against it", words.named(consultation.knowledge, node.members)]
    return [words.status_words(consultation).name, *_rests_on(node, consultation)]


def _finding(name: str, consultation: Consultation) -> list[str]:
    value = words.findings_in_words(consultation, [name]).partition(" = ")[2]
    return [words.called(consultation.knowledge.findings[name]), f"= {value}"]


def _statement(name: str, consultation: Consultation) -> list[str]:
    """Return a statement; a role or what is against a use says that it is no indication."""
    statement = consultation.knowledge.statements[name]
    kind = f"({statement.kind})" if statement.kind != SUPPORT[0] else ""
    parts = (kind, words.layer_label(consultation.knowledge, name), statement.says)
    return [f"{name} {numbers(statement.references)}", joined(filter(None, parts), " ")]


def _rests_on(status: Node, consultation: Consultation) -> Iterator[str]:
    """Yield what a status rests on; a conflict has both sides, and what makes it one."""
    knowledge = consultation.knowledge
    if status.name != "conflict":
        yield f"by {words.named(knowledge, status.members)}" if status.name in DECIDING else SILENT
        return
    kinds = {name: knowledge.statements[name].kind for name in status.members if name in knowledge.statements}
    for side, of in (("for it", SUPPORT), ("against it", OPPOSED)):
        if names := [name for name, kind in kinds.items() if kind in of]:
            yield f"{side}: {words.named(knowledge, names)}"
    yield f"decided by {words.named(knowledge, [name for name in status.members if name not in kinds])}"


def _dose(dose: Dose, number: int) -> str:
    either = "or " if number else ""
    if dose.total_g is None:
        return f"{either}{plain(dose.g_per_kg)} g/kg, no grams"
    return f"{either}{words.grams(dose.total_g)} by {words.basis(dose)} weight"


# The picture. ------------------------------------------------------------------------------


class Trunk(Struct, frozen=True):
    """The upright line to a conclusion: where it stands, what comes to it, and where it enters."""

    x: float
    comes: frozenset[float]
    enters: float

    @property
    def top(self) -> float:
        """Where it begins."""
        return min(self.enters, *self.comes)

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return max(self.enters, *self.comes)


class _Diagram:
    """One diagram as it is drawn."""

    def __init__(self, derived: Derivation, consultation: Consultation) -> None:
        self.derived = derived
        self.consultation = consultation
        self.opposed = consultation.knowledge.statements_of(*OPPOSED)
        self.arrangement: Arrangement = arranged(derived, self.opposed, lambda node: box_height(self.lines_of(node)))
        self.trunks = list(self.made_trunks())

    def lines_of(self, node: Node) -> list[Line]:
        name, *rest = label(node, self.consultation)
        if node.kind == FINDING:
            value, bracket, more = rest[0].partition(" (")
            return led_lines_of(name, value.replace(" ", "\N{NO-BREAK SPACE}") + bracket + more, FINDINGS)
        if node.kind == STATEMENT:
            return led_lines_of(name, rest[0], FRAMES - 2 * FRAME)
        plain_lines = [line for text in rest for line in lines_of(text, CONCLUSIONS, bold=False)]
        return [*lines_of(name, CONCLUSIONS, bold=True), *plain_lines]

    def made_trunks(self) -> Iterator[Trunk]:
        """Yield a trunk for each conclusion that something leads to."""
        leaving = self.arrangement.leaving(self.derived)
        step = (TRUNKS - 2 * ASIDE) / max(1, len(self.derived.conclusions) - 1)
        for number, node in enumerate(self.derived.conclusions):
            comes = frozenset(y for y, targets in leaving if node in targets)
            if comes:
                x = AT_CONCLUSIONS - TRUNKS + ASIDE + step * number
                yield Trunk(x, comes, self.entry(node, leaving))

    def entry(self, node: Node, leaving: Sequence[tuple[float, Sequence[Node]]]) -> float:
        """Return where a line enters a conclusion: straight on where it can, and apart from all that go elsewhere.

        On a line that goes on to another conclusion, what came to this one only would seem to go on too.
        """
        top, height = self.arrangement.tops[node], self.arrangement.heights[node]
        ending = [y for y, targets in leaving if targets[-1] == node]
        elsewhere = [y for y, targets in leaving if targets[-1] != node]

        def distance(y: float) -> float:
            return min((abs(y - other) for other in elsewhere), default=APART)

        straight = [y for y in ending if top + PAD <= y <= top + height - PAD]
        middle = [top + height / 2 + shift for shift in (0, APART, -APART, 2 * APART, -2 * APART)]
        free = (y for y in [*straight, *middle] if distance(y) >= APART)
        return next(free, max(middle, key=distance))

    def draw(self) -> Picture:
        described = joined(in_words(self.derived, self.consultation), " ")
        picture = Picture("derivation", TITLE, described, WIDTH, self.arrangement.height + MARGIN)
        for heading, x in HEADINGS:
            picture.text(heading, x, LINE, "dim", TEXT - 1)
        for frame in self.arrangement.frames:
            self.frame(picture, frame)
        self.curves(picture)
        self.lines(picture)
        for column, x, width in (
            (self.derived.columns[0], MARGIN, FINDINGS),
            (self.derived.columns[1], AT_FRAMES + FRAME, FRAMES - 2 * FRAME),
            (self.derived.conclusions, AT_CONCLUSIONS, CONCLUSIONS),
        ):
            for node in column:
                y = self.arrangement.tops[node]
                picture.words_in_box(self.lines_of(node), x, y, width, self.style(node), self.hover(node))
        return picture

    def frame(self, picture: Picture, frame: Frame) -> None:
        """Draw the frame of statements that lead to the same, with the concepts that they meet in."""
        if not frame.is_drawn:
            return
        top, knowledge = self.arrangement.tops[frame], self.consultation.knowledge
        says = joined((knowledge.concepts[node.name].says for node in frame.concepts), "; ")
        style = "node concept" if frame.concepts else "node"
        picture.box(AT_FRAMES, top, FRAMES, self.arrangement.heights[frame], style, says)
        for number, node in enumerate(frame.concepts):
            y = top + FRAME + HEADED * (number + 0.6)
            picture.text(label(node, self.consultation)[0], AT_FRAMES + FRAME + PAD, y, "inside bold dim", TEXT - 1)

    def curves(self, picture: Picture) -> None:
        """Draw what leads from findings to statements, and to the lanes below the frames."""
        middle, end = self.arrangement.middle, AT_FRAMES + FRAME
        to_statements = [(f, middle(target)) for f, target in self.derived.edges if target.kind == STATEMENT]
        for finding, y in [*to_statements, *self.arrangement.lanes.items()]:
            picture.curve(MARGIN + FINDINGS, middle(finding), AT_FRAMES - HALO, y)
            picture.line(AT_FRAMES - HALO, y, end, y, "edge")
        for _, y in to_statements:
            picture.head(end, y)

    def lines(self, picture: Picture) -> None:
        """Draw what leads to conclusions: where two lines are joined there is a dot, elsewhere they only cross."""
        for trunk in self.trunks:
            picture.line(trunk.x, trunk.top, trunk.x, trunk.bottom, "edge")
        for x1, x2, y in self.level():
            picture.line(x1 + HALO, y, x2 - HALO, y, "halo")
            picture.line(x1, y, x2, y, "edge")
        for trunk in self.trunks:
            for y in {*trunk.comes, trunk.enters}:
                if self.arms(trunk, y) > 2:
                    picture.dot(trunk.x, y)
            picture.head(AT_CONCLUSIONS, trunk.enters)

    def level(self) -> Iterator[tuple[float, float, float]]:
        """Yield beginning, end and height of the level lines: from what leads, and into the conclusions."""
        starts = [AT_FRAMES + FRAMES - FRAME * (not frame.is_drawn) for frame in self.arrangement.frames]
        starts += [AT_FRAMES + FRAME] * len(self.arrangement.lanes)
        for start, (y, _) in zip(starts, self.arrangement.leaving(self.derived), strict=True):
            yield start, max(trunk.x for trunk in self.trunks if y in trunk.comes), y
        for trunk in self.trunks:
            yield trunk.x, AT_CONCLUSIONS, trunk.enters

    def arms(self, trunk: Trunk, y: float) -> int:
        """Count the lines that meet on a trunk at some height: from each side, from above and below."""
        goes_on = any(y in other.comes for other in self.trunks if other.x > trunk.x)
        right = y == trunk.enters or (y in trunk.comes and goes_on)
        return (y in trunk.comes) + right + (y > trunk.top) + (y < trunk.bottom)

    def style(self, node: Node) -> str:
        if node.kind == STATUS:
            return f"node {words.status_words(self.consultation).style}"
        return "node bad" if node.kind == AGAINST or node.name in self.opposed else f"node {node.kind}"

    def hover(self, node: Node) -> str:
        """Return what is shown where the pointer rests on a box."""
        if node.kind == FINDING:
            return f"{words.sentence(self.consultation.knowledge, node.name)} ({node.name})"
        return ""
