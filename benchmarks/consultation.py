"""One consultation, knowledge loaded, against CLIPS and against plain experta.

    python -m benchmarks.consultation

The three run the same productions on the same facts. Before anything is timed, their conclusions
are compared on every worked case. Ours does more in its time: it judges every rule a second time,
names the findings that decided or are missing, computes the doses and keeps the trace.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import clips

from engine import rete
from engine.cases import load_cases
from engine.compiler import NOTHING, RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import consult
from engine.findings import Findings, interpret
from engine.loading import SHIPPED, load
from engine.truth import Truth

ROUNDS = 7

Facts = Mapping[str, str]
Conclusions = dict[str, str]


def facts(base: RuleBase, findings: Findings) -> Facts:
    """Return what is known before inference: the tests on findings, to yes or no."""
    judge = Judge(base.knowledge, findings)
    truths = {about: judge.test(test).truth for about, test in base.tests.items()}
    return {about: truth.value for about, truth in truths.items() if truth is not Truth.UNKNOWN} | {NOTHING: "no"}


class Clips:
    """The productions as CLIPS rules."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.environment = clips.Environment()
        self.environment.build("(deftemplate holds (slot about (type STRING)) (slot truth (type SYMBOL)))")
        for order, production in enumerate(base.network.productions):
            patterns = " ".join(_fact(premise.about, premise.truth) for premise in production.premises)
            if production.needed != len(production.premises):
                patterns = f"(or {patterns})"  # the shipped rules count to one or to all
                assert production.needed == 1
            action = _fact(production.about, production.truth)
            self.environment.build(f"(defrule r{order} {patterns} => (assert {action}))")

    def run(self, known: Facts) -> Conclusions:
        """Return what CLIPS concludes."""
        self.environment.reset()
        holds = self.environment.find_template("holds")
        for about, truth in known.items():
            holds.assert_fact(about=about, truth=clips.Symbol(truth))
        self.environment.run()
        found = {
            fact["about"]: str(fact["truth"]) for fact in self.environment.facts() if fact.template.name == "holds"
        }
        return {name: found[name] for name in self.base.knowledge.rules if name in found}


def _fact(about: str, truth: str) -> str:
    return f'(holds (about "{about}") (truth {truth}))'


class PlainSession(rete.Session):
    """A session with experta's own matcher."""

    __matcher__ = rete.PLAIN_MATCHER


class PlainExperta:
    """The productions in experta as it comes, its network built once."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.session = PlainSession(base.network)

    def run(self, known: Facts) -> Conclusions:
        """Return what plain experta concludes."""
        self.session.steps.clear()
        self.session.known.clear()
        self.session.reset()
        self.session.declare(*(rete.Holds(about=about, truth=truth) for about, truth in known.items()))
        self.session.run()
        found = {step.about: step.truth for step in self.session.steps}
        return {name: found[name] for name in self.base.knowledge.rules if name in found}


def ours(base: RuleBase, findings: Findings) -> Conclusions:
    """Return what a consultation concludes."""
    words = {"applies": "yes", "ruled_out": "no"}
    verdicts = consult(base, findings).verdicts
    return {name: words[v.verdict] for name, v in verdicts.items() if v.verdict in words}


def seconds_each(work: Callable[[], object], times: int) -> float:
    """Return the seconds that one of several runs of some work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / times


def main() -> None:
    """Check that all agree on every worked case, then time them and print the ratios."""
    base = compile_rules(load())
    patients = [interpret(base.knowledge, case.findings, case.parameters) for case in load_cases(SHIPPED)]
    known = [facts(base, findings) for findings in patients]
    in_clips, in_experta = Clips(base), PlainExperta(base)
    for findings, given in zip(patients, known, strict=True):
        expected = ours(base, findings)
        assert in_clips.run(given) == expected
        assert in_experta.run(given) == expected
    few = len(patients) // 12
    runs: Mapping[str, tuple[Callable[[], object], int]] = {
        "ivig-mg": (lambda: [ours(base, findings) for findings in patients], len(patients)),
        "CLIPS": (lambda: [in_clips.run(given) for given in known], len(patients)),
        "plain experta": (lambda: [in_experta.run(given) for given in known[:few]], few),
    }
    rounds = [{name: seconds_each(*run) for name, run in runs.items()} for _ in range(ROUNDS)]
    print(f"{len(patients)} worked cases answered alike by all three; medians of {ROUNDS} rounds\n")
    for name in runs:
        print(f"{name:>14}: {_median(rounds, name) * 1000:8.3f} ms a consultation")
    print()
    print(f"ivig-mg takes {_ratio(rounds, 'ivig-mg', 'CLIPS'):.1f} times as long as CLIPS")
    print(f"plain experta takes {_ratio(rounds, 'plain experta', 'ivig-mg'):.1f} times as long as ivig-mg")


def _median(rounds: Sequence[Mapping[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in rounds)


def _ratio(rounds: Sequence[Mapping[str, float]], one: str, other: str) -> float:
    return statistics.median(each[one] / each[other] for each in rounds)


if __name__ == "__main__":
    main()
