"""Words for people: the only place where data becomes sentences.

``page`` lays text out; ``consultation``, ``explanation`` and ``catalogue`` each turn one kind of
data into a page.
"""
