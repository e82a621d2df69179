"""Tables as they come: odd names, odd cells and odd lines are read as they stand, or refused in words."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import main
from engine.cohorts.cells import TEXT, cell
from engine.cohorts.intake import open_table
from engine.cohorts.query import ROW
from engine.cohorts.runs import Cohort, Sample, judge
from engine.cohorts.summary import summarise
from engine.cohorts.tables import MALFORMED, cannot_read, rows_in
from engine.errors import InputError
from engine.findings import REASONS, Given, interpret
from engine.language import choices
from engine.model import Finding
from tests.cohorts import judged, rejected, table
from tests.conftest import BASE

KINDS = list({(one.type, one.unit): one for one in BASE.knowledge.findings.values()}.values())
BLANKS = st.text([*filter(str.isspace, map(chr, range(0x3001))), "\0", "\u200b", "\ufeff", "\u00ad"], max_size=2)
NUMBERS = ("70", "66.0", "0.5", "-0", "000000000070", "1.1234567", "1e1", "٧٠", "７０")


def words_like(finding: Finding) -> st.SearchStrategy[str]:
    """Words that a finding takes, or all but takes."""
    unit = finding.unit or "x"
    taken = st.sampled_from([*choices(finding), *REASONS, *NUMBERS, f"70 {unit}", f"70{unit}", f"70 {unit}{unit}"])
    odd = taken.map(str.upper) | taken.map(lambda word: word.replace("s", "ſ").replace(" ", "\u2003"))
    return taken | odd | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def test_a_cell_is_taken_as_a_consultation_takes_it() -> None:
    with duckdb.connect() as database:

        @given(st.data())
        def take(data: st.DataObject) -> None:
            finding = data.draw(st.sampled_from(KINDS))
            written = data.draw(st.lists(st.tuples(BLANKS, words_like(finding), BLANKS).map("".join), min_size=1))
            read = cell(finding, TEXT)
            assert read.fault is not None
            found = f"{read.value.sql('duckdb')}, {read.fault.sql('duckdb')}"
            rows = database.execute(f"SELECT {found} FROM (SELECT unnest($1::VARCHAR[]) AS {finding.name})", [written])
            for word, (value, is_fault) in zip(written, rows.fetchall(), strict=True):
                stated = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
                assert (stated, is_fault) == consulted(finding.name, word), word

        take()


def consulted(name: str, word: str) -> tuple[object, bool]:
    """What a consultation takes a cell for, and whether it refuses it."""
    given_ = {name: Given(word)} if word.strip() else {}
    try:
        return interpret(BASE.knowledge, given_).values.get(name), False
    except InputError:
        return None, True


def read(path: Path) -> tuple[list[tuple[object, ...]], dict[int, str]]:
    """The rows of a table with their numbers, and the lines that are none."""
    with duckdb.connect() as database:
        open_table(database, path, BASE.knowledge, path.parent)
        rows = database.execute(f"SELECT {ROW}, * EXCLUDE ({ROW}) FROM patients ORDER BY {ROW}").fetchall()
        return rows, dict(database.execute(f"FROM {MALFORMED}").fetchall())


# Names. ------------------------------------------------------------------------------------

ODD = ["a;b", 'q"uote', "it's", "naïve", "日本", "{x}", " lead ", "a\nb", "c.d", "$e", "back\\slash"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_columns_keep_their_names_whatever_signs_are_in_them(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.parquet"
    with duckdb.connect() as database:
        named = ", ".join("'0' AS \"" + name.replace('"', '""') + '"' for name in ODD)
        database.execute(f"COPY (SELECT 'yes' AS sepsis, {named}) TO '{tmp_path}/a.{form}'")
        database.execute(f"COPY (SELECT 'yes' AS sepsis, {named}) TO '{path}'")
    assert read(tmp_path / f"a.{form}")[0][0][1 : len(ODD) + 2] == ("yes", *["0"] * len(ODD))
    result, _ = judged(path, BASE.knowledge, form=form)
    assert result.kept == tuple(ODD)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,sepsis,id\n", "there are two columns, 'id' and 'id'"),
        ("a.csv", b"sepsis,Sepsis\n", "there are two columns, 'sepsis' and 'Sepsis'"),
        ("a.csv", b"id,sepsis,\n", "a column has no name"),
        ("a.csv", b"id;sepsis\n", "its columns are parted by a semicolon, not by a comma"),
        ("a.csv", b"id\tsepsis\n", "its columns are parted by a tab, not by a comma"),
        ("a.csv", b"id,sepsis\n1,yes\r\n2,no\n", "line 2 ends otherwise than the first"),
        ("a.csv", b"sepsis,M\xfcller\n", "line 1 is not in UTF-8"),
        ("a.csv", b"sepsis,id\n" + b"yes,1\n" * 5000 + b"no,M\xfcller\n", "line 5002 is not in UTF-8"),
        ("a.csv", b"id,sepsis\n1,yes\n2,x\r3,yes\n", "line 3 ends otherwise than the first"),
        ("a.csv", b"id,sepsis\r\n1\r\n2,x\n3,yes\r\n", "line 3 ends otherwise than the first"),
        ("a.csv", b"id,sepsis\n1,yes\n\r\n2,no,\n", "line 3 ends otherwise than the first"),
        ("a.csv", b'id,"sepsis,age\n1,yes\n', "line 1 has a quote that is not closed"),
        ("a.csv", b'id,sepsis\n5" tall,yes\n' + b"x,yes\n" * 400_000, "line 2 has a quote that is not closed, or is"),
        ("a.csv", b"id,sepsis\n" + b"x" * 3_000_000 + b",yes\n", "line 2 is longer than 2,000,000 signs"),
        ("a.jsonl", b'{"sepsis": "\xfc"}\n', "line 1 is not in UTF-8"),
        ("a.jsonl", b'[{"sepsis": "yes"},\n{"sepsis": "no"}\n]\n', "it is one list of JSON"),
        ("a.jsonl", b'[\n{"sepsis": "yes"},\n{"sepsis": "no"}\n]\n', "it is one list of JSON"),
        ("a.jsonl", b'{"sepsis": "yes", "id": 1, "ID": 2}\n', "there are two columns, 'id' and 'ID'"),
        ("a.jsonl", b'{"sepsis": "yes"}\n{"sepsis": "\xff"}\n', "Write it as UTF-8, with one JSON object a line."),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_or_none_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as problem:
        read(tmp_path / name)
    assert said in str(problem.value)


# Lines. ------------------------------------------------------------------------------------


def test_blank_lines_and_cells_over_several_lines_leave_the_numbers_right(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfsepsis,id\r\nyes,"1\r\n\r\n"\r\n\r\n\r\nno,2,3\r\n\r\nno,3\r\nno\r\n')
    rows, malformed = read(path)
    assert rows == [(1, "yes", "1\r\n\r\n"), (3, "no", "3")]
    assert malformed == {2: "3 cells, where the table has 2 columns", 4: "1 cell, where the table has 2 columns"}


def test_a_row_shifted_by_a_comma_is_not_taken_although_its_last_cells_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,sepsis,hypotension\n1,yes,\nSmith, John,yes,\n3,no,\n4,no,,,\n")
    rows, malformed = read(path)
    assert rows == [(1, "1", "yes", None), (3, "3", "no", None)]
    assert list(malformed) == [2, 4]


CELLS = st.sampled_from(["yes", "", "1", 'a "word"', "two\nlines", "\n\n", "a,b", "it's"])
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=4).filter(lambda cells: len(cells) > 1 or cells[0]), max_size=9)


def test_the_rows_of_any_csv_file_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    @settings(max_examples=100)
    @given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sets(st.integers(0, 9)))
    def number(lines: list[list[str]], end: str, blank: set[int]) -> None:
        lines = [[cell.replace("\n", end) for cell in cells] for cells in lines]
        written = [["sepsis", "id", "ward"], *lines]
        with open(path, "w", encoding="utf-8", newline="") as file:
            for place, cells in enumerate(written):
                csv.writer(file, lineterminator=end).writerow(cells)
                file.write(end if place in blank else "")
        rows, malformed = read(path)
        assert rows == [(nr, *(cell or None for cell in cells)) for nr, cells in enumerate(lines, 1) if len(cells) == 3]
        assert list(malformed) == [nr for nr, cells in enumerate(lines, 1) if len(cells) != 3]

    number()


def test_a_line_of_json_that_says_one_thing_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"sepsis": "no"}\n{"sepsis": "yes", "sepsis": "no"}\n')
    assert read(path)[1] == {2: "a key stands in it twice"}


# Types. ------------------------------------------------------------------------------------


def test_numbers_are_taken_in_any_exact_type(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    cells = "(70.5, 66), (70.1234567, 66), (NULL, 66.5)"
    types = "weight::DECIMAL(38, 10) AS actual_weight_kg, age::DOUBLE AS age_years"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT {types} FROM (VALUES {cells}) t(weight, age)) TO '{path}'")
    result, rows = judged(path, BASE.knowledge)
    told = rejected(result)
    assert len(rows) == 1
    assert [told[number].split(" is ")[0] for number in (2, 3)] == [
        "actual_weight_kg: '70.1234567000'",
        "age_years: '66.5'",
    ]


def test_small_binary_numbers_are_taken_and_none_is_rounded(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = "(1, 0.5), (2, 1e-5), (3, 1e-7), (4, 1e-20), (5, 1e300), (6, NULL)"
    duckdb.execute(f"COPY (SELECT id, n::DOUBLE AS serum_iga_g_per_l FROM (VALUES {numbers}) t(id, n)) TO '{path}'")
    result, rows = judged(path, BASE.knowledge, check=9)
    assert [row["id"] for row in rows] == [1, 2, 6]
    assert list(rejected(result)) == [3, 4, 5]


def test_truths_are_not_taken_for_words(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(f"COPY (SELECT true AS sepsis) TO '{path}'")
    with pytest.raises(InputError, match="the column 'sepsis' holds true and false, where yes and no are taken"):
        judged(path, BASE.knowledge)


def test_a_row_in_which_nothing_stands_is_no_patient(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,diagnosis,sepsis\n1,other,\n,,\n3,,\n")
    result, rows = judged(path, BASE.knowledge)
    assert [row["id"] for row in rows] == ["1", "3"]
    assert rejected(result) == {2: "nothing stands in this row"}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_path_is_one_file_whatever_signs_are_in_it(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "diagnosis=other" / "S01=applies"
    folder.mkdir(parents=True)
    path = table(folder / f"p[1].{form}", [{"nr": "1", "sepsis": "yes"}], ["nr", "sepsis"])
    table(folder / f"p1.{form}", [{"nr": "2", "sepsis": "no"}] * 2, ["nr", "sepsis"])
    for out in ("csv", "jsonl", "parquet"):
        result, rows = judged(path, BASE.knowledge, form=out, read=False)
        assert (result.judged, result.kept) == (1, ("nr",))
        summary = summarise(result.path, Cohort(path, (), BASE.knowledge, {}))
        assert (summary.judged, summary.statuses["undetermined"]) == (1, 1)
    assert rows == []


def test_a_rejected_row_keeps_what_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("row,ward,sepsis\nx,3,yes\ny,4,perhaps\nz,5\n")
    result, _ = judged(path, BASE.knowledge)
    assert result.rejected_path is not None
    with open(result.rejected_path, encoding="utf-8", newline="") as file:
        told = list(csv.reader(file))
    assert [[line[0], *line[2:]] for line in told[1:]] == [["2", "y", "4"], ["3", "", ""]]


def test_a_finding_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("nr,sepsis,sex\n1,yes,female\n")
    out = str(tmp_path / "b.csv")
    result = judge(Cohort(path, ("sex",), BASE.knowledge, {}), out, False, Sample(1, 1, BASE))
    assert result.kept == ("nr", "sex")
    assert "diagnosis" in result.absent
    assert Path(out).read_text().splitlines()[1].startswith("1,female,undetermined,")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('1, "a,b",yes', "line 3 has a quote within a cell that is not in quotes"),
        ('1,a"b,yes', "line 3 has a quote that is not closed"),
        ('1,"a"b,yes', "line 3 has a quote within a cell that is not in quotes, or after its end"),
    ],
)
def test_a_quote_that_readers_take_in_ways_of_their_own_refuses_the_file(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,note,sepsis\n0,,no\n{line}\n")
    with pytest.raises(InputError, match=said):
        judged(path, BASE.knowledge)


def test_a_lack_of_room_is_not_taken_for_a_fault_of_the_table() -> None:
    narrow = duckdb.connect(config={"memory_limit": "5MB", "temp_directory": ""})
    with narrow as database, pytest.raises(duckdb.OutOfMemoryException) as problem:
        database.execute("SELECT list(range) FROM range(10000000)")
    assert "it cannot be judged here: out of memory" in str(cannot_read(Path("a.csv"), problem.value))


def test_the_rows_of_a_table_are_counted_without_reading_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sepsis\nyes\nno\n")
    duckdb.execute(f"COPY (FROM range(7)) TO '{tmp_path}/a.parquet'")
    assert (rows_in(tmp_path / "a.csv"), rows_in(tmp_path / "a.parquet")) == (3, 7)


def test_a_column_to_be_kept_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ward,sepsis\n3,yes\n")
    with (
        duckdb.connect() as database,
        pytest.raises(InputError, match=r"there is no column 'wrd' to be kept\n    Did you mean ward\?"),
    ):
        open_table(database, path, BASE.knowledge, tmp_path, ["wrd"])


def test_a_number_in_json_is_taken_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    numbers = ["70", "69.99999999999999999999", "7e1", "70.500"]
    lines = [
        f'{{"nr": {nr}.50, "said": "at \\"9\\" 1, -2", "all": [1, "2"], "actual_weight_kg": {n}}}'
        for nr, n in enumerate(numbers)
    ]
    path.write_text("\n".join(lines))
    result, rows = judged(path, BASE.knowledge)
    assert list(rejected(result)) == [2, 3]
    assert [(row["nr"], row["said"], row["all"]) for row in rows] == [
        ("0.50", 'at "9" 1, -2', '[1,"2"]'),
        ("3.50", 'at "9" 1, -2', '[1,"2"]'),
    ]


def test_a_quote_that_is_not_closed_refuses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('nr,sepsis\n1,yes\n2,"no\n3,yes\n4,no\n')
    with pytest.raises(InputError, match="line 3 has a quote that is not closed"):
        judged(path, BASE.knowledge)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_kept_column_may_be_called_place(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("place,sepsis\nVienna,yes\nGraz,perhaps\nLinz,no\n")
    result, _ = judged(path, BASE.knowledge, form=form)
    with duckdb.connect() as database:
        assert database.execute(f"SELECT place FROM '{result.path}'").fetchall() == [("Vienna",), ("Linz",)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.csv", "--sql", "postgres"], "'--sql' only prints a query: leave out PATIENTS and '--out'."),
        (["--synthesise", "5", "--out", "b.csv", "--strict"], "'--synthesise' judges nobody: leave out PATIENTS"),
    ],
)
def test_what_a_command_would_not_heed_is_refused(words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["cohort", *words])
    assert done.exit_code == 2
    assert said in done.output
