import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.inference.blocks import BlockSizes, Shard
from hpa.inference.steps import Pending

SIZES = st.integers(1, 5000)
ROWS = st.lists(st.builds(Pending, st.just("a"), SIZES, SIZES, st.none()), max_size=40)


@given(st.integers(0, 200), st.integers(1, 50))
def test_blocks_hold_every_image_once_and_in_order(images, block_images):
    blocks = BlockSizes(block_images, 1, 1.0).blocks(images, None)
    assert [number for block in blocks for number in block.of(range(images))] == list(range(images))
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert all(len(block) == block_images for block in blocks[:-1])


@given(st.integers(0, 200), st.integers(1, 50), st.integers(1, 20))
def test_shards_share_out_all_blocks_evenly(images, block_images, shards):
    sizes = BlockSizes(block_images, 1, 1.0)
    dealt = [sizes.blocks(images, Shard(number, shards)) for number in range(1, shards + 1)]
    assert sorted((block for blocks in dealt for block in blocks), key=lambda block: block.number) == sizes.blocks(
        images, None
    )
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


@given(ROWS, st.integers(1, 8), st.floats(0.1, 40))
def test_groups_keep_within_both_limits_unless_an_image_is_larger_alone(rows, fields_at_once, megapixels):
    sizes = BlockSizes(10, fields_at_once, megapixels)
    counts = list(sizes.groups(rows))
    assert sum(counts) == len(rows)
    start = 0
    for count in counts:
        group, start = rows[start : start + count], start + count
        assert 1 <= count <= fields_at_once
        assert count == 1 or sum(row.width * row.height for row in group) <= megapixels * 1e6
        assert all(1 / fields_at_once <= sizes.share_of_group(row) for row in group)


def test_a_group_is_full_before_the_next_begins():
    assert list(BlockSizes(16, 4, 17).groups([Pending("a", 2048, 2048, None)] * 10)) == [4, 4, 2]
    assert list(BlockSizes(16, 4, 17).groups([Pending("a", 4096, 4096, None)] * 3)) == [1, 1, 1]


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "-1/4", "1/4/2", " 1/4", "٣/٤", ""])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(InputError, match="shard=1/4"):
        Shard.parse(text)


@pytest.mark.parametrize("sizes", [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(InputError, match="megapixels_at_once above 0"):
        BlockSizes(*sizes)
