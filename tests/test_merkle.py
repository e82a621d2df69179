"""The tree of the ledger: held against the definition of RFC 9162, for every size and every leaf."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.merkle import EMPTY, Growing, complete, inclusion_path, leaf_hash, node_hash, root, root_of_path

LARGEST = 70


def defined(leaves: list[bytes]) -> bytes:
    """The tree hash as the standard defines it: by the largest power of two below the size."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(defined(leaves[:split]), defined(leaves[split:]))


LEAVES = [leaf_hash(str(number).encode()) for number in range(LARGEST)]
KEPT: list[list[bytes]] = []
for _number, _leaf in enumerate(LEAVES):
    KEPT.append(complete(_number, _leaf, lambda last, level: KEPT[last][level]))


def completed(last: int, level: int) -> bytes:
    return KEPT[last][level]


def test_the_root_is_the_one_that_the_standard_defines() -> None:
    tree = Growing()
    for size in range(LARGEST + 1):
        assert root(size, completed) == defined(LEAVES[:size]) == tree.root()
        if size < LARGEST:
            assert tree.add(LEAVES[size]) == KEPT[size]


def test_every_leaf_of_every_tree_is_proven_by_its_path() -> None:
    for size in range(1, LARGEST + 1):
        for number in range(size):
            path = inclusion_path(number, size, completed)
            assert root_of_path(LEAVES[number], number, size, path) == defined(LEAVES[:size])


@given(st.integers(1, LARGEST), st.data())
def test_a_path_proves_no_other_leaf_and_no_other_place(size: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, LARGEST - 1).filter(lambda n: n != number))
    path = inclusion_path(number, size, completed)
    true = defined(LEAVES[:size])
    assert root_of_path(LEAVES[other], number, size, path) != true
    assert root_of_path(LEAVES[number], other, size, path) != true
    for place in range(len(path)):
        bent = [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
        assert root_of_path(LEAVES[number], number, size, bent) != true
    assert root_of_path(LEAVES[number], number, size, [*path, LEAVES[0]]) is None
    if path:
        assert root_of_path(LEAVES[number], number, size, path[:-1]) != true
