"""Layers: another source laid over the guideline, always labelled, never in its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.checking import check
from engine.compiler import compile_rules
from engine.consultation import Consultation, consult
from engine.contract import consultation_data
from engine.errors import KnowledgeError
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load, read_all
from engine.rendering.consultation import render_consultation
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
    assert "The source states no contraindication. That does not mean there is none." in said


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
    with pytest.raises(KnowledgeError, match="there is a layer 'product_label' already"):
        load(SHIPPED, [LAYER, LAYER])


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
