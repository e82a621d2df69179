"""How a question about all patients is answered: first among a sample, then by the solver.

A question is asked of truths of any kind, so that it is put to both in the same words. Whoever the solver
finds joins the sample and spares it further questions; that there is nobody, it alone can say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model import Knowledge
from engine.proofs.reading import Reading
from engine.proofs.sample import Sample
from engine.proofs.witnesses import Claim, differing, smallest
from engine.sides import Encoding
from engine.solver import Patient, Solver, Symbols

Question = Callable[[Encoding[Any]], Any]
"""What is asked of a patient: a truth, from the truths that rules and tests have."""


class Inquiry:
    """One round of questions about the patients of a knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.reading = Reading(knowledge)
        self.sample = Sample(knowledge, self.reading)
        self.any = Symbols(knowledge)
        self.solver = Solver(self.any)

    def someone(self, question: Question) -> Patient | None:
        """Return a patient of whom something is true, or None where that is proven of nobody."""
        seen = self.sample.first(question(self.sample))
        if seen is not None:
            return seen
        model = self.solver.model(question(self.any))
        if model is None:
            return None
        patient = self.any.words(model)
        self.sample.add(patient)
        if not question(self.sample):
            raise differing(patient)
        return patient

    def patient(self, question: Question, claim: Claim) -> Patient | None:
        """Return a patient of whom something is true, with as little known as the same claim needs."""
        found = self.someone(question)
        return None if found is None else smallest(self.knowledge, found, claim)
