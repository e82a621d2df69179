"""Cohorts: the rules compiled to SQL, and run over a whole table of patients at once.

``truths`` · ``cells`` · ``amounts`` · ``openings`` · ``patients`` · ``query`` · ``lists`` · ``tables`` · ``intake`` ·
``progress`` · ``sample`` · ``results`` · ``runs`` · ``recipe`` · ``synthesis`` · ``summary`` · ``warehouse`` ·
``frames`` · ``spark``
"""
