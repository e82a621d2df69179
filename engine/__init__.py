"""The guideline as an executable, explainable knowledge base.

One noun a module, each importing only from those before it:

``errors`` · ``files`` · ``truth`` · ``model`` · ``language`` · ``documents`` · ``forms`` · ``entries`` ·
``soundness`` · ``loading`` · ``findings`` · ``cases`` · ``dosing`` · ``conditions`` · ``rete`` · ``compiler`` ·
``consultation`` · ``questions`` · ``courses`` · ``derivations`` · ``planner`` · ``effects`` ·
``quantities`` · ``journal`` · ``conversation`` · ``contract`` · ``repairs`` · ``explanation`` ·
``catalogue`` · ``verification`` · ``rendering`` · ``commands``
"""

__version__ = "0.1.0"
