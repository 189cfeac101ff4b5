import json

import pytest

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.core.file_lock import STALE_S
from hpa.inference.run_plan import Conditions, Sample, read_sample, saturating_workers, simulated_s

TIMINGS = {
    "images": 50,
    "seconds": {"read": 20.0, "segment": 40.0, "finish": 4.0, "predict": 40.0, "total": 50.0},
    "total_s": 50.0,
    "threads": 2,
    "block_images": 10,
    "output_bytes": 5_000_000,
    "input_bytes": 500_000_000,
    "peak_memory_bytes": 2_000_000_000,
}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "sample.json").write_text(json.dumps(TIMINGS))
    return tmp_path / "sample.json"


@pytest.fixture
def sample(path):
    return read_sample(path)


def test_equal_machines_that_are_never_lost_take_their_share(sample):
    assert simulated_s(sample, 1000, Conditions(1, 0.0, 0.0)) == pytest.approx(1000)
    assert simulated_s(sample, 1000, Conditions(10, 0.0, 0.0)) == pytest.approx(100)
    assert simulated_s(sample, 1001, Conditions(10, 0.0, 0.0)) == pytest.approx(110)  # a block more
    assert simulated_s(sample, 1000, Conditions(10**4, 0.0, 0.0)) == pytest.approx(10)  # a block each


def test_a_lost_machine_costs_its_block_and_the_wait_for_its_lease(sample):
    lossy = simulated_s(sample, 100_000, Conditions(100, 0.0, 0.5))
    assert 1000 < lossy < 1000 + 4 * STALE_S


def test_leases_even_out_machines_of_unequal_speed(sample):
    unequal = simulated_s(sample, 1_000_000, Conditions(1000, 0.3, 0.0))
    assert 900 < unequal < 1100  # dealt in equal shares, the slowest of 1000 would take twice as long


def test_the_bottleneck_is_what_takes_longest_side_by_side(sample):
    assert sample.bottleneck == "predict"
    slow = Sample(**{**TIMINGS, "seconds": TIMINGS["seconds"] | {"segment": 80.0}})
    assert slow.bottleneck == "read, segment and finish"


def test_a_storage_serves_so_many_processes(sample):
    assert saturating_workers(sample, 1e9) == 99  # 10.1 MB a second each


def test_the_command_prints_time_disk_and_cost(path, capsys):
    assert main(["plan", str(path), "--fields", "10_000_000", "--price", "0.5", "--workers", "1,1000"]) == 0
    printed = capsys.readouterr().out
    for words in (
        "10,000,000 images at 1 s each: 2,777.8 hours",
        "2,000.0 GB at the end",
        "cost 1,388.89",
        "138.89 a million",
    ):
        assert words in printed
    assert (
        main(["plan", str(path), "--fields", "1000", "--json", "--workers", "10", "--losses", "0", "--spread", "0"])
        == 0
    )
    plan = json.loads(capsys.readouterr().out)
    assert plan["seconds_by_workers"] == {"10": pytest.approx(100)}
    assert plan["cost"] is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "these are no timings"),
        ("[1]", "these are no timings"),
        (json.dumps(TIMINGS | {"images": 2}), "timings of 2 images"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_sample(tmp_path / "x.json")


@pytest.mark.parametrize("words", [["--workers", "0"], ["--workers", "many"], ["--spread", "9"], ["--storage", "0"]])
def test_impossible_conditions_are_refused(path, capsys, words):
    assert main(["plan", str(path), "--fields", "100", *words]) == 1
    assert "expected" in capsys.readouterr().err
