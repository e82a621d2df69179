"""What must hold between the entries of a knowledge base; each breach is a fault of its entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine import forms, language, model
from engine.documents import Document
from engine.entries import Doubt, Entry
from engine.errors import did_you_mean, listed, shortened
from engine.model import WEIGHTS_BY_BASIS
from engine.shapes import MISSING

LONGEST_CHAIN = 100
"""How many rules may rest on each other in a row."""

ByKind = Mapping[str, Mapping[str, Entry]]
"""The entries of each kind, by id."""


def check(knowledge: model.Knowledge, entries: ByKind, doubt: Doubt) -> None:
    """Note every breach in a knowledge base as a fault of the entry it stands in."""
    conflicts = entries["conflicts"]
    rules = {**entries["statements"], **entries["concepts"]}
    for name, finding in knowledge.findings.items():
        _check_governor(entries["findings"][name], finding, knowledge.findings)
    for name, parameter in knowledge.parameters.items():
        _check_parameter(entries["parameters"][name], parameter, knowledge.findings, doubt)
    _check_statements(knowledge, entries, doubt)
    for conflict in knowledge.conflicts.values():
        for name in (name for side in conflict.between for name in side):
            require(name, rules, conflicts[conflict.id], "between", doubt)
    for note in knowledge.notes.values():
        for name in note.attaches_to:
            require(name, {**rules, **conflicts}, entries["context"][note.id], "attaches to", doubt)
    if not doubt and not any(conflict.document.faults for conflict in conflicts.values()):
        _check_opposition(knowledge, rules)
    _check_chains(knowledge, {**rules, **conflicts})


def check_layer(knowledge: model.Knowledge, below: model.Knowledge, entries: ByKind, doubt: Doubt) -> None:
    """Note everything by which a layer would change what is below it."""
    for name, parameter in knowledge.parameters.items():
        if name not in below.parameters and parameter.derives in below.findings:
            found = f"it would derive '{parameter.derives}', which what is below the layer reads"
            entries["parameters"][name].fault(found, "Let it derive a finding of the layer.", "derives")
    for name in knowledge.regimens:
        if name not in below.statements:
            found = "a layer cannot hold a regimen: the tests on doses of what is below it would read it"
            entries["statements"][name].fault(found, "Say the dose in words, with another kind.", "kind")
    for kind in ("findings", "concepts", "statements", "conflicts", "parameters", "context"):
        for name, entry in entries[kind].items():
            if name in knowledge.guideline.sections:
                entry.fault(f"'{name}' is the code of a section", "Choose another name.")
    if not doubt and not any(conflict.document.faults for conflict in entries["conflicts"].values()):
        _check_deciding(knowledge, below, entries["conflicts"])


def _check_deciding(knowledge: model.Knowledge, below: model.Knowledge, conflicts: Mapping[str, Entry]) -> None:
    """Find conflicts of a layer that would decide the status by no statement of its own."""
    own = set(knowledge.statements_of("against", "contraindication")) - set(below.statements)
    for name, conflict in knowledge.conflicts.items():
        if name not in below.conflicts and conflict.decides_status and not _implies_any(conflict.when, own):
            found = "it would decide the status by no statement of the layer that argues against a use"
            conflicts[name].fault(found, "Remove 'decides status:', or test such a statement.", "when")


def _implies_any(condition: model.Condition, names: set[str]) -> bool:
    """Whether a condition can hold only where one of some statements applies, by its form."""
    if isinstance(condition, model.Named):
        return condition.name in names
    if not isinstance(condition, model.Gate) or not condition.of:
        return False
    implying = sum(_implies_any(part, names) for part in condition.of)
    return len(condition.of) - implying < condition.needed


def require(name: str, known: Mapping[str, object], entry: Entry, key: str, doubt: Doubt) -> None:
    """Note that a name is not among those known, with the nearest that are; one in doubt may be."""
    if name not in known and name not in doubt:
        hint = did_you_mean(name, known) or "Check the id."
        entry.fault(f"'{shortened(name)}' is not a known id", hint, key)


def _check_governor(entry: Entry, finding: model.Finding, findings: Mapping[str, model.Finding]) -> None:
    governor = findings.get(finding.only_if.finding) if finding.only_if is not None else None
    if governor is not None and governor.only_if is not None:
        found = f"it is governed by '{governor.name}', which is governed itself"
        entry.fault(found, "Let one finding that is always applicable govern both.", "only if")


def _check_parameter(
    entry: Entry, parameter: model.Parameter, findings: Mapping[str, model.Finding], doubt: Doubt
) -> None:
    named = [parameter.derives, *filter(None, [parameter.source])]
    for formula in (parameter.formulas or {}).values():
        named += [formula.sex, formula.height, formula.not_for]
    for name in named:
        require(name, findings, entry, "derives", doubt)
    if parameter.type == "choice":
        if set(entry.values.get("choices", ())) != set(parameter.formulas or {}):
            entry.fault("'choices' and 'formulas' do not name the same formulas", "Give each choice its formula.")
        return
    needed = {key: key in entry.node.values for key in ("range", "from", "below", "otherwise")}
    if not all(needed.values()):
        missing = listed([f"'{key}:'" for key, is_there in needed.items() if not is_there])
        entry.fault("a limit needs 'range', 'from', 'below' and 'otherwise'", f"Add {missing}.")
    target = findings.get(parameter.derives)
    for word in filter(None, [parameter.below, parameter.otherwise]):
        if target is not None and word not in language.choices(target):
            entry.fault(f"'{word}' is not a value of '{target.name}'", f"It takes {language.accepted(target)}.")


def _check_statements(knowledge: model.Knowledge, entries: ByKind, doubt: Doubt) -> None:
    """Check every statement, and of one that cannot be read whole what can be."""
    for name, entry in entries["statements"].items():
        if name in knowledge.statements:
            _check_statement(entry, knowledge, entries["conflicts"], doubt)
        elif name not in knowledge.document:
            _check_as_far_as_read(entry, knowledge, doubt)


def _check_statement(entry: Entry, knowledge: model.Knowledge, conflicts: Mapping[str, object], doubt: Doubt) -> None:
    statement = knowledge.statements[entry.id]
    _check_references(entry, statement.references, knowledge, doubt)
    if not doubt.sections:
        _check_source(entry, statement.source, knowledge.guideline)
    if (statement.kind == "regimen") != ("regimen" in entry.node.values):
        entry.fault(
            "a statement of kind regimen has a 'regimen:', and no other has", "Add or remove 'regimen:'.", "kind"
        )
    if statement.regimen is not None:
        _check_regimen(entry, statement.regimen, knowledge, conflicts, doubt)
    if statement.course is not None:
        _check_course(entry, statement.course, knowledge, doubt)
    if statement.spread is not None:
        if not isinstance(statement.when, model.AnyDose):
            entry.fault("'spread' belongs to a rule on doses", "Write 'when: any dose > 80 g'.", "spread")
        if statement.spread.outside:
            require(statement.spread.outside, conflicts, entry, "spread", doubt)


def _check_as_far_as_read(entry: Entry, knowledge: model.Knowledge, doubt: Doubt) -> None:
    """Check where a statement stands and what it cites, although something else of it cannot be read."""
    noted_already = Document(entry.document.name)
    keys = forms.statement_form(model.KINDS).keys
    values = {
        key: keys[key].type.read(entry.node.values[key], noted_already)
        for key in ("source", "references")
        if key in entry.node.values
    }
    if values.get("references", MISSING) is not MISSING:
        _check_references(entry, values["references"], knowledge, doubt)
    if values.get("source", MISSING) is not MISSING and not doubt.sections:
        _check_source(entry, values["source"], knowledge.guideline)


def _check_references(
    entry: Entry, references: Iterable[model.ReferenceKey], knowledge: model.Knowledge, doubt: Doubt
) -> None:
    for number in references:
        if number not in knowledge.references and number not in doubt:
            known = listed([str(n) for n in model.in_order(knowledge.references)])
            remedy = f"The references there are {known}." if known else "Add it there."
            entry.fault(f"reference {number} is not in references.yaml", remedy, "references")


def _check_source(entry: Entry, source: str, guideline: model.Guideline) -> None:
    code, _, bullet = source.partition(".")
    section = guideline.sections.get(code)
    if section is None:
        entry.fault(
            f"there is no section '{code}' in guideline.yaml",
            f"The sections are {listed(list(guideline.sections))}.",
            "source",
        )
    elif int(bullet or 1) > len(section.bullets):
        entry.fault(
            f"in guideline.yaml, the last bullet of section {code} is {len(section.bullets)}",
            "Add its digest, or mend the number.",
            "source",
        )


def _check_regimen(
    entry: Entry,
    regimen: model.Regimen,
    knowledge: model.Knowledge,
    conflicts: Mapping[str, object],
    doubt: Doubt,
) -> None:
    for weight in WEIGHTS_BY_BASIS[regimen.weight]:
        require(weight, knowledge.findings, entry, "regimen", doubt)
    if regimen.daily is not None and regimen.daily * regimen.days != regimen.high:
        a_day = language.plain(regimen.high / regimen.days)
        entry.fault(
            f"{language.plain(regimen.high)} g/kg over {regimen.days} days is {a_day} g/kg a day",
            "Mend 'daily'.",
            "regimen",
        )
    if regimen.lower_end:
        require(regimen.lower_end, conflicts, entry, "regimen", doubt)


def _check_course(entry: Entry, course: model.OnCourse, knowledge: model.Knowledge, doubt: Doubt) -> None:
    for name in course.of:
        if name in knowledge.statements and name not in knowledge.regimens:
            entry.fault(f"'{name}' is not a regimen", "Name the statement whose dose is meant.", "course")
        else:
            require(name, knowledge.regimens, entry, "course", doubt)
    if course.low is not None and course.high is not None and course.low > course.high:
        entry.fault(f"'{course.low} to {course.high} days' runs backwards", "Put the lower day first.", "course")


def _check_opposition(knowledge: model.Knowledge, entries: Mapping[str, Entry]) -> None:
    """Find statements against a use that no conflict sets against it: the status would pass over them."""
    deciding = [conflict for conflict in knowledge.conflicts.values() if conflict.decides_status]
    opposed = {part for conflict in deciding for part in _named_under(knowledge, conflict.when)}
    for name in knowledge.statements_of("against", "contraindication"):
        statement = knowledge.statements[name]
        if name not in opposed and not set(model.parts(statement.when or model.every())) & opposed:
            found = "no conflict that decides the status tests this statement, so the status would pass over it"
            entries[name].fault(found, "Add a conflict with 'decides status: yes' that tests it.", "kind")


def _named_under(knowledge: model.Knowledge, condition: model.Condition) -> Iterator[object]:
    """Yield the names in a condition and the tests in it: a conflict may test what the statement tests."""
    for part in model.parts(condition):
        yield part.name if isinstance(part, model.Named) else part


def _check_chains(knowledge: model.Knowledge, entries: Mapping[str, Entry]) -> None:
    """Find rules that rest on themselves, or on a longer row of rules than can be followed."""
    rests_on = _rests_on(knowledge)
    remaining = set(rests_on)
    for _ in range(LONGEST_CHAIN):
        remaining -= {name for name in remaining if remaining.isdisjoint(rests_on[name])}
    cycles = list(_cycles({name: [n for n in rests_on[name] if n in remaining] for name in sorted(remaining)}))
    for cycle in cycles:
        path = " → ".join([*cycle, cycle[0]])
        entries[cycle[0]].fault(
            f"it rests on itself: {path}", "Take one of these out of the other's condition.", "when"
        )
    if remaining and not cycles:
        name = min(remaining)
        found = f"it rests on a row of more than {LONGEST_CHAIN} rules"
        entries[name].fault(found, "State some of them in terms of findings.", "when")


def _rests_on(knowledge: model.Knowledge) -> dict[str, list[str]]:
    """Return the rules that each rule rests on directly."""
    rests_on: dict[str, list[str]] = {}
    for name, condition in knowledge.rules.items():
        inside = list(model.parts(condition))
        rests_on[name] = [part.name for part in inside if isinstance(part, model.Named)]
        if any(isinstance(part, model.AnyDose) for part in inside):
            rests_on[name] += knowledge.regimens
    return rests_on


def _cycles(rests_on: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield one cycle for each group of rules that rest on themselves."""
    done: set[str] = set()
    for start, first in rests_on.items():
        path = [start]
        waiting = [iter(first)]
        while waiting and start not in done:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                done.add(path.pop())
            elif following in path:
                yield path[path.index(following) :]
                done.update(path)
                break
            elif following not in done:
                path.append(following)
                waiting.append(iter(rests_on.get(following, ())))
