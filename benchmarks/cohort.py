"""A cohort of a million synthetic patients against rule engines, and against copying the same columns.

    python -m benchmarks.cohort
    taskset --cpu-list 0 python -m benchmarks.cohort

The second uses one core. Before anything is timed, the status and every verdict of each peer are compared with ours,
on every worked case and on a sample of the cohort. Ours is timed as the command runs it: it reads the findings, finds
rows that cannot be taken, works out doses and open findings, writes the file, and checks patients by consultations.
The peers only judge: what a patient's findings come to is given to them, and nothing is read or written.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import zen
from msgspec import Struct

from benchmarks.consultation import Clips, Conclusions, Facts, PlainExperta, facts
from engine.cases import load_cases
from engine.cohorts.runs import OPTIONS, Cohort, Sample, judge
from engine.cohorts.sample import answer_of
from engine.cohorts.synthesis import synthesise
from engine.commands.cohorts import CHECKED, SEED
from engine.compiler import NOTHING, RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, consult
from engine.findings import Findings, Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from engine.rete import YES, Premise, Production
from engine.truth import Truth

ROWS = 1_000_000
SAMPLED = 2_000
FEW = 100
ROUNDS = 3

Answer = Mapping[str, str]


class Patient(Struct, frozen=True):
    """A patient as a peer gets one: the tests on findings that are decided, and what the scope comes to."""

    known: Facts
    scope: Truth


class Zen:
    """The productions as one expression node of zen-engine: an expression per proposition, true, false or null."""

    def __init__(self, base: RuleBase) -> None:
        concluded = dict.fromkeys(production.about for production in base.network.productions)
        self.base = base
        self.given = {about: f"given{number}" for number, about in enumerate([*base.tests, NOTHING])}
        self.keys = {about: f"rule{number}" for number, about in enumerate(concluded)}
        graph = self.graph()
        self.decision = zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(graph)))
        self.engine = zen.ZenEngine({"loader": {"type": "static", "content": {"rules": graph}}})

    def graph(self) -> dict[str, Any]:
        """Return the decision graph: what is given, the rules in firing order, what comes of them."""
        rules = [{"id": key, "key": key, "value": value} for key, value in self.expressions()]
        content = {"expressions": rules, "passThrough": False, "executionMode": "single"}
        kinds = {"input": {}, "expression": {"content": content}, "output": {}}
        place = {"position": {"x": 0, "y": 0}}
        nodes = [{"id": kind, "name": kind, "type": f"{kind}Node", **place, **more} for kind, more in kinds.items()]
        ways = [("input", "expression"), ("expression", "output")]
        edges = [{"id": one, "sourceId": one, "targetId": other, "type": "edge"} for one, other in ways]
        return {"nodes": nodes, "edges": edges}

    def expressions(self) -> Iterator[tuple[str, str]]:
        """Yield the key of each proposition with when it is true, when false, and null otherwise."""
        sides = {(one.about, one.truth == YES): self.side(one) for one in self.base.network.productions}
        for about, key in self.keys.items():
            yield key, f"({sides[about, True]}) ? true : (({sides[about, False]}) ? false : null)"

    def side(self, production: Production) -> str:
        """Return when a production fires."""
        assert production.needed in (1, len(production.premises))  # the shipped rules count to one or to all
        operator = " or " if production.needed == 1 else " and "
        return operator.join(map(self.premise, production.premises))

    def premise(self, premise: Premise) -> str:
        """Return that a premise holds; ``$`` is what the node has found so far."""
        found = f"$.{self.keys[premise.about]}" if premise.about in self.keys else self.given[premise.about]
        return f"{found} == {'true' if premise.truth == YES else 'false'}"

    def context(self, known: Facts) -> dict[str, bool | None]:
        """Return what is known before inference, null where it is not."""
        return {key: known[about] == YES if about in known else None for about, key in self.given.items()}

    def conclusions(self, response: Mapping[str, Any]) -> Conclusions:
        """Return what a response concludes."""
        found = {name: response["result"].get(self.keys[name]) for name in self.base.knowledge.rules}
        return {name: "yes" if truth else "no" for name, truth in found.items() if truth is not None}

    def run(self, context: Mapping[str, bool | None]) -> Conclusions:
        """Return what zen-engine concludes."""
        return self.conclusions(self.decision.evaluate(dict(context)))

    def run_batch(self, contexts: Sequence[Mapping[str, bool | None]]) -> list[Conclusions]:
        """Return what zen-engine concludes of many patients, on all cores."""
        responses = self.engine.evaluate_batch([{"key": "rules", "context": context} for context in contexts])
        return [self.conclusions(response["data"]) for response in responses]


def patient(base: RuleBase, findings: Findings) -> Patient:
    """Return what a peer is given of a patient."""
    scope = Judge(base.knowledge, findings).judge(base.knowledge.guideline.requires).truth
    return Patient(facts(base, findings), scope)


def answer(knowledge: Knowledge, scope: Truth, concluded: Conclusions) -> Answer:
    """Return the status and the verdicts that conclusions come to."""
    words = {"yes": APPLIES, "no": RULED_OUT}
    rules = {name: words.get(concluded.get(name, ""), UNDETERMINED) for name in knowledge.rules}
    return {"status": _status(knowledge, scope, rules)} | {
        name: verdict for name, verdict in rules.items() if name not in knowledge.concepts
    }


def _status(knowledge: Knowledge, scope: Truth, verdicts: Answer) -> str:
    indications, roles = knowledge.statements_of("indication"), knowledge.statements_of("role")
    if scope is Truth.NO:
        return "out_of_scope"
    if any(verdicts[one.id] == APPLIES for one in knowledge.conflicts.values() if one.decides_status):
        return "conflict"
    for names, status in ((indications, "indicated"), (roles, "role_only")):
        if any(verdicts[name] == APPLIES for name in names):
            return status
    is_open = any(verdicts[name] == UNDETERMINED for name in (*indications, *roles))
    return "undetermined" if is_open else "no_statement"


def cohort_rows(knowledge: Knowledge, table: Path, result: Path) -> Iterator[tuple[Findings, Answer]]:
    """Yield the first patients of a cohort, each with its answer as it was written."""
    cells = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in knowledge.findings)
    given = _rows(f"SELECT {cells} FROM read_parquet('{table}') LIMIT {SAMPLED}")
    told = _rows(f"SELECT * FROM read_parquet('{result}') LIMIT {SAMPLED}")
    for row, answered in zip(given, told, strict=True):
        findings = {name: Given(word) for name, word in row.items() if word is not None}
        yield interpret(knowledge, findings, {}), answered


def _rows(query: str) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        found = database.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def require_alike(base: RuleBase, patients: Sequence[tuple[Findings, Answer]], slow: int) -> None:
    """Require that every peer answers for these patients as we did, plain experta for the first so many."""
    in_clips, in_experta, in_zen = Clips(base), PlainExperta(base), Zen(base)
    given = [patient(base, findings) for findings, _ in patients]
    batch = in_zen.run_batch([in_zen.context(one.known) for one in given])
    for number, (one, (_, expected)) in enumerate(zip(given, patients, strict=True)):
        found = [batch[number], in_zen.run(in_zen.context(one.known)), in_clips.run(one.known)]
        if number < slow:
            found.append(in_experta.run(one.known))
        for concluded in found:
            judged = answer(base.knowledge, one.scope, concluded)
            assert judged == {name: expected[name] for name in judged}


def copy(table: Path, out: Path) -> None:
    """Copy the columns of a table, in the form that a result has."""
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT * FROM read_parquet('{table}')) TO '{out}' ({OPTIONS['parquet']})")


def rate(work: Callable[[], object], count: int) -> float:
    """Return how many patients some work does a second, the median of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return count / statistics.median(taken)


def peers(base: RuleBase, patients: Sequence[Patient]) -> Mapping[str, tuple[Callable[[], object], int]]:
    """Return what each peer does for these patients, to the answer, and for how many."""
    in_clips, in_experta, in_zen = Clips(base), PlainExperta(base), Zen(base)
    contexts = [in_zen.context(one.known) for one in patients]

    def answers(concluded: Iterator[Conclusions] | Sequence[Conclusions], count: int) -> list[Answer]:
        each = zip(patients[:count], concluded, strict=True)
        return [answer(base.knowledge, one.scope, found) for one, found in each]

    return {
        "clipspy": (lambda: answers([in_clips.run(one.known) for one in patients], SAMPLED), SAMPLED),
        "zen-engine, one by one": (lambda: answers([in_zen.run(one) for one in contexts], SAMPLED), SAMPLED),
        "zen-engine, as a batch": (lambda: answers(in_zen.run_batch(contexts), SAMPLED), SAMPLED),
        "plain experta": (lambda: answers([in_experta.run(one.known) for one in patients[:FEW]], FEW), FEW),
    }


def main() -> None:
    """Check that all agree, then time them and print the ratios."""
    base = compile_rules(load())
    with TemporaryDirectory() as folder:
        table, result, copied = (Path(folder, f"{one}.parquet") for one in ("patients", "result", "copy"))
        synthesise(base.knowledge, ROWS, SEED, table)
        cohort = Cohort(table, (), base.knowledge, {})

        def ours() -> None:
            result.unlink(missing_ok=True)
            judge(cohort, str(result), True, Sample(CHECKED, SEED, base))

        ours()
        rows = list(cohort_rows(base.knowledge, table, result))
        cases = [interpret(base.knowledge, case.findings, case.parameters) for case in load_cases(SHIPPED)]
        worked = [(findings, answer_of(consult(base, findings))) for findings in cases]
        require_alike(base, [*worked, *rows], len(worked) + FEW)
        print(f"all answer alike: {len(cases)} worked cases, {len(rows)} patients of the cohort ({FEW} plain experta)")
        print(f"cores: {len(os.sched_getaffinity(0))}; medians of {ROUNDS} rounds\n", flush=True)
        cohort_rate = rate(ours, ROWS)
        tell("ivig-mg, cohort", cohort_rate, cohort_rate)
        tell("DuckDB, copy", rate(lambda: copy(table, copied), ROWS), cohort_rate)
    for name, work in peers(base, [patient(base, findings) for findings, _ in rows]).items():
        tell(name, rate(*work), cohort_rate)


def tell(name: str, found: float, ours: float) -> None:
    """Print how fast something is, and how many times as fast we are."""
    times = f"the cohort is {ours / found:8.3g} times as fast"
    print(f"{name:>24}: {found:12,.0f} patients a second; {times}", flush=True)


if __name__ == "__main__":
    main()
