"""Words for people: the only place where data becomes sentences.

``page`` lays text out and ``drawing`` draws; ``words`` and ``summary`` say the same things alike
everywhere. ``consultation``, ``explanation``, ``catalogue`` and ``plan`` each turn one kind of data into
a page, ``dialogue`` what is typed in a conversation into what is said, by ``speech``, and ``report`` a
consultation into HTML, of statements as ``told`` and the pictures of ``timeline``, which draws ``lanes``, and
``diagram``.
"""
