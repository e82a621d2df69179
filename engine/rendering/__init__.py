"""Words for people: the only place where data becomes sentences.

``page`` lays text out and ``drawing`` draws; ``words`` and ``summary`` say the same things alike
everywhere. ``consultation``, ``explanation``, ``catalogue`` and ``plan`` each turn one kind of data into
a page, ``dialogue`` a conversation into lines, and ``report`` a consultation into HTML, with the
pictures of ``timeline``, which draws ``lanes``, and ``diagram``.
"""
