"""Where the boxes of a derivation stand: findings, statements in frames, and conclusions.

Statements that lead to the same stand together in a frame, so that one line leaves for all of them.
A concept is the heading of the frames that lead to a dose by it, and no box between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from engine.derivations import CONCEPT, STATEMENT, Derivation, Node
from engine.model import natural

HEAD = 26.0
"""The height of the headings of the columns."""

BETWEEN = 10.0
"""The height between two boxes, or two frames."""

WITHIN = 4.0
"""The height between two boxes of a frame."""

FRAME = 6.0
"""What a frame leaves free round its boxes."""

HEADED = 18.0
"""The height of the heading of a frame."""

LANE = 10.0
"""The height of a line that passes below all frames."""

SWEEPS = 6
"""How often the boxes are put in the order of what they are connected with."""


class Frame(Struct, frozen=True):
    """Statements that lead to the same conclusions, and the concepts by which they do."""

    statements: tuple[Node, ...]
    concepts: tuple[Node, ...]
    leads_to: tuple[Node, ...]

    @property
    def is_drawn(self) -> bool:
        """Whether there is a frame to be seen: a statement alone needs none."""
        return bool(self.concepts) or len(self.statements) > 1

    @property
    def above(self) -> float:
        """The height that is left free above the first box."""
        return FRAME * self.is_drawn + HEADED * len(self.concepts)


class Arrangement(Struct, frozen=True):
    """The top of every box and frame; ``lanes`` has the heights at which lines pass below the frames.

    A lane is there for a finding that leads to a conclusion, and not only by a statement.
    """

    frames: Sequence[Frame]
    tops: Mapping[Node | Frame, float]
    lanes: Mapping[Node, float]
    heights: Mapping[Node | Frame, float]
    height: float

    def middle(self, box: Node | Frame) -> float:
        """Return the height of the middle of a box or a frame."""
        return self.tops[box] + self.heights[box] / 2

    def leaving(self, derived: Derivation) -> list[tuple[float, Sequence[Node]]]:
        """Return the height of each line that leaves for the conclusions, with those that it leads to."""
        lines = [(self.middle(frame), frame.leads_to) for frame in self.frames]
        return [*lines, *((height, leads_to(derived, finding)) for finding, height in self.lanes.items())]


def arranged(derived: Derivation, opposed: Collection[str], height_of: Callable[[Node], float]) -> Arrangement:
    """Return where the boxes of a derivation stand, in an order with few crossings.

    ``opposed`` has the statements that are against a use.
    """
    return _Arranging(derived, opposed, height_of).arrangement()


def leads_to(derived: Derivation, node: Node) -> tuple[Node, ...]:
    """Return the conclusions that a node leads to directly or by a concept, in their order."""
    targets = derived.targets(node)
    by_concepts = [one for target in targets if target.kind == CONCEPT for one in derived.targets(target)]
    return tuple(one for one in derived.conclusions if one in targets or one in by_concepts)


def frames(derived: Derivation, opposed: Collection[str]) -> list[Frame]:
    """Return the statements in frames, those first that lead to what stands on top; no frame is for and against."""
    alike: dict[tuple[bool, tuple[Node, ...], tuple[Node, ...]], list[Node]] = {}
    for name in natural(node.name for node in derived.columns[1]):
        statement = Node(STATEMENT, name)
        concepts = tuple(target for target in derived.targets(statement) if target.kind == CONCEPT)
        alike.setdefault((name in opposed, concepts, leads_to(derived, statement)), []).append(statement)
    made = [Frame(tuple(nodes), concepts, targets) for (_, concepts, targets), nodes in alike.items()]
    place = {node: number for number, node in enumerate(derived.conclusions)}
    return sorted(made, key=lambda frame: (place[frame.leads_to[-1]], place[frame.leads_to[0]]))


class _Arranging:
    """One arrangement as it is made."""

    def __init__(self, derived: Derivation, opposed: Collection[str], height_of: Callable[[Node], float]) -> None:
        self.derived = derived
        self.frames = frames(derived, opposed)
        self.findings = list(derived.columns[0])
        self.heights: dict[Node | Frame, float] = {
            node: height_of(node) for column in derived.columns for node in column if node.kind != CONCEPT
        }
        self.tops: dict[Node | Frame, float] = {}

    def arrangement(self) -> Arrangement:
        for _ in range(SWEEPS):
            self.frames = [self.ordered(frame) for frame in self.frames]
            below = self.place_frames()
            passing = [node for node in self.findings if leads_to(self.derived, node)]
            lanes = {node: below + LANE * (number + 0.5) for number, node in enumerate(passing)}
            wanted = {node: self.wanted(node, lanes) for node in self.findings}
            self.findings.sort(key=wanted.__getitem__)
            bottom = max(below + LANE * len(lanes), self.needs(self.findings), self.needs(self.derived.conclusions))
            self.place(self.findings, wanted, bottom)
        self.place_conclusions(lanes, bottom)
        return Arrangement(self.frames, self.tops, lanes, self.heights, bottom)

    def ordered(self, frame: Frame) -> Frame:
        """Return a frame with its statements in the order of what they rest on."""
        if not self.tops:
            return frame

        def height(statement: Node) -> float:
            return _mean([self.middle(node) for node in self.derived.sources(statement)])

        return Frame(tuple(sorted(frame.statements, key=height)), frame.concepts, frame.leads_to)

    def place_frames(self) -> float:
        """Put the frames below each other, and return where the last one ends."""
        y = HEAD
        for frame in self.frames:
            self.tops[frame] = y
            y += frame.above
            for statement in frame.statements:
                self.tops[statement] = y
                y += self.heights[statement] + WITHIN
            y += FRAME * frame.is_drawn - WITHIN
            self.heights[frame] = y - self.tops[frame]
            y += BETWEEN
        return y - BETWEEN

    def place_conclusions(self, lanes: Mapping[Node, float], bottom: float) -> None:
        """Put each conclusion near what leads to it; the status stands on top always."""
        wanted: dict[Node, float] = {}
        for node in self.derived.conclusions[1:]:
            leading = [self.middle(frame) for frame in self.frames if node in frame.leads_to]
            wanted[node] = _mean(leading or [lanes[f] for f in lanes if node in leads_to(self.derived, f)])
        self.place(self.derived.conclusions, {self.derived.conclusions[0]: 0.0, **wanted}, bottom)

    def wanted(self, finding: Node, lanes: Mapping[Node, float]) -> float:
        """Return the height at which the middle of a finding should be: among what it leads to."""
        statements = [self.middle(node) for node in self.derived.targets(finding) if node.kind == STATEMENT]
        return _mean([*statements, *([lanes[finding]] if finding in lanes else [])])

    def place(self, nodes: Sequence[Node], wanted: Mapping[Node, float], bottom: float) -> None:
        """Put boxes below each other in their order, each as near to where it should be as there is room."""
        y = HEAD
        for node in nodes:
            y = max(y, wanted[node] - self.heights[node] / 2)
            self.tops[node] = y
            y += self.heights[node] + BETWEEN
        for node in reversed(nodes):
            self.tops[node] = min(self.tops[node], bottom - self.heights[node])
            bottom = self.tops[node] - BETWEEN

    def needs(self, nodes: Iterable[Node]) -> float:
        """Return where a column ends whose boxes stand as close as they may."""
        return HEAD - BETWEEN + sum(self.heights[node] + BETWEEN for node in nodes)

    def middle(self, box: Node | Frame) -> float:
        return self.tops[box] + self.heights[box] / 2


def _mean(heights: Sequence[float]) -> float:
    return sum(heights) / len(heights) if heights else 0.0
