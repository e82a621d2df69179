"""Beginnings for authors: skeletons of entries with the words that explain them, and a whole small base.

What is still to be written stands as ``???``, which no form takes: so the check says what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from engine import schemas
from engine.documents import Document, read
from engine.errors import Fault, InputError, Place, did_you_mean, listed, shortened
from engine.loading import is_base, is_layer, load

SKELETONS = {
    "statement": """\
{id}:
  # One sentence of the source, in our own words; never copy it.
  says: ???
  # indication, role, against, contraindication, caution, regimen, regimen_detail, co_treatment,
  # setting, monitoring, comparison, evidence, timing or context
  kind: ???
  # Where it stands: section and bullet, such as A1.2.
  source: ???
  # The numbers that the sentence cites.
  references: ['???']
  # When it applies: a test, or 'all:', 'any:' or 'at least N of:' with a list of tests.
  when: ???
""",
    "finding": """\
{id}:
  # The question a clinician is asked.
  asks: ???
  # What is asked about together.
  topic: ???
  # yes/no, choice (with 'choices: [one, other]'), whole number or number (with 'range: 1 to 9' and 'unit:')
  type: ???
  # help: What the question means.
  # undefined: What the source uses without defining it.
  # only if: a test on another finding, without which this one is not applicable
""",
    "concept": """\
{id}:
  # What is so when it holds.
  says: ???
  # A test, or 'all:', 'any:' or 'at least N of:' with a list of tests.
  when: ???
""",
    "conflict": """\
{id}:
  # The tension, told without settling it.
  says: ???
  # The sides, each a list of statements.
  between: [['???'], ['???']]
  when: ???
""",
    "case": """\
# Why this case exists, in one line.
{id}:
  says: ???
  findings:
    # Leave out what is unknown, or give the reason: unknown, pending.
    ???: ???
  # Derive what you expect by hand, from the source.
  expect:
    status: ???
    applies: []
    ruled_out: []
""",
}
"""The skeleton of each kind of entry."""

_FILES = {"finding": "findings", "concept": "concepts", "conflict": "conflicts"}
FOLDERS = {"statement": "statements", "case": "cases"}
"""The folder of each kind of entry that may stand in several files."""

_FIRST = {"statement": "S00", "conflict": "A00"}
"""What the first id of a kind follows on."""


def add_skeleton(folders: Sequence[Path], kind: str, file: str | None = None) -> Place:
    """Add a skeleton at the end of the right file of the last folder, and return where it begins.

    ``folders`` are a knowledge base and its layers. Only the names in them count, so that one can be begun
    while others are unfinished.

    Raises:
        InputError: when there is no such folder or file, or it cannot be read or written.

    """
    for folder in folders:
        _require_knowledge(folder)
    path = _file_for(folders[-1], kind, file)
    text = _text_of(path) or _names_schema(path, folders)
    before = text.rstrip("\n").removesuffix("{}").rstrip("\n") + "\n\n"
    skeleton = SKELETONS[kind].format(id=_free_id(folders, kind, path))
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(before + skeleton, encoding="utf-8")
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Check the folder.", Place(str(path)))]) from None
    return Place(str(path), before.count("\n") + 1)


def _require_knowledge(folder: Path) -> None:
    if not (is_base(folder) or is_layer(folder)):
        remedy = "Name its folder, or begin one with 'ivig-mg knowledge new base DIR'."
        raise InputError([Fault("there is no knowledge base or layer here", remedy, Place(str(folder)))])


def _file_for(folder: Path, kind: str, file: str | None) -> Path:
    if kind in _FILES:
        return folder / f"{_FILES[kind]}.yaml"
    there = {path.stem: path for path in sorted((folder / FOLDERS[kind]).glob("*.yaml"))}
    if file is None and len(there) == 1:
        return next(iter(there.values()))
    if file in there:
        return there[file]
    place = folder / FOLDERS[kind]
    names = f"There are {listed(list(there))}." if there else "There is none yet."
    if file is None:
        remedy = f"Choose one with '--file NAME'. {names} {_how_to_begin(place / 'NAME.yaml')}"
        raise InputError([Fault(f"which file does the {kind} go into?", remedy, Place(str(place)))])
    remedy = f"{did_you_mean(file, there) or names} {_how_to_begin(place / f'{shortened(file)}.yaml')}"
    raise InputError([Fault(f"there is no file '{shortened(file)}'", remedy, Place(str(place)))])


def _how_to_begin(path: Path) -> str:
    return f"To begin a new file, save an empty one as {path} first."


def _text_of(path: Path) -> str:
    """Return the text of a file, empty where there is none; it need be no sound YAML, but it has to be text."""
    document = read(path) if path.exists() else Document(str(path))
    if document.faults and not document.lines and path.stat().st_size:
        raise InputError(document.faults)
    return "\n".join(document.lines)


def _free_id(folders: Sequence[Path], kind: str, path: Path) -> str:
    """Return an id that nothing has: the next number of statements or conflicts, else a name."""
    names = {file: read(file).names() for folder in folders for file in sorted(folder.rglob("*.yaml"))}
    taken = {name for there in names.values() for name in there}
    if kind not in _FIRST:
        return next(name for number in count(1) if (name := f"new_{kind}_{number}") not in taken)
    alike = [file for file in names if _kind_of(file) == _kind_of(path)]
    example = next((there[-1] for file in (path, *reversed(alike)) if (there := names.get(file))), _FIRST[kind])
    prefix, digits = _split(example)
    numbers = [int(number) for number in (_split(name)[1] for name in taken if _split(name)[0] == prefix) if number]
    return f"{prefix}{max(numbers, default=0) + 1:0{len(digits)}}"


# A whole base. -----------------------------------------------------------------------------

BASE = {
    "guideline.yaml": """\
# What this knowledge base is, where its source stands, and what the source leaves out.
id: my-guideline
edition: 1
title: What this guideline is about
treatment: the treatment

# Every statement and every conflict also requires this test.
requires: diagnosis is covered

# Where a statement can stand, with the SHA-256 of each bullet ('ivig-mg knowledge check --source FILE').
sections:
  A1:
    heading: The heading of the section
    part: The part it stands in
    bullets:
      - 0000000000000000000000000000000000000000000000000000000000000000

# Each is printed as "the source makes no statement on …".
not covered: []
""",
    "references.yaml": """\
1:
  entry: The first reference of the source
  basis: first listed
""",
    "findings.yaml": """\
diagnosis:
  asks: What is the diagnosis?
  topic: diagnosis
  type: choice
  choices: [covered, other]

ill:
  asks: Is the patient ill?
  topic: illness
  type: yes/no
  undefined: The source does not define it.
""",
    "concepts.yaml": "{}\n",
    "conflicts.yaml": "{}\n",
    "parameters.yaml": "{}\n",
    "context.yaml": "{}\n",
    "statements/first.yaml": """\
S01:
  says: Being ill is an indication for the treatment.
  kind: indication
  source: A1.1
  references: [1]
  when: ill
""",
    "cases/first.yaml": """\
# The one statement applies.
ill_patient:
  says: A patient who is ill.
  findings:
    diagnosis: covered
    ill: yes
  expect:
    status: indicated
    applies: [S01]
    references: {S01: [1]}

# And it is ruled out.
patient_who_is_not_ill:
  says: A patient who is not ill.
  findings:
    diagnosis: covered
    ill: no
  expect:
    status: no_statement
    ruled_out: [S01]

# And the guideline is silent on any other diagnosis.
patient_with_another_diagnosis:
  says: A patient who is ill with something else.
  findings:
    diagnosis: other
    ill: yes
  expect:
    status: out_of_scope
    ruled_out: [S01]
""",
}
"""The files of a first knowledge base."""


def begin_base(folder: Path) -> None:
    """Write a first knowledge base into a new folder.

    Raises:
        InputError: when the folder is there already and holds something, or cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            found = "the folder holds something already"
            raise InputError([Fault(found, "Name a new folder; nothing was written.", Place(str(folder)))])
        for name, text in BASE.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(_names_schema(path, [folder]) + text, encoding="utf-8")
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place.", Place(str(folder)))]) from None
    there = folder / schemas.FOLDER
    there.mkdir()
    for name, text in schemas.texts(load(folder)).items():
        (there / name).write_text(text, encoding="utf-8")


def _split(name: str) -> tuple[str, str]:
    """Return a name without the digits at its end, and the digits."""
    prefix = name.rstrip("0123456789")
    return prefix, name[len(prefix) :]


def _kind_of(file: Path) -> str:
    return file.parent.name if file.parent.name in FOLDERS.values() else file.stem


def _names_schema(file: Path, folders: Sequence[Path]) -> str:
    """Return the line by which an editor finds the schema of a file; that of cases stands in the last folder."""
    kind = _kind_of(file)
    schema = (folders[-1] if kind == "cases" else folders[0]) / schemas.FOLDER / schemas.file_name(kind)
    return f"# yaml-language-server: $schema={Path(os.path.relpath(schema, file.parent)).as_posix()}\n"
