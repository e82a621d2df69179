"""A cohort in figures: each is what one would count over consultations of the same patients; and the page of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import msgspec
import pytest
from playwright.sync_api import Browser

from engine.cohorts.runs import Cohort, Sample, judge
from engine.cohorts.summary import FORMAT, Grams, Lack, Summary, Verdicts, read_for_status, summarise, summary_data
from engine.cohorts.synthesis import LABEL, NOTICE, query
from engine.compiler import RuleBase, compile_rules
from engine.consultation import STATUSES, Consultation, consult
from engine.contract import to_json
from engine.errors import InputError
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.questions import open_questions
from engine.rendering.cohort import render_summary, share
from tests.cohorts import table
from tests.conftest import BASE, CASES
from tests.test_browser import axe as axe
from tests.test_browser import browser as browser

KNOWLEDGE = BASE.knowledge
SYNTHETIC = 150
OF_CASES = [{name: given.text for name, given in case.findings.items()} for case in CASES if not case.parameters]
BAD = {"diagnosis": "myasthenia_gravis", "age_years": "old"}

Words = Mapping[str, str]


def synthetic_patients() -> list[dict[str, str]]:
    with duckdb.connect() as database:
        found = database.execute(query(KNOWLEDGE, SYNTHETIC, 1))
        names = [column[0] for column in found.description or []]
        rows = [zip(names, row, strict=True) for row in found.fetchall()]
    return [{name: str(value) for name, value in row if value is not None} for row in rows]


def judged(path: Path, rows: Iterable[Words], base: RuleBase = BASE, form: str = "parquet", **words: str) -> Summary:
    """Judge rows written as a table of that path, and return the figures of the result."""
    rows = [{"nr": str(number), **row} for number, row in enumerate(rows, 1)]
    columns = dict.fromkeys(["nr", "diagnosis", *(name for row in rows for name in row)])
    table(path, rows, list(columns))
    parameters = interpret(base.knowledge, {}, {name: Given(word) for name, word in words.items()}).parameters
    cohort = Cohort(path, (), base.knowledge, parameters)
    result = judge(cohort, str(path.with_name(f"result.{form}")), False, Sample(0, 1, base))
    return summarise(result.path, cohort, result.rejected)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cohort")


@pytest.fixture(scope="module")
def consultations() -> list[Consultation]:
    """The same patients, one by one."""
    rows = [*synthetic_patients(), *OF_CASES]
    given = [{name: Given(word) for name, word in row.items() if name in KNOWLEDGE.findings} for row in rows]
    return [consult(BASE, interpret(KNOWLEDGE, one)) for one in given]


@pytest.fixture(scope="module")
def summary(folder: Path) -> Summary:
    return judged(folder / "patients.csv", [*synthetic_patients(), BAD, *OF_CASES])


def asked(consultation: Consultation) -> set[str]:
    return {question.finding for question in open_questions(consultation)}


def grams(consultations: Iterable[Consultation], *statements: str) -> Grams:
    """Count the grams of some regimens the plain way."""
    each = [
        [d.total_g for d in one.doses if d.of is None and d.total_g is not None and d.statement in statements]
        for one in consultations
    ]
    some = [totals for totals in each if totals]
    return Grams(len(some), sum(map(min, some), Decimal(0)), sum(map(max, some), Decimal(0)))


def test_every_patient_has_one_status_and_rejected_rows_are_counted_apart(
    summary: Summary, consultations: list[Consultation]
) -> None:
    assert (summary.judged, summary.rejected, summary.synthetic) == (len(consultations), 1, SYNTHETIC)
    assert list(summary.statuses) == list(STATUSES)
    assert summary.statuses == Counter(one.status for one in consultations)
    assert min(summary.statuses.values()) > 0


def test_each_verdict_is_counted_of_every_statement_and_conflict(
    summary: Summary, consultations: list[Consultation]
) -> None:
    found = {**summary.statements, **summary.conflicts}
    assert set(found) == KNOWLEDGE.rules.keys() - KNOWLEDGE.concepts.keys()
    assert set(summary.conflicts) == set(KNOWLEDGE.conflicts)
    for name, counts in found.items():
        plainly = Counter(one.verdicts[name].verdict for one in consultations)
        assert counts == Verdicts(plainly["applies"], plainly["undetermined"], plainly["ruled_out"]), name


def test_an_open_finding_is_counted_alone_and_with_the_status(
    summary: Summary, consultations: list[Consultation]
) -> None:
    everywhere = [(asked(one), one.status == "undetermined") for one in consultations]
    assert summary.complete == sum(not findings for findings, _ in everywhere)
    assert summary.single == sum(len(findings) == 1 for findings, _ in everywhere)
    assert set(summary.lacks) == set().union(*(findings for findings, _ in everywhere))
    read = read_for_status(KNOWLEDGE, {})
    for name, lack in summary.lacks.items():
        holding = [findings for findings, _ in everywhere if name in findings]
        waiting = [findings & read for findings, waits in everywhere if waits and name in findings & read]
        alone = sum(len(findings) == 1 for findings in holding)
        assert lack == Lack(len(holding), alone, len(waiting), sum(len(those) == 1 for those in waiting)), name
    assert any(lack.status_only for lack in summary.lacks.values())
    assert [lack.open for lack in summary.lacks.values()] == sorted(o.open for o in summary.lacks.values())[::-1]


def test_what_can_settle_a_status_is_read_for_it(consultations: list[Consultation]) -> None:
    deciding = {*KNOWLEDGE.statements_of("indication"), *KNOWLEDGE.statements_of("role")}
    undetermined = [one for one in consultations if one.status == "undetermined"]
    settling = {
        question.finding for one in undetermined for question in open_questions(one) if deciding & {*question.settles}
    }
    assert {"myasthenic_crisis", "grade", "surgery"} <= settling <= read_for_status(KNOWLEDGE, {})
    assert not {"autonomic_instability", "iga_status", "actual_weight_kg"} & read_for_status(KNOWLEDGE, {})


def test_grams_are_the_least_and_the_most_of_each_patient_added_up(
    summary: Summary, consultations: list[Consultation]
) -> None:
    regimens = [name for name in KNOWLEDGE.regimens if summary.statements[name].applies]
    assert summary.grams == grams(consultations, *regimens)
    assert summary.grams.least < summary.grams.most
    assert summary.regimens == {name: grams(consultations, name) for name in regimens}
    applying = (any(one.verdicts[name].verdict == "applies" for name in regimens) for one in consultations)
    assert summary.grams.patients < summary.dosed == sum(applying)


def test_grams_read_of_another_statement_are_an_alternative_to_none(
    summary: Summary, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "result.parquet"
    other = """[struct_update(d, "of" := 'S57', total_g := CAST(d.total_g * 9 AS DECIMAL(18, 9))) FOR d IN doses]"""
    with duckdb.connect() as database:
        more = f"SELECT * REPLACE (list_concat(doses, {other}) AS doses) FROM '{folder / 'result.parquet'}'"
        database.execute(f"COPY ({more}) TO '{path}'")
    found = summarise(path, Cohort(path, (), KNOWLEDGE, {}))
    assert (found.grams, found.regimens) == (summary.grams, summary.regimens)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_figures_are_the_same_in_every_form(summary: Summary, tmp_path: Path, form: str) -> None:
    found = judged(tmp_path / "patients.csv", [*synthetic_patients(), BAD, *OF_CASES], form=form)
    assert found == msgspec.structs.replace(summary, source=found.source)
    assert found.source.result == f"result.{form}"


def test_a_folder_of_parquet_files_is_one_result(summary: Summary, folder: Path, tmp_path: Path) -> None:
    whole, parts = folder / "result.parquet", tmp_path / "parts"
    parts.mkdir()
    with duckdb.connect() as database:
        for number in range(2):
            half = (
                f"SELECT * EXCLUDE (r) FROM (SELECT row_number() OVER () % 2 AS r, * FROM '{whole}') WHERE r = {number}"
            )
            database.execute(f"COPY ({half}) TO '{parts}/part-{number}.snappy.parquet'")
    (parts / "_SUCCESS").touch()
    found = summarise(parts, Cohort(Path("patients.csv"), (), KNOWLEDGE, {}), 1)
    assert found == msgspec.structs.replace(summary, source=found.source)


def test_what_is_no_result_by_this_knowledge_is_said(tmp_path: Path) -> None:
    path = tmp_path / "result.csv"
    path.write_text("patient,status\n1,indicated\n", encoding="utf-8")
    with pytest.raises(InputError, match="no result by this knowledge: it has no column S01, S02, S03, S04 or S05"):
        summarise(path, Cohort(path, (), KNOWLEDGE, {}))
    broken = tmp_path / "result.parquet"
    broken.write_text("no Parquet", encoding="utf-8")
    for unreadable in (broken, tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="it cannot be read as a table"):
            summarise(unreadable, Cohort(path, (), KNOWLEDGE, {}))


def test_programs_get_the_same_figures(summary: Summary) -> None:
    data = json.loads(to_json(summary_data(summary)), parse_float=Decimal)
    assert data["format"] == FORMAT == "ivig-mg/cohort-summary/1"
    assert (data["judged"], data["rejected"], data["statuses"]) == (summary.judged, 1, summary.statuses)
    assert data["source"]["digest"] == KNOWLEDGE.digest
    assert data["grams"]["most"] == summary.grams.most
    assert data["lacks"] == {name: msgspec.to_builtins(lack) for name, lack in summary.lacks.items()}


# The page. ---------------------------------------------------------------------------------


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


def test_the_page_is_the_same_every_time_and_reaches_out_for_nothing(summary: Summary) -> None:
    page = render_summary(summary, KNOWLEDGE)
    assert page == render_summary(summary, KNOWLEDGE)
    assert not re.search(r"<script|<link|<img|@import|https?://(?!www\.w3\.org/)", page)
    assert page.count('role="img"') == page.count("<desc ") == 6
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_page_has_every_statement_conflict_and_open_finding_with_its_count(summary: Summary) -> None:
    told = text_of(render_summary(summary, KNOWLEDGE))
    counts = {name: one.applies for name, one in {**summary.statements, **summary.conflicts}.items()}
    for name, count in [*counts.items(), *((name, lack.open) for name, lack in summary.lacks.items())]:
        shared = re.escape(f"{count} ({share(count, summary.judged)})")
        assert re.search(rf"\b{name} [^<]+? {shared}", told.replace("&lt;", "<")), name
    assert f"{summary.grams.least:,f} {summary.grams.most:,f}" in told
    assert " 1 rows" not in told
    assert f"{summary.judged} patients judged, one a row. 1 row could not be taken" in told
    assert KNOWLEDGE.digest in told


def test_synthetic_patients_are_called_so_at_the_top_and_in_the_title(summary: Summary, tmp_path: Path) -> None:
    page = render_summary(summary, KNOWLEDGE)
    assert "<title>SYNTHETIC: " in page
    assert NOTICE in page.partition("<h2>")[0]
    assert f"Here these are {SYNTHETIC} of {summary.judged}" in page
    for number, rows in enumerate((OF_CASES, [{**row, LABEL: "no"} for row in OF_CASES])):
        (tmp_path / str(number)).mkdir()
        real = judged(tmp_path / str(number) / "p.csv", rows)
        assert real.synthetic == 0
        assert "synthetic" not in render_summary(real, KNOWLEDGE).lower()


def test_names_of_files_are_escaped(tmp_path: Path) -> None:
    page = render_summary(judged(tmp_path / "<b>&'x.csv", OF_CASES[:3]), KNOWLEDGE)
    assert "&lt;b&gt;&amp;&#39;x.csv, 3 rows" in page
    assert "<b>" not in page


def test_layers_and_local_parameters_are_named(tmp_path: Path) -> None:
    base = compile_rules(load(SHIPPED, [SHIPPED / "layers" / "product_label"]))
    name, parameter = next((name, one) for name, one in base.knowledge.parameters.items() if one.formulas)
    value = next(iter(parameter.formulas or {}))
    found = judged(tmp_path / "p.csv", OF_CASES, base, **{name: value})
    told = text_of(render_summary(found, base.knowledge))
    assert "; layer product_label, edition " in told
    assert f"Local parameters, not in the source: {name} = {value}" in told
    laid = next(one for one in base.knowledge.layer_of if one in base.knowledge.statements)
    assert re.search(rf"\b{laid} {re.escape(base.knowledge.statements[laid].says)} \(layer product_label\) \d", told)


def test_a_cohort_of_which_no_row_can_be_taken_has_a_page_too(tmp_path: Path) -> None:
    found = judged(tmp_path / "p.csv", [BAD, BAD])
    told = text_of(render_summary(found, KNOWLEDGE))
    assert "0 patients judged, one a row. 2 rows could not be taken" in told
    assert "There is nothing to count." in told


def test_a_share_is_never_rounded_to_none_or_to_all() -> None:
    assert [share(count, 10_000) for count in (0, 1, 10, 1234, 9999, 10_000)] == [
        "0 %", "< 0.1 %", "0.1 %", "12.3 %", "> 99.9 %", "100 %"
    ]  # fmt: skip
    assert share(0, 0) == "0 %"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_accessible_and_fits_and_fetches_nothing(
    summary: Summary, browser: Browser, axe: str, tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "cohort.html"
    path.write_text(render_summary(summary, KNOWLEDGE), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    assert (said, requests) == ([], [path.as_uri()])
    page.close()


def test_the_page_prints_on_a4_with_nothing_cut_off(summary: Summary, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "cohort.html"
    path.write_text(render_summary(summary, KNOWLEDGE), encoding="utf-8")
    page = browser.new_page(viewport={"width": 688, "height": 900}, color_scheme="dark")
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    wider = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > 689).length"
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.evaluate(wider) == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()
