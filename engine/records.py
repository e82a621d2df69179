"""What a ledger holds: a consultation that was given, or what a clinician decided on one.

An entry is canonical JSON: who, when, and the digests of everything else. It is the leaf of the
ledger's tree; the receipt, the text that was shown and the knowledge are kept beside it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from engine.consultation import Consultation
from engine.errors import Fault, InputError, did_you_mean, listed, shortened
from engine.model import natural
from engine.receipts import canonical, digest, receipt

FORMAT: Final = "ivig-mg/entry/1"

CONSULTATION, RESPONSE = "consultation", "response"

REASONS = {
    "clinical_judgement": "the clinician judges otherwise for this patient",
    "patient_preference": "the patient wishes otherwise",
    "other_source": "another guideline or a local policy says otherwise",
    "known_contraindication": "something speaks against it that the guideline does not cover",
    "not_available": "the treatment or a test is not available",
    "finding_wrong": "a finding was given wrongly, or has changed",
    "statement_doubted": "a statement of the guideline is thought wrong or outdated",
    "other": "said in words",
}
"""Why a clinician overrides advice, by code."""

LONGEST_TEXT = 2000
LONGEST_NAME = 200

LARGEST = 5_000_000
"""The largest receipt or text that is recorded and read, in bytes."""


GREATEST = 2**53 - 1
"""The greatest number that canonical JSON can hold."""

Whole = Annotated[int, Meta(ge=0, le=GREATEST)]


Time = Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z$")]


class Entry(Struct, frozen=True, omit_defaults=True):
    """One entry of a ledger; of a response, ``to`` is the number of the consultation that it answers.

    ``time`` is in UTC, to the second; ``ledger`` the id of the ledger, ``patient`` a keyed hash. ``receipt``
    and ``shown`` are digests of the receipt and of the text that was shown, ``stored`` of both as they stand
    in the file, compressed; ``snapshot`` of the files of the knowledge, ``knowledge`` of what they say.
    ``applies`` has every statement and conflict that applied; ``sqlite`` is the version that wrote it.
    ``about`` has the statements and conflicts that a response names as the ones it is about.
    """

    format: Literal["ivig-mg/entry/1"]
    kind: str
    number: Whole
    time: Time
    actor: str
    ledger: str = ""
    patient: str = ""
    receipt: str = ""
    shown: str = ""
    stored: str = ""
    snapshot: str = ""
    knowledge: str = ""
    status: str = ""
    applies: tuple[str, ...] = ()
    sqlite: Whole = 0
    to: Whole = 0
    decision: str = ""
    reasons: tuple[str, ...] = ()
    text: str = ""
    about: tuple[str, ...] = ()

    @property
    def leaf(self) -> bytes:
        """The entry as the leaf of a tree."""
        return canonical(msgspec.to_builtins(self))


class Recording(Struct, frozen=True):
    """A consultation to be recorded: its entry without a number; its receipt and the text shown, compressed."""

    entry: Entry
    receipt: bytes
    shown: bytes


def read_entry(leaf: bytes) -> Entry:
    """Return the entry that a leaf states.

    Raises:
        ValueError: when it states none, or something beside one, or in another form than the canonical.

    """
    try:
        entry = msgspec.json.decode(leaf, type=Entry)
    except RecursionError:
        raise ValueError("too deep") from None
    datetime.fromisoformat(entry.time.removesuffix("Z"))
    # Almost every entry is told to be canonical by the first of these, which takes a tenth of the time of the other.
    if leaf != msgspec.json.encode(entry, order="sorted") and leaf != entry.leaf:
        raise ValueError("not canonical")
    return entry


def recording(consultation: Consultation, shown: str, snapshot: str, time: str, actor: str) -> Recording:
    """Return what is to be recorded of a consultation; ``snapshot`` is the digest of its knowledge's files.

    Raises:
        InputError: when its receipt or the text is larger than what is read again.

    """
    content, text = canonical(receipt(consultation)), shown.encode()
    for part, name in ((content, "the receipt"), (text, "the text that was shown")):
        if len(part) > LARGEST:
            found = f"{name} is too large to be recorded: {len(part)} of at most {LARGEST} bytes; nothing was recorded"
            raise InputError([Fault(found, "Leave '--record' out, or ask for less with '--brief'.")])
    packed = zlib.compress(content), zlib.compress(text)
    entry = Entry(
        FORMAT,
        CONSULTATION,
        0,
        time,
        name_of_actor(actor),
        receipt=digest(content),
        shown=digest(text),
        stored=stored(*packed),
        snapshot=snapshot,
        knowledge=consultation.knowledge.digest,
        status=consultation.status,
        applies=applying(consultation),
    )
    return Recording(entry, *packed)


def stored(receipt: bytes, shown: bytes) -> str:
    """Return the digest of a receipt and a text as they are stored, compressed."""
    return digest(receipt + shown)


def unpacked(packed: bytes) -> bytes:
    """Return a receipt or text that was compressed, all of it and nothing after it.

    Raises:
        ValueError: when it is damaged.

    """
    reading = zlib.decompressobj()
    try:
        content = reading.decompress(packed, LARGEST + 1)
    except zlib.error:
        raise ValueError("damaged") from None
    if not reading.eof or reading.unused_data or len(content) > LARGEST:
        raise ValueError("damaged")
    return content


def applying(consultation: Consultation) -> tuple[str, ...]:
    """Return the statements, then the conflicts, that apply."""
    knowledge = consultation.knowledge
    ids = [*natural(knowledge.statements), *natural(knowledge.conflicts)]
    return tuple(consultation.applying(ids))


def response(
    to: int,
    decision: str,
    reasons: tuple[str, ...],
    text: str,
    time: str,
    actor: str,
    about: tuple[str, ...] = (),
) -> Entry:
    """Return the entry of a clinician's decision on a consultation, without a number.

    Raises:
        InputError: when a reason is not known, or an overriding has none.

    """
    faults = list(_faults_of(decision, reasons, text))
    if faults:
        raise InputError(faults)
    return Entry(
        FORMAT,
        RESPONSE,
        0,
        time,
        name_of_actor(actor),
        to=to,
        decision=decision,
        reasons=tuple(dict.fromkeys(reasons)),
        text=" ".join(text.split()),
        about=tuple(natural(set(about))),
    )


def _faults_of(decision: str, reasons: tuple[str, ...], text: str) -> Iterator[Fault]:
    """Yield why a decision says nothing."""
    known = listed(list(REASONS), "or")
    for reason in reasons:
        if reason not in REASONS:
            yield Fault(
                f"'{shortened(reason)}' is not a known reason", did_you_mean(reason, REASONS) or f"Use {known}."
            )
    if decision == "overridden" and not reasons:
        yield Fault("advice is overridden for a reason", f"Give '--reason': {known}.")
    if "other" in reasons and not text.strip():
        yield Fault("the reason 'other' says nothing by itself", "Say it with '--text'.")
    if len(text) > LONGEST_TEXT:
        yield Fault(f"a text of {len(text)} signs", f"Say it in at most {LONGEST_TEXT}.")
    if not " ".join(text.split()).isprintable():
        yield Fault("the text holds a sign that cannot be printed", "Leave it out of '--text'.")


def name_of_actor(name: str) -> str:
    """Return a name as it is recorded: printable, blanks folded.

    Raises:
        InputError: when nothing is left of it, or it is too long.

    """
    words = " ".join(re.sub(r"[^\S ]+", " ", name).split())
    if not words or len(words) > LONGEST_NAME or not words.isprintable():
        raise InputError([Fault("this cannot be the name of who consults", "Give it with '--actor NAME'.")])
    return words
