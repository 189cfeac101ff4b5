import multiprocessing
import os
import signal

import pytest

from hpa.core.errors import InputError
from hpa.inference.output_lock import locked

spawn = multiprocessing.get_context("spawn")


def hold(path, held):
    with locked(path):
        held.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path):
    held = spawn.Event()
    process = spawn.Process(target=hold, args=(tmp_path / "lock", held))
    process.start()
    assert held.wait(60)
    yield process
    process.kill()
    process.join()


def test_a_second_process_is_refused_and_the_holder_of_the_lock_named(holder, tmp_path):
    with pytest.raises(InputError, match=f"process {holder.pid} on .* wait until it ends"), locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "lock").is_file()


def test_a_lock_dies_with_its_process(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with locked(tmp_path / "lock"):
        assert f"process {os.getpid()}" in (tmp_path / "lock").read_text()
    assert not (tmp_path / "lock").exists()


def test_one_process_cannot_hold_a_lock_twice(tmp_path):
    with (
        locked(tmp_path / "lock"),
        pytest.raises(InputError, match="writing this output now"),
        locked(tmp_path / "lock"),
    ):
        pass


def test_a_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with locked(tmp_path / "lock"):
        pass
