"""Everything that can go wrong, in one tree.

::

    IvigError
    ├── InputError          a case, a parameter or a name given by the user is at fault
    ├── KnowledgeError      the knowledge base is at fault
    └── EngineError         the inference engine broke its own rules; never the user's doing

Each carries faults, because a user mends all of them better than one of them. ``cli`` turns an
error into text once, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct


class Place(Struct, frozen=True):
    """Where a fault stands: a file, and the line and column (from 1) if there is one."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class Fault(Struct, frozen=True):
    """One fault: what was found, where, the line itself, and what to do about it."""

    found: str
    remedy: str = ""
    place: Place | None = None
    excerpt: str = ""


class IvigError(Exception):
    """Something is at fault, and the faults say what."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n\n".join(describe(fault) for fault in self.faults)


class InputError(IvigError):
    """What the user gave about a patient, or asked for by name, cannot be used."""


class KnowledgeError(IvigError):
    """The knowledge base cannot be used, for every reason listed."""


class EngineError(IvigError):
    """The inference engine contradicted itself; its session is thrown away."""


def describe(fault: Fault) -> str:
    """Return a fault as text: place and finding, the excerpt below it, then the remedy."""
    lines = [f"{fault.place}: {fault.found}" if fault.place else fault.found]
    if fault.excerpt:
        lines.append(f"    | {fault.excerpt}")
    if fault.remedy:
        lines.append(f"    {fault.remedy}")
    return "\n".join(lines)


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names like ``word``: those that have it as a part, then the most alike."""
    import difflib  # only where a name is wrong

    by_folded = {name.casefold().replace("-", "_"): name for name in sorted(known)}
    folded = word.casefold().replace("-", "_").replace(" ", "_")[:80]
    having = [name for key, name in by_folded.items() if f"_{folded}_" in f"_{key}_"]
    alike = [by_folded[key] for key in difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.55)]
    return list(dict.fromkeys([*having, *alike]))[:3]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "Did you mean a, b or c?", or nothing when no known name is near."""
    names = nearest(word, known)
    return f"Did you mean {listed(names, 'or')}?" if names else ""


def counted(number: int, word: str) -> str:
    """Return how many there are of something, in words: '1 row', '2,000 rows'."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def shortened(text: str, longest: int = 60) -> str:
    """Return text fit for a message: printable, on one line, cut where it is too long."""
    plain = text[: longest + 1]
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in plain)
    return plain if len(plain) <= longest else plain[:longest] + "…"
