"""The derivation: it shows what decided, all of it and nothing else."""

from __future__ import annotations

import itertools
import re
from html import unescape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.cases import Case
from engine.compiler import RuleBase, compile_rules
from engine.consultation import Consultation, consult
from engine.courses import same_doses
from engine.derivations import (
    AGAINST,
    CONCEPT,
    DOSE,
    FINDING,
    STATEMENT,
    STATUS,
    Derivation,
    Node,
    derivation,
)
from engine.findings import Given, interpret
from engine.model import OPPOSED, SUPPORT, WEIGHTS_BY_BASIS, Knowledge, Test, natural, parts
from engine.rendering.arrangement import HEAD, arranged, frames, leads_to
from engine.rendering.diagram import diagram, in_words
from engine.rendering.report import render_report
from tests.conftest import CASES, Consult
from tests.random_knowledge import knowledge_bases, patients

KINDS = (FINDING, STATEMENT, CONCEPT)


def below(derived: Derivation, node: Node) -> set[Node]:
    """Return everything that a node rests on, directly or not."""
    return {found for source in derived.sources(node) for found in (source, *below(derived, source))}


def findings_that_decided(consultation: Consultation, conclusion: Node) -> set[str]:
    """Return what decided the members of a conclusion, by the evaluator, with the weights dosed by."""
    knowledge = consultation.knowledge
    decided = {name for member in conclusion.members for name in consultation.verdicts[member].because}
    regimens = [knowledge.regimens[name] for name in conclusion.members if conclusion.kind == DOSE]
    weights = {name for regimen in regimens for name in WEIGHTS_BY_BASIS[regimen.weight]}
    scope = {test.finding for test in parts(knowledge.guideline.requires) if isinstance(test, Test)}
    return (decided | (weights & set(consultation.findings.values))) - scope


def applying(consultation: Consultation, *kinds: str) -> tuple[str, ...]:
    return tuple(consultation.applying(natural(consultation.knowledge.statements_of(*kinds))))


def conclusions(consultation: Consultation) -> list[Node]:
    """Return the conclusions that there ought to be, in their order."""
    conflicts = consultation.knowledge.conflicts
    deciding = consultation.applying(natural(name for name in conflicts if conflicts[name].decides_status))
    members = {
        "indicated": applying(consultation, "indication"),
        "role_only": applying(consultation, "role"),
        "conflict": (*applying(consultation, *SUPPORT, *OPPOSED), *deciding),
    }
    status = consultation.status
    opposed = applying(consultation, *OPPOSED) if status != "conflict" else ()
    return [
        Node(STATUS, status, members.get(status, ())),
        *([Node(AGAINST, AGAINST, opposed)] if opposed else []),
        *(Node(DOSE, alike[0], tuple(alike)) for alike in same_doses(consultation)),
    ]


def check(base: RuleBase, consultation: Consultation) -> None:
    """Hold a derivation against what the evaluator says, and against what it may show."""
    derived = derivation(base, consultation)
    assert list(derived.conclusions) == conclusions(consultation)
    for conclusion in derived.conclusions:
        reached = {node.name for node in below(derived, conclusion) if node.kind == FINDING}
        assert reached == findings_that_decided(consultation, conclusion), conclusion
    check_nodes(derived, consultation)
    check_edges(derived)


def check_nodes(derived: Derivation, consultation: Consultation) -> None:
    """Nothing is shown but what leads to a conclusion: uses that apply, concepts on which a dose rests, findings."""
    leading = [below(derived, conclusion) for conclusion in derived.conclusions]
    shown = [(node, kind) for kind, column in zip(KINDS, derived.columns, strict=False) for node in column]
    assert {node for node, _ in shown} == set().union(*leading)
    assert all(node.kind == kind for node, kind in shown)
    uses = applying(consultation, *SUPPORT, *OPPOSED)
    assert all(node.name in uses for node in derived.columns[1])
    assert all(target.kind == DOSE for node in derived.columns[2] for target in derived.targets(node))
    assert all(consultation.applying([node.name]) for node in derived.columns[2])
    for conclusion in derived.conclusions:
        if conclusion.kind != DOSE:
            by = {node.name for node in below(derived, conclusion) if node.kind == STATEMENT}
            assert by == set(conclusion.members) & set(consultation.knowledge.statements)


def check_edges(derived: Derivation) -> None:
    """No edge goes back or only repeats a longer way; none is drawn twice."""
    place = {node: number for number, column in enumerate(derived.columns) for node in column}
    assert all(place[source] < place[target] for source, target in derived.edges)
    assert len(set(derived.edges)) == len(derived.edges)
    for source, target in derived.edges:
        assert not any(source in below(derived, other) for other in derived.sources(target))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_finding_that_decided_a_conclusion_leads_to_it(base: RuleBase, case: Case) -> None:
    check(base, consult(base, interpret(base.knowledge, case.findings, case.parameters)))


@given(knowledge_bases(), patients(), st.booleans())
def test_so_it_is_for_any_knowledge_and_any_patient(
    knowledge: Knowledge, patient: dict[str, Given], decides: bool
) -> None:
    conflicts = {name: replace(one, decides_status=decides) for name, one in knowledge.conflicts.items()}
    base = compile_rules(replace(knowledge, conflicts=conflicts))
    check(base, consult(base, interpret(base.knowledge, patient)))


def rests_on(derived: Derivation, kind: str) -> list[set[str]]:
    """Return the names that the conclusions of a kind rest on directly, for each."""
    return [{node.name for node in derived.sources(one)} for one in derived.conclusions if one.kind == kind]


def test_an_indication_alone_leads_to_the_status_indicated(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(
        base, consult_mg(severe_weakness="yes", rapidly_progressive_weakness="yes", dose_reduction_goal="yes")
    )
    assert derived.conclusions[0] == Node(STATUS, "indicated", ("S28",))
    assert rests_on(derived, STATUS) == [{"S28"}]
    assert [node.name for node in derived.columns[1]] == ["S28", "S22"]
    assert rests_on(derived, DOSE) == [{"S28"}, {"acute_treatment"}]


def test_roles_alone_lead_to_the_status_role_only(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(base, consult_mg(rapidly_progressive_weakness="yes", dose_reduction_goal="yes"))
    assert derived.conclusions[0] == Node(STATUS, "role_only", ("S22", "S49", "S50"))
    assert rests_on(derived, STATUS) == [{"S22", "S49", "S50"}]


def test_what_supports_and_what_opposes_lead_to_a_conflict(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(
        base,
        consult_mg(myasthenic_crisis="yes", rapidly_progressive_weakness="yes", immediate_intervention_needed="yes"),
    )
    assert derived.conclusions[0] == Node(STATUS, "conflict", ("S12", "S22", "S53", "A01"))
    assert rests_on(derived, STATUS) == [{"S12", "S22", "S53"}]
    assert rests_on(derived, AGAINST) == []


@pytest.mark.parametrize(("dysphagia", "status"), [("no", "no_statement"), ("unknown", "undetermined")])
def test_what_is_against_a_use_is_no_part_of_a_status_that_is_silent(
    base: RuleBase, consult_mg: Consult, dysphagia: str, status: str
) -> None:
    none = {f.name: "no" for f in base.knowledge.findings.values() if f.type == "yes/no" and f.only_if is None}
    given = {**none, "surgery": "none", "dysphagia": dysphagia, "immediate_intervention_needed": "yes"}
    derived = derivation(base, consult_mg(**given))
    assert derived.conclusions == [Node(STATUS, status), Node(AGAINST, AGAINST, ("S53",))]
    assert rests_on(derived, STATUS) == [set()]
    assert rests_on(derived, AGAINST) == [{"S53"}]


def test_where_nothing_leads_to_anything_nothing_is_shown(base: RuleBase, consult_mg: Consult) -> None:
    for consultation in (consult_mg(myasthenic_crisis="no"), consult_mg(diagnosis="other", myasthenic_crisis="yes")):
        assert derivation(base, consultation) == Derivation([[], [], [], [Node(STATUS, consultation.status)]], [])


def test_statements_meet_in_a_concept_on_the_way_to_a_dose_only(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(base, consult_mg(myasthenic_crisis="yes", hospital_admission_needed="yes", sepsis="yes"))
    (concept,) = derived.columns[2]
    assert concept == Node(CONCEPT, "acute_treatment")
    assert {node.name for node in derived.sources(concept)} == {"S02", "S12"}
    assert derived.targets(concept) == [Node(DOSE, "S57", ("S57",))]
    assert "sepsis" not in {node.name for node in derived.columns[0]}


# The picture. ------------------------------------------------------------------------------

MUCH = {
    "dysphagia": "yes", "weight_loss": "yes", "notable_weight_loss": "yes", "worsening": "yes", "severe_disease": "yes",
    "severe_weakness": "yes", "hospital_admission_needed": "yes", "rapidly_progressive_weakness": "yes",
    "myasthenic_crisis": "yes", "other_immunosuppressants_failed": "yes", "surgery": "thymectomy", "on_ivig": "yes",
    "dose_reduction_goal": "yes", "sepsis": "yes", "actual_weight_kg": "70", "ideal_weight_kg": "61",
}  # fmt: skip
AGAINST_IT = {"immediate_intervention_needed": "yes"}
PATIENTS = [MUCH, {**MUCH, **AGAINST_IT}, AGAINST_IT, {"myasthenic_crisis": "yes"}, {"dose_reduction_goal": "yes"}]

Box = tuple[float, float, float, float]


def svg(base: RuleBase, consultation: Consultation) -> ElementTree.Element:
    return ElementTree.fromstring(diagram(derivation(base, consultation), consultation))


def drawn(picture: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return [element for element in picture.iter() if element.tag.endswith(f"}}{tag}")]


def boxes(picture: ElementTree.Element, *, of_frames: bool = False) -> list[Box]:
    """Return left, top, right and bottom of every box, or of the frames round boxes."""
    found = [[float(one.attrib[name]) for name in ("x", "y", "width", "height")] for one in drawn(picture, "rect")]
    edges = [(x, y, x + width, y + height) for x, y, width, height in found]
    holds = {one for one in edges for other in edges if one != other and inside(other, one)}
    return [one for one in edges if (one in holds) == of_frames]


def inside(inner: Box, outer: Box) -> bool:
    return all(a >= b for a, b in zip(inner[:2], outer[:2], strict=True)) and all(
        a <= b for a, b in zip(inner[2:], outer[2:], strict=True)
    )


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def lines(picture: ElementTree.Element) -> list[Box]:
    """Return left, top, right and bottom of every straight line that leads anywhere."""
    paths = [one.attrib["d"] for one in drawn(picture, "path") if one.attrib["class"] == "edge"]
    ends = [[float(number) for number in re.findall(r"[0-9.]+", path)] for path in paths if "C" not in path]
    return [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in ends]


def check_picture(base: RuleBase, consultation: Consultation) -> None:
    """Nothing in a picture lies on anything else, nothing is cut, and no letter is too small."""
    picture = svg(base, consultation)
    whole = (0.0, 0.0, float(picture.attrib["width"]), float(picture.attrib["height"]))
    assert whole[2] <= 688
    assert all(float(text.attrib["font-size"]) >= 12 for text in drawn(picture, "text"))
    single, framed = boxes(picture), boxes(picture, of_frames=True)
    assert all(inside(one, whole) for one in [*single, *framed, *lines(picture)])
    for among in (single, framed):
        assert not any(overlap(one, other) for one, other in itertools.combinations(among, 2))
    assert not any(overlap(line, box) for line in lines(picture) for box in single)
    beside = [line for line in lines(picture) if line[2] > RIGHT]
    level, upright = ([line for line in beside if (line[1] == line[3]) is is_level] for is_level in (True, False))
    assert not any(one[1] == other[1] and over(one, other, 0) for one, other in itertools.combinations(level, 2))
    assert not any(one[0] == other[0] and over(one, other, 1) for one, other in itertools.combinations(upright, 2))


def test_a_line_enters_a_conclusion_on_none_that_goes_on_to_another(base: RuleBase, consult_mg: Consult) -> None:
    """Else what leads to the status only would seem to lead to the dose."""
    check_picture(base, consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    check_picture(base, consult_mg(severe_weakness="yes", ideal_weight_kg=61))


RIGHT = 450
"""Where, between statements and conclusions, lines stand that lead to several of them."""


def over(one: Box, other: Box, axis: int) -> bool:
    """Return whether two lines run over each other."""
    return min(one[axis + 2], other[axis + 2]) > max(one[axis], other[axis])


@pytest.mark.parametrize("findings", PATIENTS)
def test_nothing_in_the_picture_lies_on_anything_else(
    base: RuleBase, consult_mg: Consult, findings: dict[str, str]
) -> None:
    check_picture(base, consult_mg(**findings))


@given(knowledge_bases(), patients())
def test_so_it_is_in_any_picture(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base = compile_rules(knowledge)
    consultation = consult(base, interpret(knowledge, patient))
    if derivation(base, consultation).edges:
        check_picture(base, consultation)


@pytest.mark.parametrize("findings", PATIENTS)
def test_the_status_stands_on_top_then_what_is_against_it_then_the_doses(
    base: RuleBase, consult_mg: Consult, findings: dict[str, str]
) -> None:
    consultation = consult_mg(**findings)
    derived = derivation(base, consultation)
    placed = arranged(derived, ["S53"], lambda node: 40.0)
    tops = [placed.tops[node] for node in derived.conclusions]
    assert tops == sorted(tops)
    assert tops[0] == HEAD


@pytest.mark.parametrize("findings", PATIENTS)
def test_statements_share_a_frame_and_a_line_where_they_lead_to_the_same(
    base: RuleBase, consult_mg: Consult, findings: dict[str, str]
) -> None:
    derived = derivation(base, consult_mg(**findings))
    made = frames(derived, ["S53"])
    assert sorted(one.name for frame in made for one in frame.statements) == sorted(
        node.name for node in derived.columns[1]
    )
    for frame in made:
        assert {leads_to(derived, statement) for statement in frame.statements} == {frame.leads_to}
        assert {node.name for node in frame.statements} == {"S53"} or Node(STATEMENT, "S53") not in frame.statements
    heights = [height for height, _ in arranged(derived, ["S53"], lambda node: 40.0).leaving(derived)]
    assert len(set(heights)) == len(heights)


def test_a_patient_with_much_takes_few_lines(base: RuleBase, consult_mg: Consult) -> None:
    picture = svg(base, consult_mg(**MUCH))
    upright = [line for line in lines(picture) if line[1] != line[3]]
    assert len(upright) == 5  # one for the status, one for each dose
    right = [line for line in lines(picture) if line[1] == line[3] and line[2] > RIGHT]
    assert len(right) == 13  # from six frames, and for two weights; into five conclusions


def said(picture: ElementTree.Element) -> str:
    return " ".join("".join(text.itertext()) for text in drawn(picture, "text"))


def test_the_picture_says_every_node(base: RuleBase, consult_mg: Consult) -> None:
    words = said(svg(base, consult_mg(dysphagia="yes", hospital_admission_needed="yes", severe_disease="yes",
                                      actual_weight_kg=70, rapidly_progressive_weakness="yes")))  # fmt: skip
    for part in (
        "dysphagia = yes",
        "hospital admission needed = yes",
        "actual weight =\N{NO-BREAK SPACE}70\N{NO-BREAK SPACE}kg",
        "S26 [1,2] Dysphagia is",
        "S22 [3,5] (role) IVIG",
        "acute treatment",
        "INDICATED by S01, S06, S26",
        "Dose S29 1 g/kg, no grams or 2 g/kg, no grams",
    ):
        assert part.replace("= ", "=\N{NO-BREAK SPACE}") in words
    assert "_" not in words


def test_a_conflict_has_both_sides_in_its_box(base: RuleBase, consult_mg: Consult) -> None:
    words = said(svg(base, consult_mg(**AGAINST_IT, myasthenic_crisis="yes")))
    assert "S53 [5] (against) IVIG is not" in words
    assert "CONFLICT for it: S12 against it: S53 decided by A01" in words
    silent = said(svg(base, consult_mg(**AGAINST_IT)))
    assert "UNDETERMINED no indication or role applies Against it S53" in silent


S02 = "Myasthenic crisis that needs hospital care is an indication for IVIG."


def test_the_same_in_words(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", hospital_admission_needed="yes", actual_weight_kg=70)
    words = in_words(derivation(base, consultation), consultation)
    assert words == [
        "INDICATED: by S02, S12.",
        "Dose S57: 140 g by actual weight. It rests on acute treatment (S02, S12); actual weight = 70 kg.",
        f"S02 [1,2]: {S02} It rests on myasthenic crisis = yes, hospital admission needed = yes.",
        "S12 [3]: IVIG is recommended while the patient is in myasthenic crisis. It rests on myasthenic crisis = yes.",
    ]
    (described,) = drawn(svg(base, consultation), "desc")
    assert (described.text or "").strip() == " ".join(words)
    html = unescape(render_report(base, consultation)).replace("\N{NO-BREAK SPACE}", " ")
    assert all(f"<li>{line}</li>" in html for line in words)


@given(knowledge_bases(), patients())
def test_the_words_are_clean(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base = compile_rules(knowledge)
    consultation = consult(base, interpret(knowledge, patient))
    derived = derivation(base, consultation)
    for line in in_words(derived, consultation):
        assert re.fullmatch(r"[^;,.].*\.", line)
        assert not re.search(r"\.\.|[,;:] *[,;:.]|  |\( | \)|\(\)", line)
