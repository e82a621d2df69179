"""What a ledger says of the use of the guideline: counts, exports, selections, and the report."""

from __future__ import annotations

import csv
import json
import re
import stat
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import duckdb
import msgspec
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from engine import usage as module
from engine.compiler import compile_rules
from engine.consultation import consult
from engine.contract import to_json
from engine.errors import InputError
from engine.exports import export
from engine.findings import Given, interpret
from engine.ledger import Ledger, begin_or_open
from engine.loading import load
from engine.questions import open_questions
from engine.records import REASONS, Entry, applying, recording, response
from engine.rendering.ledger import list_json, render_list
from engine.rendering.usage import render_usage
from engine.replay import consultations, receipt_of
from engine.selection import Selection, read_selection, select
from engine.snapshots import snapshot_of
from engine.usage import grams_of, usage
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.ledgers import SNAPSHOT, TIME, consulted, ledger_of, recorded
from tests.test_browser import axe as axe
from tests.test_browser import browser as browser

USED = CASES[::7]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger of some months, with decisions."""
    path = tmp_path_factory.mktemp("ledger") / "a.sqlite"
    ledger = begin_or_open(path, path.with_suffix(".key"))
    for number, case in enumerate(USED):
        ledger.record(recorded(case, f"2026-{number % 4 + 1:02}-15T12:00:00Z", f"Dr. {number % 3}"), SNAPSHOT)
    at = "2026-05-01T12:00:00Z"
    why = ("patient_preference", "other")
    ledger.respond(response(1, "overridden", why, "=1+1, in words", at, "Dr. Ada", ("S18", "A06", "S18")))
    ledger.respond(response(2, "overridden", ("not_available",), "", at, "Dr. Ada"))
    ledger.respond(response(2, "accepted", (), "", at, "Dr. Ada"))
    return ledger


def test_everything_is_counted_once(ledger: Ledger) -> None:
    found = usage(ledger)
    entries = list(consultations(ledger))
    assert found.consultations == len(USED)
    assert (found.first[:10], found.last[:10]) == ("2026-01-15", "2026-04-15")
    assert found.statuses == Counter(entry.status for entry in entries)
    met = Counter(name for entry in entries for name in entry.applies)
    assert found.statements == {name: n for name, n in met.items() if name in BASE.knowledge.statements}
    assert found.conflicts == {name: n for name, n in met.items() if name in BASE.knowledge.conflicts}
    assert found.responses == {"accepted": 1, "overridden": 1}  # the latest decision counts
    assert found.reasons == {"other": 1, "patient_preference": 1}
    assert found.overridden == dict.fromkeys(entries[0].applies, 1)
    assert found.doubted == {"A06": 1, "S18": 1}
    assert list(found.statements.values()) == sorted(found.statements.values(), reverse=True)


def test_what_stayed_open_is_counted_as_in_the_cases(ledger: Ledger) -> None:
    asked = Counter(question.finding for case in USED for question in open_questions(consulted(case)))
    assert len(set(asked.values())) > 3
    assert usage(ledger).open == asked
    assert list(usage(ledger).open.items()) == sorted(asked.items(), key=lambda one: (-one[1], one[0]))


def test_grams_are_the_least_and_the_most_of_each_consultation(ledger: Ledger) -> None:
    months: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for entry, case in zip(consultations(ledger), USED, strict=True):
        totals = [dose.total_g for dose in consulted(case).doses if dose.total_g is not None and dose.of is None]
        expected = (min(totals), max(totals)) if totals else None
        assert grams_of(receipt_of(ledger, entry)) == expected
        if expected is not None:
            months.setdefault(entry.time[:7], []).append(expected)
    found = usage(ledger).grams
    assert any(least != most for grams in months.values() for least, most in grams)
    assert {month: (grams.consultations, grams.least, grams.most) for month, grams in found.items()} == {
        month: (len(grams), sum(least for least, _ in grams), sum(most for _, most in grams))
        for month, grams in months.items()
    }


def test_the_selection_is_what_was_asked_for(ledger: Ledger) -> None:
    def numbers(**asked: object) -> list[int]:
        keys = dict.fromkeys(("first", "last", "statement", "status", "digest"))
        wanted = read_selection(**{**keys, "overridden": False, **asked})  # type: ignore[arg-type]
        return [entry.number for entry, _ in select(ledger, wanted)]

    every = list(consultations(ledger))
    assert numbers() == [entry.number for entry in every]
    assert numbers(overridden=True) == [1, 2]  # the second was accepted later
    assert numbers(statement="S12") == [entry.number for entry in every if "S12" in entry.applies]
    assert numbers(status="conflict") == [entry.number for entry in every if entry.status == "conflict"]
    assert numbers(first="2026-02-15", last="2026-03-15") == [e.number for e in every if e.time[5:7] in ("02", "03")]
    assert numbers(digest=BASE.knowledge.digest[:6]) == numbers()
    assert numbers(digest="0000") == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"first": "yesterday"}, "'yesterday' is not a day"),
        ({"last": "2026-02-30"}, "'2026-02-30' is not a day"),
        ({"status": "indicate"}, "Did you mean indicated?"),
        ({"digest": "xyz"}, "does not begin a digest"),
    ],
)
def test_what_cannot_be_selected_is_said(asked: dict[str, str], said: str) -> None:
    keys = dict.fromkeys(("first", "last", "statement", "status", "digest"))
    with pytest.raises(InputError, match=re.escape(said)):
        read_selection(**{**keys, "overridden": False, **asked})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "reasons", "text", "said"),
    [
        ("overridden", (), "", "advice is overridden for a reason"),
        ("overridden", ("patient_prefers",), "", "Did you mean patient_preference?"),
        ("overridden", ("other",), " ", "the reason 'other' says nothing by itself"),
        ("accepted", (), "x" * 2001, "a text of 2001 signs"),
        ("accepted", (), "in \udce9 bytes", "the text holds a sign that cannot be printed"),
        ("accepted", (), "a bell\x07", "the text holds a sign that cannot be printed"),
    ],
)
def test_a_decision_that_says_nothing_is_refused(decision: str, reasons: tuple[str, ...], text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        response(1, decision, reasons, text, "2026-01-01T00:00:00Z", "Dr. Ada")


def test_the_exports_hold_every_entry_alike(ledger: Ledger, tmp_path: Path) -> None:
    files = {ending: export(ledger, str(tmp_path / f"all.{ending}")) for ending in ("jsonl", "csv", "parquet")}
    lines = [json.loads(line) for line in files["jsonl"].read_text(encoding="utf-8").splitlines()]
    with open(files["csv"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    database = duckdb.connect()
    table = database.execute(f"SELECT * FROM '{files['parquet']}' ORDER BY number").fetchall()
    columns = [str(column[0]) for column in database.description or ()]
    assert len(lines) == len(rows) == len(table) == ledger.size
    for line, row, values in zip(lines, rows, table, strict=True):
        entry, content = line["entry"], line.get("receipt")
        assert int(row["number"]) == entry["number"] == dict(zip(columns, values, strict=True))["number"]
        assert row["applies"].split() == entry.get("applies", [])
        assert row["actor"] == entry["actor"]
        assert row["about"].split() == entry.get("about", []) == (["A06", "S18"] if entry.get("to") == 1 else [])
        if content is not None:
            findings = {**content["unknown"], **content["findings"]}
            assert {name: row[f"finding.{name}"] for name in findings} == findings
            assert content == json.loads(ledger.contents(ledger.entry(entry["number"]))[0])
        in_parquet = {k: "" if v is None else str(v) for k, v in zip(columns, values, strict=True)}
        assert in_parquet["text"] == entry.get("text", "")
        assert row["text"] == ("'" + entry["text"] if entry.get("text", "").startswith("=") else entry.get("text", ""))
        assert all(in_parquet[name] == (row[name] or "") for name in ("status", "applies", "actor"))
        assert {name for name in columns if name.startswith("finding.")} == {
            f"finding.{name}" for name in BASE.knowledge.findings
        }
        in_findings = {name: in_parquet[f"finding.{name}"] for name in BASE.knowledge.findings}
        assert {name: value for name, value in in_findings.items() if value} == (findings if content else {})
        assert (Decimal(row["most_g"]) if row["most_g"] else "") == (
            Decimal(in_parquet["most_g"]) if in_parquet["most_g"] else ""
        )


def test_an_export_says_in_what_form_and_never_overwrites(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape("End its name in '.jsonl', '.csv' or '.parquet'.")):
        export(ledger, str(tmp_path / "all.xlsx"))
    (tmp_path / "all.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="there already"):
        export(ledger, str(tmp_path / "all.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_an_export_is_for_its_owner_alone_while_it_is_written(ledger: Ledger, tmp_path: Path, ending: str) -> None:
    modes: set[int] = set()

    def looked(done: int) -> None:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())

    path = export(ledger, str(tmp_path / f"all.{ending}"), looked)
    assert modes == {0o700}  # one folder that nobody else can enter
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_export_that_fails_leaves_nothing_behind(ledger: Ledger, tmp_path: Path) -> None:
    def fails(done: int) -> None:
        raise ValueError("not of the file")

    for ending in ("jsonl", "csv", "parquet"):
        with pytest.raises(ValueError, match="not of the file"):
            export(ledger, str(tmp_path / f"all.{ending}"), fails)
    assert list(tmp_path.iterdir()) == []


def test_a_finding_may_have_the_name_of_a_column(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(
        folder,
        "findings.yaml",
        "status:\n  asks: Is the status known?\n  topic: diagnosis\n  type: yes/no\n  help: Said.\n",
    )
    knowledge = load(folder)
    snapshot = snapshot_of(knowledge, folder, [])
    consultation = consult(compile_rules(knowledge), interpret(knowledge, {"status": Given("yes")}, {}))
    ledger = begin_or_open(tmp_path / "a.sqlite", tmp_path / "a.key")
    ledger.record(recording(consultation, "shown", snapshot.digest, TIME, "Dr. Ada"), snapshot)
    with open(export(ledger, str(tmp_path / "all.csv")), encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["status"], row["finding.status"]) == (consultation.status, "yes")
    path = export(ledger, str(tmp_path / "all.parquet"))
    found = duckdb.connect().execute(f"""SELECT status, "finding.status" FROM '{path}'""").fetchall()
    assert found == [(consultation.status, "yes")]


def test_what_does_not_fit_a_parquet_file_is_told_in_words(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    other = begin_or_open(path, path.with_suffix(".key"))
    one = recorded(USED[0])
    other.record(replace(one, entry=replace(one.entry, actor="x" * 3_000_000)), SNAPSHOT)  # a line is not that long
    with pytest.raises(InputError, match="its entries do not fit a Parquet file"):
        export(other, str(tmp_path / "all.parquet"))
    assert not list(tmp_path.glob("*all*"))


def test_a_full_disk_is_told_as_one_and_not_as_a_fault_of_the_entries(ledger: Ledger, tmp_path: Path) -> None:
    def fills(done: int) -> None:
        for folder in tmp_path.glob(".all.parquet.*"):
            if not (folder / "unfinished").is_symlink():
                (folder / "unfinished").symlink_to("/dev/full")

    with pytest.raises(InputError, match=r"it cannot be written: .*No space left on device"):
        export(ledger, str(tmp_path / "all.parquet"), fills)
    assert list(tmp_path.iterdir()) == []


def test_a_list_in_parts_is_the_json_of_the_whole(ledger: Ledger) -> None:
    found = list(select(ledger, Selection()))
    whole = {
        "format": "ivig-mg/ledger-list/1",
        "entries": [{**msgspec.to_builtins(e), "responses": msgspec.to_builtins(answers)} for e, answers in found],
    }
    assert any(answers for _, answers in found)
    assert "".join(list_json(found)) == to_json(whole)
    assert "".join(list_json([])) == to_json({**whole, "entries": []})


def test_a_list_is_printed_as_it_is_read(ledger: Ledger) -> None:
    def endless() -> Iterator[tuple[Entry, list[Entry]]]:
        while True:
            yield ledger.entry(1), []

    for parts in (list_json(endless()), render_list(endless(), 1)):
        assert len(list(islice(parts, 1000))) == 1000


def test_the_report_is_the_same_every_time_and_reaches_out_for_nothing(ledger: Ledger) -> None:
    page = render_usage(usage(ledger))
    assert page == render_usage(usage(ledger))
    assert not re.search(r"<script|<link|<img|@import|https?://(?!www\.w3\.org/)", page)
    assert page.count('role="img"') == 4
    assert all(words in page for words in ("the patient wishes otherwise", "Grams advised, by month"))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(REASONS) > set(usage(ledger).reasons)


def test_the_report_tells_the_author_what_was_overridden_and_why(ledger: Ledger) -> None:
    [one] = usage(ledger).overrides
    assert (one.to, one.number, one.text) == (1, len(USED) + 1, "=1+1, in words")
    page = render_usage(usage(ledger))
    row = f"""<tr><td class="count">1</td><td>2026-05-01 (entry {one.number})</td><td>A06, S18</td>"""
    assert f"{row}<td>the patient wishes otherwise; said in words</td><td>=1+1, in words</td></tr>" in page


def test_the_report_tells_the_latest_overrides_and_counts_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATEST", 2)
    ledger = ledger_of(tmp_path / "a.sqlite", USED[:4])
    for number in (4, 1, 3):
        ledger.respond(response(number, "overridden", ("not_available",), "", TIME, "Dr. Ada"))
    found = usage(ledger)
    assert [(one.to, one.number) for one in found.overrides] == [(3, 7), (1, 6)]
    page = render_usage(found)
    assert "The latest 2; 1 more are only counted." in page
    assert f"not said; what applied: {', '.join(ledger.entry(3).applies)}</td>" in page


def test_what_was_a_conflict_then_is_told_as_one_in_the_words_of_then(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "conflicts.yaml", "A02:", "X02:")
    knowledge = load(folder)
    snapshot = snapshot_of(knowledge, folder, [])
    case = next(case for case in CASES if "A02" in applying(consulted(case)))
    consultation = consult(compile_rules(knowledge), interpret(knowledge, case.findings, case.parameters))
    ledger = begin_or_open(tmp_path / "a.sqlite", tmp_path / "a.key")
    ledger.record(recording(consultation, "shown", snapshot.digest, TIME, "Dr. Ada"), snapshot)
    found = usage(ledger)
    assert "X02" in found.conflicts
    assert "X02" not in found.statements
    assert found.says["X02"] == BASE.knowledge.conflicts["A02"].says
    assert "no knowledge of the ledger" not in render_usage(found)


def test_words_that_this_program_cannot_read_are_left_out_of_the_report(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", USED[:1])
    ledger.database.execute("UPDATE snapshots SET content = ?", (b"[]",))
    found = usage(ledger)
    assert found.says == {}
    assert "<td>in no knowledge of the ledger that can be read</td>" in render_usage(found)


def test_a_decision_without_a_statement_is_written_as_it_was_before_there_were_any() -> None:
    entry = response(1, "accepted", (), "", TIME, "Dr. Ada")
    assert entry.leaf == (
        b'{"actor":"Dr. Ada","decision":"accepted","format":"ivig-mg/entry/1","kind":"response","number":0,'
        b'"time":"2026-11-24T12:00:00Z","to":1}'
    )


def test_an_empty_ledger_has_a_report_too(tmp_path: Path) -> None:
    ledger = begin_or_open(tmp_path / "a.sqlite", tmp_path / "a.key")
    assert "The ledger holds no consultation yet." in render_usage(usage(ledger))


@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_is_accessible_and_fits(
    ledger: Ledger, browser: Browser, axe: str, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "r.html"
    path.write_text(render_usage(usage(ledger)), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    assert said == []
    page.close()
