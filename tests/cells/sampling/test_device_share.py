import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed

from hpa.cells.sampling.device_share import share_of, share_of_device
from hpa.core.errors import InputError


@given(st.integers(1, 40), st.integers(1, 8))
def test_devices_share_all_but_a_few_batches_evenly(batches, devices):
    if batches < devices:
        with pytest.raises(InputError, match=f"{batches} batches for {devices} devices"):
            share_of(range(batches), 0, devices)
        return
    shares = [share_of(range(batches), device, devices) for device in range(devices)]
    assert {len(share) for share in shares} == {batches // devices}
    seen = [batch for share in shares for batch in share]
    assert len(set(seen)) == len(seen) > batches - devices


def test_a_process_alone_takes_all(tmp_path):
    assert share_of_device("abc") == ["a", "b", "c"]
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        assert share_of_device("abc") == ["a", "b", "c"]
    finally:
        distributed.destroy_process_group()
