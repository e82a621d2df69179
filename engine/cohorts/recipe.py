"""What synthetic patients are like: tables of chances, each resting on what was drawn above it.

Every figure here is a plausible invention, made so that a cohort looks like one; none is epidemiology, and none may be
cited. A case is a condition on what was drawn before, in SQL, and what then counts; the first that is true does.
What begins with an underscore is drawn and never shown: it is why findings go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

Cases = tuple[tuple[str, float], ...]
"""A chance for each case; the last case is always true."""

ALWAYS = "TRUE"


class Words(Struct, frozen=True):
    """A word by chance: for each case, the chance of each word, one in all."""

    cases: tuple[tuple[str, Mapping[str, float]], ...]

    @property
    def words(self) -> set[str]:
        """Every word that can be drawn."""
        return {word for _, chances in self.cases for word in chances}


class Amount(Struct, frozen=True):
    """A number about a middle, with a standard deviation (both in SQL), kept between two limits."""

    middle: str
    deviation: str
    low: Decimal
    high: Decimal
    decimals: int = 0


def words(*cases: tuple[str, Mapping[str, float]], **otherwise: float) -> Words:
    """Return words by chance: those of the cases, else the last."""
    return Words((*cases, (ALWAYS, otherwise)))


def yes(*cases: tuple[str, float], otherwise: float) -> Words:
    """Return a yes by chance, else a no."""
    return Words(
        tuple((when, {"yes": chance, "no": 1 - chance}) for when, chance in chances(*cases, otherwise=otherwise))
    )


def chances(*cases: tuple[str, float], otherwise: float) -> Cases:
    """Return the chance of each case, else the last."""
    return (*cases, (ALWAYS, otherwise))


def amount(middle: str, deviation: str, low: str, high: str, decimals: int = 0) -> Amount:
    """Return a number about a middle."""
    return Amount(middle, deviation, Decimal(low), Decimal(high), decimals)


EMERGENCY, WARD = "_setting = 'emergency'", "_setting = 'ward'"
SEVERE, MODERATE, MILD = "_severity = 'severe'", "_severity = 'moderate'", "_severity = 'mild'"
REFRACTORY, TREATED, NEW = "_course = 'refractory'", "_course = 'treated'", "_course = 'new'"
CRISIS, BREATHLESS = "myasthenic_crisis = 'yes'", "respiratory_compromise = 'yes'"
MINOR, TOO_SHORT = "age_years < 18", "height_cm < 152.4"

DRAWN: tuple[Mapping[str, Words | Amount], ...] = (
    {
        "diagnosis": words(myasthenia_gravis=0.96, other=0.04),
        "_setting": words(outpatient=0.62, ward=0.26, emergency=0.12),
        "_onset": words(child=0.04, early=0.36, late=0.6),
        "_course": words(new=0.3, treated=0.55, refractory=0.15),
        "iga_status": words(normal=1 - 1 / 600, deficient=1 / 600),
    },
    {
        "age_years": amount(
            "CASE _onset WHEN 'child' THEN 11 WHEN 'early' THEN 34 ELSE 69 END",
            "CASE _onset WHEN 'child' THEN 4 WHEN 'early' THEN 9 ELSE 9.5 END",
            "1",
            "100",
        ),
        "_severity": words(
            (EMERGENCY, {"severe": 0.74, "moderate": 0.23, "mild": 0.03}),
            (WARD, {"severe": 0.4, "moderate": 0.5, "mild": 0.1}),
            severe=0.05,
            moderate=0.4,
            mild=0.55,
        ),
    },
    {
        "sex": words(
            ("age_years BETWEEN 13 AND 49", {"female": 0.7, "male": 0.3}),
            ("age_years >= 50", {"female": 0.42, "male": 0.58}),
            female=0.52,
            male=0.48,
        ),
        "child": yes(("age_years < 16", 1), (MINOR, 0.85), otherwise=0),
        "severe_disease": yes((SEVERE, 0.93), (MODERATE, 0.05), otherwise=0.002),
        "graded": yes((EMERGENCY, 0.35), (WARD, 0.5), otherwise=0.4),
        "grade": words(
            (SEVERE, {"3": 0.55, "4": 0.45}), (MODERATE, {"1": 0.1, "2": 0.84, "3": 0.06}), **{"1": 0.8, "2": 0.2}
        ),
        "respiratory_compromise": yes((SEVERE, 0.5), (MODERATE, 0.06), otherwise=0.01),
        "dysphagia": yes((SEVERE, 0.6), (MODERATE, 0.3), otherwise=0.08),
        "severe_weakness": yes((SEVERE, 0.65), (MODERATE, 0.12), otherwise=0.01),
        "medically_controlled": yes((MILD, 0.85), (MODERATE, 0.5), otherwise=0.1),
        "other_immunosuppressants_failed": yes((REFRACTORY, 0.85), (TREATED, 0.08), otherwise=0.01),
        "other_immunosuppressants_unusable": yes((REFRACTORY, 0.3), ("age_years >= 75", 0.13), otherwise=0.04),
        "dose_reduction_goal": yes((REFRACTORY, 0.6), (TREATED, 0.45), otherwise=0.05),
        "on_ivig": yes((REFRACTORY, 0.4), (TREATED, 0.1), otherwise=0.02),
        "surgery": words(
            (EMERGENCY, {"none": 0.97, "thymectomy": 0.01, "other": 0.02}),
            ("age_years BETWEEN 15 AND 59", {"none": 0.83, "thymectomy": 0.14, "other": 0.03}),
            none=0.92,
            thymectomy=0.02,
            other=0.06,
        ),
        "serum_iga_g_per_l": amount(
            "CASE WHEN iga_status = 'deficient' THEN 0.03 ELSE least(2.3, 0.4 + 0.12 * age_years) END",
            "CASE WHEN iga_status = 'deficient' THEN 0.015 ELSE 0.25 * least(2.3, 0.4 + 0.12 * age_years) END",
            "0",
            "6",
            2,
        ),
    },
    {
        "height_cm": amount(
            "least(CASE sex WHEN 'male' THEN 179 ELSE 166 END - greatest(age_years - 40, 0) / 16, 78 + 6 * age_years)",
            "CASE WHEN age_years < 18 THEN 5 ELSE 6.5 END",
            "60",
            "210",
            1,
        ),
        "_bmi": amount("least(26, 15 + 0.4 * age_years)", "least(4.2, 1 + 0.15 * age_years)", "12.5", "45", 2),
        "hospital_admission_needed": yes((EMERGENCY, 0.95), (WARD, 0.8), (SEVERE, 0.5), otherwise=0.03),
        "myasthenic_crisis": yes(
            (f"{BREATHLESS} AND {EMERGENCY}", 0.7), (BREATHLESS, 0.3), (EMERGENCY, 0.08), otherwise=0.004
        ),
        "weight_loss": yes(("dysphagia = 'yes'", 0.45), otherwise=0.05),
        "notable_weight_loss": yes((SEVERE, 0.6), otherwise=0.3),
    },
    {
        "actual_weight_kg": amount("_bmi * height_cm * height_cm / 10000", "0", "3", "200", 1),
        # Devine's formula; in tenths of a kg it gives 127ths, so never a tie to be rounded.
        "ideal_weight_kg": amount(
            "CASE sex WHEN 'male' THEN 50 ELSE 45.5 END + 2.3 * (height_cm / 2.54 - 60)", "0", "3", "120", 1
        ),
        "immediate_intervention_needed": yes((CRISIS, 0.85), (BREATHLESS, 0.5), (EMERGENCY, 0.35), otherwise=0.02),
        "sepsis": yes((CRISIS, 0.12), (EMERGENCY, 0.05), otherwise=0.003),
        "autonomic_instability": yes((CRISIS, 0.15), otherwise=0.01),
    },
    {
        "rapidly_progressive_weakness": yes(
            ("immediate_intervention_needed = 'yes'", 0.6), (EMERGENCY, 0.3), (WARD, 0.12), otherwise=0.02
        ),
        "hypotension": yes(("sepsis = 'yes'", 0.5), ("autonomic_instability = 'yes'", 0.4), otherwise=0.02),
    },
    {
        "worsening": yes(
            ("rapidly_progressive_weakness = 'yes'", 0.97),
            ("_setting <> 'outpatient'", 0.7),
            (MILD, 0.1),
            otherwise=0.3,
        ),
        "plasma_exchange_contraindicated": yes(
            ("'yes' IN (sepsis, hypotension, autonomic_instability)", 0.6), (MINOR, 0.15), otherwise=0.07
        ),
    },
    {
        "plasma_exchange_feasible": yes(
            ("plasma_exchange_contraindicated = 'yes'", 0.15), (EMERGENCY, 0.55), otherwise=0.8
        ),
    },
)
"""What is drawn of a patient, in groups, each of which rests only on those above it."""

# What is not there. --------------------------------------------------------------------------

SKIPPED: Mapping[str, Cases] = {
    "acute state": chances(otherwise=0.03),
    "severity": chances((EMERGENCY, 0.02), otherwise=0.07),
    "symptoms": chances((EMERGENCY, 0.12), otherwise=0.05),
    "treatment so far": chances((EMERGENCY, 0.5), (NEW, 0.3), otherwise=0.08),
    "surgery": chances((EMERGENCY, 0.75), (WARD, 0.35), otherwise=0.15),
    "plasma exchange": chances((EMERGENCY, 0.1), (WARD, 0.4), otherwise=0.85),
    "IgA": chances((EMERGENCY, 0.85), (WARD, 0.55), otherwise=0.45),
    "weight": chances((EMERGENCY, 0.2), otherwise=0.05),
}
"""The chance that nothing of a topic was noted; of any other topic something always was."""

PENDING: Mapping[str, float] = {"IgA": 0.3}
"""Of the topics of which nothing was noted, the share for which results are pending."""

MISSING: Mapping[str, Cases] = {
    "diagnosis": chances(otherwise=0.01),
    "age_years": chances(otherwise=0.01),
    "sex": chances(otherwise=0.02),
    "child": chances((MINOR, 0.2), otherwise=0.7),
    "height_cm": chances((EMERGENCY, 0.6), (WARD, 0.25), otherwise=0.3),
    "ideal_weight_kg": chances((f"{MINOR} OR {TOO_SHORT}", 1), (EMERGENCY, 0.95), otherwise=0.65),
    "iga_status": chances(("iga_status = 'deficient'", 0.02), otherwise=0.3),
    "serum_iga_g_per_l": chances(("iga_status = 'deficient'", 0.1), otherwise=0.4),
    "notable_weight_loss": chances(otherwise=0.15),
    "autonomic_instability": chances((CRISIS, 0.2), otherwise=0.45),
    "other_immunosuppressants_unusable": chances(otherwise=0.25),
    "medically_controlled": chances(otherwise=0.15),
}
"""The chance that a finding is missing by itself, though its topic was noted."""

SELDOM_MISSING, OFTEN_MISSING = chances(otherwise=0.04), chances(otherwise=0.2)
"""The same for all other findings: of those drawn above, and of those that this recipe does not know."""

UNKNOWN = 0.3
"""Of the findings that are missing by themselves, the share that is said to be unknown."""

ANY_YES = 0.25
"""The chance of a yes to what this recipe does not know; words and numbers have equal chances."""
