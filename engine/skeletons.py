"""Beginnings for authors: skeletons of entries with the words that explain them, and a whole small base.

What is still to be written stands as ``???``, which no form takes: so the check says what is missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine import schemas
from engine.errors import Fault, InputError, Place, listed
from engine.loading import load
from engine.model import Knowledge

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
_FOLDERS = {"statement": "statements", "case": "cases"}


def add_skeleton(folder: Path, knowledge: Knowledge, kind: str, file: str | None) -> Place:
    """Add a skeleton at the end of the right file, and return where it begins.

    Raises:
        InputError: when there is no such file, or it cannot be written.

    """
    path = _file_for(folder, kind, file)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    id_ = _free_id(knowledge, kind, text)
    before = text.rstrip("\n").removesuffix("{}").rstrip("\n") + "\n\n"
    skeleton = SKELETONS[kind].format(id=id_)
    try:
        path.write_text(before + skeleton, encoding="utf-8")
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Check the folder.", Place(str(path)))]) from None
    return Place(str(path), before.count("\n") + 1)


def _file_for(folder: Path, kind: str, file: str | None) -> Path:
    if kind in _FILES:
        return folder / f"{_FILES[kind]}.yaml"
    there = sorted((folder / _FOLDERS[kind]).glob("*.yaml"))
    chosen = [path for path in there if path.stem == file] if file is not None else there[:1] if len(there) == 1 else []
    if chosen:
        return chosen[0]
    names = listed([path.stem for path in there], "or") or "none yet"
    raise InputError([Fault(f"which file in {folder / _FOLDERS[kind]}?", f"Choose one with '--file NAME': {names}.")])


def _free_id(knowledge: Knowledge, kind: str, text: str) -> str:
    """Return an id that nothing has: the next number of statements or conflicts, else a name."""
    if kind in ("statement", "conflict"):
        taken = [*knowledge.statements, *knowledge.document] if kind == "statement" else list(knowledge.conflicts)
        mine = [name for name in taken if re.search(rf"^{name}:", text, re.MULTILINE)] or taken
        prefix, digits = _split(mine[-1]) if mine else ("S" if kind == "statement" else "A", "00")
        numbers = [int(number) for number in (_split(name)[1] for name in taken if _split(name)[0] == prefix) if number]
        return f"{prefix}{max(numbers, default=0) + 1:0{len(digits)}}"
    number = 1
    while re.search(rf"^new_{kind}_{number}:", text, re.MULTILINE):
        number += 1
    return f"new_{kind}_{number}"


def _split(name: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(\d*)", name)
    return (found[1], found[2]) if found is not None else (name, "")


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
            path.write_text(_names_schema(Path(name)) + text, encoding="utf-8")
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place.", Place(str(folder)))]) from None
    there = folder / schemas.FOLDER
    there.mkdir()
    for name, text in schemas.texts(load(folder)).items():
        (there / name).write_text(text, encoding="utf-8")


def _names_schema(file: Path) -> str:
    """Return the line by which an editor finds the schema of a file."""
    up = "../" * (len(file.parts) - 1)
    kind = file.parts[0] if up else file.stem
    return f"# yaml-language-server: $schema={up}{schemas.FOLDER}/{schemas.file_name(kind)}\n"
