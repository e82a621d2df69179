"""How, why not and what if as pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.findings import shown
from engine.language import phrase, plain
from engine.model import Knowledge
from engine.rendering import words
from engine.rendering.page import Page, joined, numbers

CHANGES_SHOWN = 6

ONE_IS_ENOUGH = "(any one of these is enough)"

_VERDICTS = {"applies": "applies", "ruled_out": "is ruled out", "undetermined": "is undetermined"}


def render_explanation(data: Mapping[str, Any], knowledge: Knowledge, width: int = 80, colour: bool = False) -> str:
    """Return an explanation as text."""
    writer = _Writer(knowledge, Page(width, colour))
    {"how": writer.how, "why_not": writer.why_not, "what_if": writer.what_if}[data["explains"]](data)
    return str(writer.page)


class Branch(Struct, frozen=True):
    """A line of an explanation, and the lines below it that it rests on."""

    text: str
    rests_on: tuple[Branch, ...] = ()


class Tree:
    """Puts the trees of a consultation into words; a rule told once is only named again.

    ``scoped`` says whether some rule rested on the test that the guideline requires of every
    statement; that is said once, in ``scope``, and not at every rule.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.required = phrase(knowledge.guideline.requires, knowledge.units)
        self.scope = f"Every statement and conflict also needs: {self.required}."
        self.scoped = False
        self.told: set[str] = set()

    def branch(self, node: Mapping[str, Any]) -> Branch | None:
        """Return a node of an explanation in words; nothing for the test that all rules rest on."""
        if "id" not in node:
            if node["test"] == self.required and node["truth"] == "yes":
                self.scoped = True
                return None
            return Branch(tested(node, self.knowledge))
        if node["id"] in self.told:
            return Branch(f"{node['id']} {concluded(node)} (as above)")
        self.told.add(node["id"])
        found = (self.branch(premise) for premise in node["from"])
        below = tuple(branch for branch in found if branch is not None)
        enough = f" {ONE_IS_ENOUGH}" if "one_is_enough" in node and len(below) > 1 else ""
        return Branch(f"{node['id']} {concluded(node)}{enough}", below)


def concluded(node: Mapping[str, Any]) -> str:
    """Say what was concluded of a rule, with its words, references and place."""
    if "source" not in node:
        holds = "holds" if node["verdict"] == "applies" else "does not hold"
        return f"{holds}: {node['says']}{_layer(node)}"
    return f"{_VERDICTS[node['verdict']]}: {node['says']} {numbers(node['references'])} ({_where(node)})"


def _layer(node: Mapping[str, Any]) -> str:
    return f" (layer {node['layer']})" if "layer" in node else ""


def _where(node: Mapping[str, Any]) -> str:
    return f"layer {node['layer']}, {node['source']}" if "layer" in node else str(node["source"])


def tested(node: Mapping[str, Any], knowledge: Knowledge) -> str:
    """Return a test with its outcome, the value of its finding, and its layer."""
    return f"{_outcome(node, knowledge)}{_layer(node)}"


def in_the_way(test: Mapping[str, Any], knowledge: Knowledge) -> str:
    """Return a test that keeps a rule from applying, with its outcome or, where that is unknown, alone."""
    wanted = "" if test["needed"] == "yes" else " (would have to be false)"
    known = f"{test['test']}{_layer(test)}" if test["truth"] == "unknown" else tested(test, knowledge)
    return f"{known}{wanted}"


def _outcome(node: Mapping[str, Any], knowledge: Knowledge) -> str:
    def value(finding: str, known: Any) -> str:
        return f"{finding} = {shown(known, knowledge.findings[finding])}"

    if "finding" not in node:
        return f"{node['test']}: {node['truth']}"
    if "not_applicable" in node:
        governor = node["not_applicable"]
        return f"{node['finding']} is not applicable, for {value(governor['finding'], governor['value'])}"
    known = value(node["finding"], node["value"])
    origin = f", from {joined(node['derived_from'])}" if "derived_from" in node else ""
    if "parameter" in node:
        origin += f" by the local parameter {node['parameter']} (not in the source)"
    plainly = node["test"] in (node["finding"], known.replace(" = ", " is "))
    return f"{known}{origin}" if plainly else f"{known}{origin}: '{node['test']}' is {node['truth']}"


class _Writer:
    """Writes one explanation."""

    def __init__(self, knowledge: Knowledge, page: Page) -> None:
        self.knowledge = knowledge
        self.page = page

    # How. ----------------------------------------------------------------------------------

    def how(self, data: Mapping[str, Any]) -> None:
        if data["tree"] is None:
            self.page.text(f"{data['id']}{_layer(data)} is undetermined: nothing was concluded.", style="bold")
            self.page.text(f"It waits for {words.named(self.knowledge, data['missing'])}.")
            self.page.text(f"'why-not {data['id']}' shows what each of them would have to be.")
            return
        tree = Tree(self.knowledge)
        self.branch(tree.branch(data["tree"]), 0)
        if tree.scoped:
            self.page.gap()
            self.page.text(tree.scope)

    def branch(self, branch: Branch | None, depth: int) -> None:
        if branch is None:
            return
        self.page.item("because" if depth else "", branch.text, 2 * depth, 8 if depth else 0)
        for below in branch.rests_on:
            self.branch(below, depth + 1)

    # Why not. ------------------------------------------------------------------------------

    def why_not(self, data: Mapping[str, Any]) -> None:
        where = f" {numbers(data['references'])} ({_where(data)})" if "source" in data else _layer(data)
        self.page.text(f"{data['id']} {_VERDICTS[data['verdict']]}: {data['says']}{where}", style="bold")
        if data["verdict"] == "applies":
            self.page.text(f"So there is no why-not; see 'how {data['id']}'.")
            return
        self.stands_in_the_way("Failed", data["failed"])
        self.stands_in_the_way("Unknown", data["unknown"])
        self.page.heading("Smallest changes that would make it apply")
        for number, changes in enumerate(data["changes"][:CHANGES_SHOWN], 1):
            self.page.item(f"{number}.", joined((self.change(change) for change in changes), "; "), hang=4)
        if len(data["changes"]) > CHANGES_SHOWN:
            self.page.text(f"and {len(data['changes']) - CHANGES_SHOWN} more of as many changes (--format json)", 2)
        if not data["changes"]:
            self.page.text("None was found among changes of up to three steps.", 2)

    def stands_in_the_way(self, heading: str, tests: Iterable[Mapping[str, Any]]) -> None:
        if tests:
            self.page.heading(heading)
        for test in tests:
            self.page.item("–", in_the_way(test, self.knowledge), hang=2)

    def change(self, change: Mapping[str, Any]) -> str:
        finding = self.knowledge.findings[change["finding"]]
        return f"{change['finding']}: {shown(change['from'], finding)} → {shown(change['to'], finding)}{_layer(change)}"

    # What if. ------------------------------------------------------------------------------

    def what_if(self, data: Mapping[str, Any]) -> None:
        self.page.heading("If")
        for change in data["changes"]:
            self.page.item("–", self.change(change), hang=2)
        if not data["changes"]:
            self.page.text("nothing were different: these are the findings already.", 2)
        self.page.heading("Then")
        before, after = data["status"]["from"], data["status"]["to"]
        self.page.text(
            f"The status stays {after}." if before == after else f"The status changes from {before} to {after}.", 2
        )
        if not data["verdicts"]:
            self.page.text("No statement and no conflict comes out differently.", 2)
        for verdict, heading in (
            ("applies", "Now applies"),
            ("ruled_out", "Now ruled out"),
            ("undetermined", "Now undetermined"),
        ):
            self.verdicts(heading, [v for v in data["verdicts"] if v["to"] == verdict])
        self.doses("Doses no longer given", data["doses"]["gone"])
        self.doses("Doses now given", data["doses"]["new"])

    def verdicts(self, heading: str, verdicts: Iterable[Mapping[str, Any]]) -> None:
        if verdicts:
            self.page.heading(heading)
        for verdict in verdicts:
            where = f" {numbers(verdict['references'])}" if "references" in verdict else ""
            self.page.item(verdict["id"], f"{verdict['says']}{where}{_layer(verdict)}")
            decided = verdict["because"] or verdict["missing"]
            word = "because of" if verdict["because"] else "waits for"
            reasons = f"{word} {words.named(self.knowledge, decided)}{self.fulfilled(verdict)}"
            self.page.note(f"was {verdict['from'].replace('_', ' ')}; {reasons}")

    def fulfilled(self, verdict: Mapping[str, Any]) -> str:
        if "fulfilled" not in verdict:
            return ""
        return f"; fulfilled: {verdict['fulfilled']['from']} → {verdict['fulfilled']['to']}"

    def doses(self, heading: str, doses: Iterable[Mapping[str, Any]]) -> None:
        if doses:
            self.page.heading(heading)
        for dose in doses:
            self.page.item(dose["statement"], _dose(dose))


def _dose(dose: Mapping[str, Any]) -> str:
    of = f"of {dose['of']}, read of the {'course' if dose['reading'] == 'total' else 'day'}: " if "of" in dose else ""
    if dose["total_g"] is None:
        return f"{of}{_number(dose['g_per_kg'])} g/kg over {dose['days']} days; no grams: the weight is unknown"
    days = f"for {dose['days']} days" if dose["days"] is not None else "for no whole number of the days stated"
    weight = f"{_number(dose['weight_kg'])} kg {dose['weight_basis'].replace('_', ' ')} weight"
    course = f"{_number(dose['total_g'])} g in all, {_number(dose['daily_g'])} g a day {days}"
    return f"{of}{course} ({_number(dose['g_per_kg'])} g/kg × {weight})"


def _number(value: Decimal) -> str:
    return plain(value)
