"""The forms that the entries of YAML files take: which keys, of which type, required or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.shapes import (
    ConditionNode,
    Figure,
    Form,
    Key,
    ListOf,
    MapOf,
    OneOf,
    Pattern,
    Prose,
    Quantity,
    Range,
    ReferenceKeyShape,
    Type,
    WordsByName,
)

CONDITION = ConditionNode()
NAME = Pattern(r"[a-z][a-z0-9_]{0,60}", "a name in small letters, digits and '_'")
DIGEST = Pattern(r"[0-9a-f]{64}", "a SHA-256 digest of 64 hexadecimal digits")
DIGEST_IF_HELD = Pattern(r"[0-9a-f]{64}|not held", "a SHA-256 digest of 64 hexadecimal digits, or 'not held'")
ID = Pattern(r"[A-Za-z][A-Za-z0-9_]{0,60}", "a name or an id")
YES_NO = OneOf(("yes", "no"))
TYPES = ("yes/no", "choice", "whole number", "number")


def _form(
    name: str, required: Mapping[str, Type], optional: Mapping[str, Type] | None = None, in_parts: bool = False
) -> Form:
    keys = {key: Key(type_) for key, type_ in required.items()}
    keys |= {key: Key(type_, required=False) for key, type_ in (optional or {}).items()}
    return Form(name, keys, in_parts)


SECTION = _form(
    "a section",
    {"heading": Prose(), "part": Prose(), "bullets": ListOf(DIGEST, "a list of digests, one a bullet")},
)

LEFT_OUT = _form("a part left out", {"what": Prose(), "reason": Prose()})

GUIDELINE = _form(
    "the guideline",
    {
        "id": Pattern(r"[a-z][a-z0-9-]{0,60}", "an id in small letters, digits and '-'"),
        "edition": Prose(),
        "title": Prose(),
        "treatment": Prose("the treatment that the guideline is about"),
        "requires": CONDITION,
        "sections": MapOf(SECTION, "the sections of the source, by code"),
    },
    {
        "not covered": ListOf(Prose("a topic"), "a list of topics", may_be_empty=True),
        "left out": ListOf(LEFT_OUT, "a list of what was left out, and why", may_be_empty=True),
    },
)

LAYER = _form(
    "the layer",
    {
        "id": NAME,
        "edition": Prose(),
        "title": Prose(),
        "sections": MapOf(
            _form(
                "a section",
                {
                    "heading": Prose(),
                    "part": Prose(),
                    "bullets": ListOf(DIGEST_IF_HELD, "a list of digests, one a bullet"),
                },
            ),
            "the sections of the source, by code",
        ),
    },
    {"left out": ListOf(LEFT_OUT, "a list of what was left out, and why", may_be_empty=True)},
)

REFERENCE = _form("a reference", {"basis": Prose()}, {"entry": Prose()})

FINDING = _form(
    "a finding",
    {"asks": Prose("a question"), "type": OneOf(TYPES)},
    {
        "topic": Prose("a topic"),
        "choices": ListOf(NAME, "a list of choices"),
        "unit": Prose("a unit"),
        "range": Range(),
        "only if": Prose("a test on another finding", may_have_comment=True),
        "help": Prose(),
        "undefined": Prose(),
    },
)

CONCEPT = _form("a concept", {"says": Prose(), "when": CONDITION})

REGIMEN = _form(
    "a regimen",
    {
        "total": Range("g/kg", single=True),
        "over": Pattern(r"[1-9][0-9]? days?", "a number of days such as '5 days'"),
        "weight": OneOf(("ideal", "actual", "not stated")),
    },
    {"daily": Quantity("g/kg"), "lower end": ID},
)

COURSE = _form(
    "a place on the course",
    {
        "shows": Pattern(
            r"before|alongside|each day|in words|(after )?[1-9][0-9]? to [1-9][0-9]? days",
            "'before', 'alongside', 'each day', 'in words' or days such as '12 to 15 days' or 'after 12 to 15 days'",
        ),
    },
    {"label": Prose("a few words"), "of": ListOf(ID, "a list of regimens")},
)

SPREAD = _form("a spread", {"daily": Quantity("g/kg"), "over": Range("days")}, {"outside": ID})

CONFLICT = _form(
    "a conflict",
    {"says": Prose(), "when": CONDITION},
    {
        "between": ListOf(ListOf(ID, "a list of ids"), "a list of sides, each a list of ids", may_be_empty=True),
        "decides status": YES_NO,
    },
)

FORMULA = _form(
    "a formula",
    {
        "sex": NAME,
        "height": NAME,
        "base": MapOf(Quantity("kg"), "a base weight in kg for each sex"),
        "per inch above": Quantity("kg"),
        "from height": Quantity("inches"),
        "not for": NAME,
        "rounded to": Quantity("kg"),
    },
)

PARAMETER = _form(
    "a parameter",
    {"says": Prose(), "type": OneOf(("whole number", "number", "choice")), "derives": NAME},
    {
        "unit": Prose("a unit"),
        "range": Range(),
        "from": NAME,
        "below": Prose("a value"),
        "otherwise": Prose("a value"),
        "choices": ListOf(NAME, "a list of formulas"),
        "formulas": MapOf(FORMULA, "the formulas, by name"),
    },
)

NOTE = _form("a note", {"says": Prose(), "citation": Prose(), "attaches to": ListOf(ID, "a list of ids")})

DOSE = _form(
    "an expected dose",
    {"statement": ID, "g_per_kg": Figure("a number")},
    {
        "of": ID,
        "reading": OneOf(("total", "daily")),
        "weight_basis": Figure(),
        "weight_kg": Figure(),
        "total_g": Figure(),
        "days": Figure(),
        "daily_g": Figure(),
    },
)

EXPECTATIONS = _form(
    "the expectations",
    {},
    {
        "status": OneOf(("indicated", "conflict", "role_only", "undetermined", "no_statement", "out_of_scope")),
        "applies": ListOf(ID, "a list of ids", may_be_empty=True),
        "ruled_out": ListOf(ID, "a list of ids", may_be_empty=True),
        "undetermined": ListOf(ID, "a list of ids", may_be_empty=True),
        "fulfilled": MapOf(OneOf(("yes", "no", "unknown")), "yes, no or unknown by statement"),
        "references": MapOf(
            ListOf(ReferenceKeyShape(), "a list of reference numbers", may_be_empty=True),
            "reference numbers by statement or conflict",
        ),
        "kinds": MapOf(Prose("a kind of statement"), "the kind by statement"),
        "between": MapOf(ListOf(ID, "a list of ids", may_be_empty=True), "statements by conflict"),
        "doses": ListOf(DOSE, "a list of doses", may_be_empty=True),
        "open": ListOf(NAME, "a list of findings", may_be_empty=True),
        "closed": ListOf(NAME, "a list of findings", may_be_empty=True),
        "first": NAME,
    },
    in_parts=True,
)

CASE = _form(
    "a case",
    {"findings": WordsByName()},
    {"says": Prose("a clinical sentence"), "parameters": WordsByName(), "expect": EXPECTATIONS},
    in_parts=True,
)


def statement_form(kinds: Sequence[str]) -> Form:
    """Return the form of a statement that is a rule, of one of these kinds."""
    return _form(
        "a statement",
        {
            "says": Prose(),
            "kind": OneOf(kinds),
            "source": Pattern(r"[A-Z][0-9]?(\.[1-9][0-9]?)?", "a place such as 'A1.2' (section, bullet) or 'L'"),
            "references": ListOf(ReferenceKeyShape(), "a list of reference numbers"),
            "when": CONDITION,
        },
        {"regimen": REGIMEN, "spread": SPREAD, "fulfilled": CONDITION, "before treatment": YES_NO, "course": COURSE},
    )


NOT_ENCODED = _form(
    "a statement that is no rule",
    {"says": Prose(), "not encoded": Prose("a reason")},
    {"source": Prose(), "on top": YES_NO},
)

PARAMETERS = _form("a parameter file", {"parameters": WordsByName()})
