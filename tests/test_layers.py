"""Layers: another source laid over the guideline, always labelled, never in its place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from engine import explanation, journal
from engine.catalogue import describe, index, names
from engine.checking import check
from engine.compiler import compile_rules
from engine.consultation import Consultation, consult
from engine.contract import consultation_data
from engine.conversation import Conversation
from engine.derivations import derivation
from engine.errors import KnowledgeError
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load, read_all
from engine.model import Gate, Named, parts
from engine.planner import Planned
from engine.rendering.catalogue import render_entry, render_index
from engine.rendering.consultation import render_consultation
from engine.rendering.diagram import label
from engine.rendering.dialogue import Dialogue
from engine.rendering.explanation import render_explanation
from engine.rendering.plan import plan_data, render_plan
from engine.rendering.report import render_report
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.test_cli import failed, ivig

LAYER = SHIPPED / "layers" / "product_label"
LAID = compile_rules(load(SHIPPED, [LAYER]))


def consulted(**words: str) -> Consultation:
    given = {name: Given(word) for name, word in {"diagnosis": "myasthenia_gravis", **words}.items()}
    return consult(LAID, interpret(LAID.knowledge, given))


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A copy of the shipped layer."""
    return Path(shutil.copytree(LAYER, tmp_path / "layer"))


def test_it_is_off_by_default() -> None:
    assert BASE.knowledge.layers == ()
    assert not any(name.startswith("PL") for name in BASE.knowledge.rules)


def test_it_changes_no_verdict_and_no_dose_of_the_guideline() -> None:
    for case in CASES[::3]:
        plain, laid = (
            consult(base, interpret(base.knowledge, case.findings, case.parameters)) for base in (BASE, LAID)
        )
        assert {name: laid.verdicts[name] for name in plain.verdicts} == dict(plain.verdicts)
        assert list(plain.doses) == list(laid.doses)
        assert laid.status == plain.status or plain.status == "out_of_scope"


def test_a_contraindication_of_the_label_makes_a_conflict_that_shows_both_sides() -> None:
    consultation = consulted(myasthenic_crisis="yes", severe_immunoglobulin_reaction="yes")
    assert consultation.status == "conflict"
    said = " ".join(render_consultation(consultation).split())
    assert "IVIG is supported for this patient and also argued against, by the source or by a layer" in said
    assert (
        "Against it: PL08, A severe reaction to immunoglobulin before is a contraindication. (layer product_label)"
        in said
    )
    assert "The guideline's own source states no contraindication. That does not mean there is none." in said
    assert "The guideline's own source states no contraindication." in render_report(LAID, consultation).replace(
        "&#39;", "'"
    )


def test_each_of_its_statements_is_labelled_in_text_data_and_report() -> None:
    consultation = consulted(myasthenic_crisis="yes", age_years="70", sepsis="yes", blood_group="other")
    said = " ".join(render_consultation(consultation).split())
    html = render_report(LAID, consultation)
    data = consultation_data(consultation)
    assert data["layers"] == [
        {"id": "product_label", "edition": "2026-01", "title": "Product labels of intravenous immunoglobulin (US)"}
    ]
    for name in consultation.applying(LAID.knowledge.layer_of.keys() & LAID.knowledge.statements.keys()):
        statement = LAID.knowledge.statements[name]
        cited = f"[{','.join(map(str, statement.references))}] (layer product_label)"
        assert f"{statement.says} {cited}" in said
        assert cited in html
    by_id = {entry["id"]: entry for entry in [*data["statements"], *data["conflicts"]]}
    assert all(
        entry.get("layer") == ("product_label" if name.startswith("PL") else None) for name, entry in by_id.items()
    )


NAMES = re.compile(
    rf"(?<![\w-])({'|'.join(name for name in LAID.knowledge.layers[0].entries if re.search('[0-9_]', name))})(?![\w-])"
)
"""The names of the layer, but for those that are words of the language, too."""

WIDE = 1_000_000


def unlabelled(lines: Iterable[str]) -> list[str]:
    """Return the lines that name an entry of the layer, other than as what to type, and not the layer."""
    said = (re.sub(r"'(how|why-not) \w+'", "", line) for line in lines)
    return [line for line in said if NAMES.search(line) and "layer product_label" not in line]


def blocks(html: str) -> list[str]:
    """Return the text of every block of a page; what is drawn line by line is in the words of its picture."""
    html = re.sub(r"(?s)<style>.*?</style>|<text.*?</text>|<title>.*?</title>", "", html)
    ends = re.split(r"</(?:p|li|dt|dd|summary|desc|h\d)>|<(?:ul|details)\b[^>]*>", html)
    return [unescape(re.sub(r"<[^>]*>", "", block)) for block in ends]


EVERYTHING = {
    "myasthenic_crisis": "yes", "age_years": "70", "sepsis": "yes", "blood_group": "other", "iga_status": "deficient",
    "iga_antibodies": "pending", "hypersensitivity_history": "yes", "actual_weight_kg": "70",
}  # fmt: skip
PATIENTS: list[dict[str, str]] = [
    {},
    EVERYTHING,
    {**EVERYTHING, "iga_antibodies": "yes", "severe_immunoglobulin_reaction": "no"},
    {"surgery": "thymectomy", "hyperprolinaemia": "yes", "kidney_injury_predisposition": "unknown"},
]


@pytest.mark.parametrize("findings", PATIENTS)
def test_no_text_and_no_report_names_anything_of_a_layer_without_it(findings: dict[str, str]) -> None:
    consultation = consulted(**findings)
    for length in ("brief", "normal", "full"):
        assert unlabelled(render_consultation(consultation, length, WIDE).splitlines()) == []
    assert unlabelled(render_plan(LAID, consultation.findings, WIDE).splitlines()) == []
    assert unlabelled(blocks(render_report(LAID, consultation))) == []


@pytest.mark.parametrize("findings", PATIENTS)
def test_no_box_of_the_derivation_names_anything_of_a_layer_without_it(findings: dict[str, str]) -> None:
    consultation = consulted(**findings)
    nodes = [node for column in derivation(LAID, consultation).columns for node in column]
    assert unlabelled(" ".join(label(node, consultation)) for node in nodes) == []


IN_THE_COURSE = """\
PL21:
  says: Flush the line before the first infusion.
  kind: regimen_detail
  source: P1.1
  references: [US1]
  when: ivig_under_consideration
  course: {shows: before, label: flush the line}
"""


def test_what_a_layer_adds_to_a_course_is_labelled_in_its_picture(layer: Path) -> None:
    added(layer, "statements/label.yaml", IN_THE_COURSE)
    base = compile_rules(load(SHIPPED, [layer]))
    given = {name: Given(word) for name, word in {"diagnosis": "myasthenia_gravis", "dysphagia": "yes"}.items()}
    html = render_report(base, consult(base, interpret(base.knowledge, given)))
    assert "PL21 flush the line [US1] (layer product_label)</text>" in html
    assert "Before the first infusion: PL21 flush the line [US1] (layer product_label)." in html


@pytest.mark.parametrize("findings", PATIENTS)
def test_no_explanation_names_anything_of_a_layer_without_it(findings: dict[str, str]) -> None:
    consultation = consulted(**findings)
    knowledge = LAID.knowledge
    for name in knowledge.rules:
        for explain in (explanation.how, explanation.why_not):
            said = render_explanation(explain(LAID, consultation, name), knowledge, WIDE)
            assert unlabelled(said.splitlines()) == []
    changed = {"severe_immunoglobulin_reaction": Given("yes"), "iga_status": Given("normal")}
    said = render_explanation(explanation.what_if(LAID, consultation, changed), knowledge, WIDE)
    assert unlabelled(said.splitlines()) == []


def test_nothing_is_shown_of_a_layer_without_it() -> None:
    for name in names(LAID.knowledge):
        title, *said = render_entry(describe(LAID.knowledge, name), WIDE).splitlines()
        assert unlabelled(said) == []
        assert not NAMES.match(title) or "  product_label" in said
    assert unlabelled(render_index(index(LAID.knowledge), WIDE).splitlines()) == []


def test_no_dialogue_names_anything_of_a_layer_without_it(tmp_path: Path) -> None:
    dialogue = Dialogue(Conversation(LAID, journal.begin(tmp_path, LAID.knowledge.digest, {})), {}, WIDE)
    said = [dialogue.opening()]
    while not dialogue.settled and len(said) < 500:
        said += [dialogue.reply("why all"), dialogue.reply("?")]
        asked = dialogue.conversation.question()
        said.append(dialogue.reply(_answer(asked)))
    said += [dialogue.reply("review"), dialogue.reply("back"), dialogue.reply("so far")]
    lines = [line for text in said for line in text.splitlines()]
    assert any("iga_antibodies" in line for line in lines)
    assert unlabelled(lines) == []


def _answer(asked: Sequence[Planned]) -> str:
    """Say yes where that is an answer, and to the rest that it is not known."""
    types = {LAID.knowledge.findings[question.finding].type for question in asked}
    return "all y" if len(asked) > 1 else "y" if types == {"yes/no"} else "u"


def test_everything_of_a_layer_is_labelled_in_the_data() -> None:
    """Wherever an id stands for itself, in a consultation or a plan, its layer stands beside it."""
    consultation = consulted(**EVERYTHING)
    data = [consultation_data(consultation), plan_data(LAID, consultation.findings)]
    data += [explanation.how(LAID, consultation, name) for name in LAID.knowledge.rules]
    data += [explanation.why_not(LAID, consultation, name) for name in LAID.knowledge.rules]
    found = [node for part in data for node in _nodes(part)]
    named = [(node, node.get(key)) for node in found for key in ("id", "finding", "rule", "statement") if key in node]
    of_layer = [(node, name) for node, name in named if name in LAID.knowledge.layer_of]
    assert {name for _, name in of_layer} > {"PL03", "PLA2", "blood_group", "iga_antibodies"}
    assert all(node.get("layer") == "product_label" for node, name in of_layer if "explains" not in node)


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    for part in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _nodes(part)


def test_the_risk_of_large_doses_is_named_with_every_regimen_that_reaches_them_and_no_other() -> None:
    rule = LAID.knowledge.statements["PL05"].when
    assert rule is not None
    named = {part.name for part in parts(rule) if isinstance(part, Named)}
    assert named == {name for name, regimen in LAID.knowledge.regimens.items() if regimen.high >= 2}
    assert isinstance(rule, Gate)
    assert rule.needed == 1


def test_what_the_source_says_stands_before_what_the_layer_says() -> None:
    said = render_consultation(consulted(myasthenic_crisis="yes", severe_immunoglobulin_reaction="no"))
    cautions = said[said.index("AGAINST, AND CAUTIONS") :]
    assert cautions.index("S33") < cautions.index("PL01")


def test_the_commands_take_it() -> None:
    done = ivig("--layer", str(LAYER), "consult", "examples/crisis.yaml", "--format", "json")
    assert {entry["id"] for entry in json.loads(done.stdout)["layers"]} == {"product_label"}
    assert "Layer product_label" not in ivig("consult", "examples/crisis.yaml").stdout
    assert "LAYER\n  product_label" in ivig("--layer", str(LAYER), "show", "PL08").stdout
    assert (
        "layer product_label, P3.1"
        in ivig("--layer", str(LAYER), "explain", "examples/crisis.yaml", "why-not", "PL08").stdout
    )


REGIMEN = """\
PL20:
  says: Give 9 g/kg.
  kind: regimen
  source: P1.1
  references: [US1]
  when: dysphagia
  regimen: {total: 9 g/kg, over: 5 days, weight: actual}
"""
TAKEN = "the name stands already in"
CUT = """\
my_cut:
  says: A cut-off of the layer's own.
  type: number
  derives: iga_status
  range: 0 to 20
  from: serum_iga_g_per_l
  below: deficient
  otherwise: normal
"""
SAME_ID = "S12:\n  says: No.\n  kind: caution\n  source: P1.1\n  references: [US1]\n  when: sepsis\n"
DECIDES = "PLA9:\n  says: All is conflict.\n  when: ivig_supported\n  decides status: yes\n"


@pytest.mark.parametrize("words", [["next"], ["next", "--format", "json"], ["explain", "how", "PL01"]])
def test_every_command_on_a_patient_takes_it(words: list[str]) -> None:
    command = [words[0], "examples/crisis.yaml", *words[1:]]
    done = ivig("--layer", str(LAYER), *command)
    assert done.returncode == 0, done.stderr
    assert "PL" in done.stdout


@pytest.mark.parametrize(
    ("file", "entry", "found"),
    [
        ("statements/label.yaml", SAME_ID, f"S12: {TAKEN}"),
        ("statements/label.yaml", REGIMEN, "a layer cannot hold a regimen"),
        ("findings.yaml", "dysphagia:\n  asks: Other?\n  type: yes/no\n", f"dysphagia: {TAKEN}"),
        ("concepts.yaml", "ivig_supported:\n  says: Never.\n  when: not sepsis\n", f"ivig_supported: {TAKEN}"),
        ("conflicts.yaml", "A01:\n  says: No.\n  when: sepsis\n", f"A01: {TAKEN}"),
        ("references.yaml", "1:\n  basis: mine\n", "'1' where a name or an id was expected"),
        ("parameters.yaml", CUT, "it would derive 'iga_status', which what is below the layer reads"),
        (
            "conflicts.yaml",
            DECIDES,
            "it would decide the status by no statement of the layer that argues against a use",
        ),
    ],
)
def test_it_cannot_change_or_silence_what_is_below_it(layer: Path, file: str, entry: str, found: str) -> None:
    added(layer, file, entry)
    with pytest.raises(KnowledgeError) as caught:
        load(SHIPPED, [layer])
    assert found in str(caught.value)


def test_the_refusal_says_that_a_layer_only_adds(layer: Path) -> None:
    added(layer, "findings.yaml", "dysphagia:\n  asks: Other?\n  type: yes/no\n")
    error = failed(ivig("--layer", str(layer), "consult", "examples/crisis.yaml"))
    assert "A layer adds to what is below it, and never changes or silences it." in " ".join(error.split())


def test_a_layer_is_laid_once(layer: Path) -> None:
    with pytest.raises(KnowledgeError, match="this layer is laid over it twice") as problem:
        load(SHIPPED, [LAYER, LAYER])
    assert len(problem.value.faults) == 1
    with pytest.raises(KnowledgeError, match="there is a layer 'product_label' already"):
        load(SHIPPED, [LAYER, Path(shutil.copytree(LAYER, layer.parent / "copy"))])


def test_a_section_of_the_source_cannot_be_taken(layer: Path) -> None:
    text = (layer / "layer.yaml").read_text(encoding="utf-8")
    (layer / "layer.yaml").write_text(text.replace("  P4:", "  A1:"), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="section 'A1' stands already in what is below"):
        load(SHIPPED, [layer])


def test_faults_of_the_base_and_of_its_layers_stand_in_one_report(layer: Path, tmp_path: Path) -> None:
    base = copied(tmp_path / "base")
    changed(base, "statements/severe_disease.yaml", "S06:\n", "S06:\n  sayz: no\n")
    added(layer, "findings.yaml", "lonely:\n  asks: Alone?\n  type: maybe\n")
    added(layer, "statements/label.yaml", SAME_ID.replace("S12", "PL30").replace("sepsis", "{all: [S06, lonely]}"))
    added(layer, "cases/label.yaml", "nobody:\n  findings: {lonley: yes, lonely: yes}\n")
    found = [fault.found for fault in check(base, [layer]).faults]
    assert found == [
        "'sayz' is not a key of a statement",
        "'maybe' is not one of the words known here",
        "'lonley' is not a known finding",
    ]


def test_a_base_given_as_a_layer_and_a_layer_as_a_base_are_told_apart(layer: Path) -> None:
    assert [(fault.found, fault.remedy) for fault in read_all(SHIPPED, [SHIPPED]).faults] == [
        ("a knowledge base where a layer was expected", "Name it with '--knowledge'.")
    ]
    assert [(fault.found, fault.remedy) for fault in read_all(layer).faults] == [
        ("a layer where a knowledge base was expected", "Lay it over one with '--layer'.")
    ]


def test_a_regimen_of_a_layer_is_refused(layer: Path) -> None:
    added(layer, "statements/label.yaml", REGIMEN)
    found = "a layer cannot hold a regimen: the tests on doses of what is below it would read it"
    assert f"PL20: {found}" in [fault.found for fault in read_all(SHIPPED, [layer]).faults]


def test_a_layer_cannot_name_an_entry_like_a_section(layer: Path) -> None:
    added(layer, "conflicts.yaml", "A1:\n  says: Both.\n  when: sepsis\n")
    assert "A1: 'A1' is the code of a section" in [fault.found for fault in read_all(SHIPPED, [layer]).faults]


def test_a_folder_that_is_no_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="there is no such folder"):
        load(SHIPPED, [tmp_path / "nowhere"])
