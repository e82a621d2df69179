"""The guideline as an executable, explainable knowledge base.

One noun a module, each importing only from those before it:

``errors`` · ``files`` · ``folders`` · ``truth`` · ``logic`` · ``model`` · ``language`` · ``documents`` · ``shapes`` ·
``forms`` · ``entries`` · ``soundness`` · ``loading`` · ``cache`` · ``findings`` · ``cases`` · ``dosing`` ·
``conditions`` · ``rete`` · ``compiler`` · ``consultation`` · ``questions`` · ``courses`` · ``derivations`` ·
``planner`` · ``effects`` · ``quantities`` · ``replies`` · ``journal`` · ``conversation`` · ``contract`` · ``repairs`` ·
``explanation`` · ``rules`` · ``catalogue`` · ``verification`` · ``schemas`` · ``sources`` · ``checking`` ·
``skeletons`` · ``sides`` · ``solver`` · ``proofs`` · ``mutants`` · ``killers`` · ``trials`` · ``examination`` ·
``answers`` · ``disagreements`` · ``comparison`` ·
``receipts`` · ``merkle`` · ``keys`` · ``checkpoints`` · ``snapshots`` · ``records`` · ``pages`` · ``storage`` ·
``ledger`` · ``auditing`` · ``evidence`` · ``replay`` · ``impacts`` · ``decisions`` · ``usage`` · ``selection`` ·
``exports`` · ``cohorts`` · ``rendering`` · ``commands``
"""

__version__ = "0.1.0"
