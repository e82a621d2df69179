"""The derivation of a consultation as a picture: findings, statements, concepts and conclusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from engine.consultation import Consultation
from engine.derivations import CONFLICTS, DOSE, STATUS, Derivation, Node
from engine.dosing import Dose
from engine.errors import listed
from engine.language import plain
from engine.rendering import words
from engine.rendering.drawing import LINE, Line, Picture, box_height, lines_of
from engine.rendering.page import joined, numbers

COLUMNS = (("Findings", 182.0), ("For or against", 190.0), ("Concepts", 168.0), ("Conclusions", 226.0))
"""The heading and the width of each column."""

GUTTER = 44.0
"""The width between two columns, in which edges run."""

BETWEEN = 10.0
"""The height between two boxes of a column."""

MARGIN = 2.0
"""What is left free at both sides, so that no border is cut."""

VIA = "via"
"""The kind of a place where an edge passes a column."""

HEAD = 2 * LINE
SWEEPS = 8
"""How often the boxes are put in the order of what they are connected with."""

NAMES = {
    "dose_detail": "About the doses",
    "caution": "Cautions",
    "monitoring": "Monitoring and what goes with it",
    "comparison": "Comparisons",
    "expectation": "What to expect",
    CONFLICTS: "Conflicts and ambiguities",
}


def diagram(derived: Derivation, consultation: Consultation) -> str:
    """Return the picture of a derivation as SVG."""
    return str(_Diagram(derived, consultation).draw())


def in_words(derived: Derivation, consultation: Consultation) -> str:
    """Return all that the picture of a derivation says, as text."""
    targets: dict[Node, list[Node]] = {}
    for source, target in derived.edges:
        targets.setdefault(target, []).append(source)

    def said(node: Node) -> str:
        return joined(label(node, consultation), " ")

    rests = (f"{said(target)} ← {joined(map(said, sources))}." for target, sources in targets.items())
    return " ".join(rests)


def label(node: Node, consultation: Consultation) -> list[str]:
    """Return the lines of a node, the first its name."""
    knowledge = consultation.knowledge
    if node.kind == "finding":
        name, _, value = words.findings_in_words(consultation, [node.name]).partition(" = ")
        return [name, f"= {value}"]
    if node.kind == "statement":
        statement = knowledge.statements[node.name]
        layer = words.layer_label(knowledge, node.name)
        return [f"{node.name} {numbers(statement.references)} {layer}".rstrip(), statement.says]
    if node.kind == "concept":
        return [words.named(knowledge, [name]) for name in node.members]
    if node.name == STATUS:
        members = [words.named(knowledge, node.members)] if node.members else []
        return [words.status_words(consultation).name, *members]
    if node.name.startswith(DOSE) and node.name not in NAMES:
        doses = [dose for dose in consultation.doses if dose.statement == node.members[0]]
        return [f"Dose {listed(node.members)}", *(_dose(dose, number) for number, dose in enumerate(doses))]
    return [NAMES[node.name], words.named(knowledge, node.members)]


def _dose(dose: Dose, number: int) -> str:
    either = "or " if number else ""
    if dose.total_g is None:
        return f"{either}{plain(dose.g_per_kg)} g/kg, no grams"
    return f"{either}{words.grams(dose.total_g)} by {words.basis(dose)} weight"


class Routed(Struct, frozen=True):
    """A derivation with its long edges cut into one from each column to the next.

    Where an edge passes a column it has a place there, a node of kind `VIA`, which the edges of one
    source share; so no edge runs behind a box.
    """

    columns: list[list[Node]]
    edges: list[tuple[Node, Node]]


def routed(derived: Derivation) -> Routed:
    """Return a derivation with every edge from one column to the next, in an order with few crossings."""
    columns = [list(column) for column in derived.columns]
    place = {node: number for number, column in enumerate(columns) for node in column}
    edges: dict[tuple[Node, Node], None] = {}
    for source, target in derived.edges:
        last = source
        for number in range(place[source] + 1, place[target]):
            via = Node(VIA, source.name, (str(number),))
            if via not in columns[number]:
                columns[number].append(via)
            edges.setdefault((last, via))
            last = via
        edges.setdefault((last, target))
    _order(columns, list(edges))
    return Routed(columns, list(edges))


def _order(columns: list[list[Node]], edges: Sequence[tuple[Node, Node]]) -> None:
    """Put each column in the order of what its nodes are connected with, to and fro."""
    neighbours: dict[Node, list[Node]] = {}
    for source, target in edges:
        neighbours.setdefault(source, []).append(target)
        neighbours.setdefault(target, []).append(source)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else reversed(columns[:-1]):
            heights = _heights(columns)
            column.sort(key=lambda node: _mean([heights[other] for other in neighbours.get(node, [node])]))


def _heights(columns: Sequence[Sequence[Node]]) -> dict[Node, float]:
    """Return how far down in its column each node is, from 0 to 1."""
    return {node: (place + 0.5) / len(column) for column in columns for place, node in enumerate(column)}


def _mean(heights: Sequence[float]) -> float:
    return sum(heights) / len(heights)


class _Diagram:
    """One diagram as it is drawn."""

    def __init__(self, derived: Derivation, consultation: Consultation) -> None:
        self.derived = derived
        self.consultation = consultation
        self.routed = routed(derived)
        self.columns = self.routed.columns
        self.lines = {
            node: self.lines_of(node, width)
            for (_, width), column in zip(COLUMNS, self.columns, strict=True)
            for node in column
        }
        self.height = HEAD + max(map(self.column_height, self.columns))

    def lines_of(self, node: Node, width: float) -> list[Line]:
        if node.kind == VIA:
            return []
        texts = label(node, self.consultation)
        return [line for number, text in enumerate(texts) for line in lines_of(text, width, number == 0)]

    def box_height(self, node: Node) -> float:
        return box_height(self.lines[node]) if node.kind != VIA else 0.0

    def column_height(self, column: Sequence[Node]) -> float:
        return sum(self.box_height(node) + BETWEEN for node in column)

    def draw(self) -> Picture:
        width = sum(width for _, width in COLUMNS) + GUTTER * (len(COLUMNS) - 1) + 2 * MARGIN
        described = in_words(self.derived, self.consultation)
        picture = Picture("derivation", "From findings to conclusions", described, width, self.height)
        places = self.places()
        for source, target in self.routed.edges:
            self.edge(picture, places, source, target)
        for node, (x, y, box_width) in places.items():
            if node.kind == VIA:
                picture.line(x, y, x + box_width, y, "edge")
            else:
                picture.words_in_box(self.lines[node], x, y, box_width, self.style(node), self.hover(node))
        x = MARGIN
        for (heading, column_width), column in zip(COLUMNS, self.columns, strict=True):
            if column:
                picture.text(heading, x, LINE, "dim", 12)
            x += column_width + GUTTER
        return picture

    def places(self) -> dict[Node, tuple[float, float, float]]:
        """Return left, top and width of each box, the columns centred."""
        found: dict[Node, tuple[float, float, float]] = {}
        x = MARGIN
        for (_, width), column in zip(COLUMNS, self.columns, strict=True):
            y = HEAD + (self.height - HEAD - self.column_height(column)) / 2
            for node in column:
                found[node] = (x, y, width)
                y += self.box_height(node) + BETWEEN
            x += width + GUTTER
        return found

    def edge(
        self, picture: Picture, places: Mapping[Node, tuple[float, float, float]], source: Node, target: Node
    ) -> None:
        x1, y1, width = places[source]
        x2, y2, _ = places[target]
        end = y2 + self.box_height(target) / 2
        picture.curve(x1 + width, y1 + self.box_height(source) / 2, x2, end)
        if target.kind != VIA:
            picture.head(x2, end)

    def style(self, node: Node) -> str:
        if node.name == STATUS:
            return f"node {words.status_words(self.consultation).style}"
        against = node.kind == "statement" and self.consultation.knowledge.statements[node.name].kind in (
            "against",
            "contraindication",
        )
        return "node bad" if against else f"node {node.kind}"

    def hover(self, node: Node) -> str:
        knowledge = self.consultation.knowledge
        if node.kind in ("finding", "statement"):
            return words.sentence(knowledge, node.name)
        return joined((knowledge.concepts[name].says for name in node.members), "; ") if node.kind == "concept" else ""
