import pytest
from omegaconf import OmegaConf

from hpa.core.errors import InputError
from hpa.sweeps.outcome import FAILED, FINISHED, RUNNING, JobOutcome, read_outcomes, worst_code, write_outcome
from hpa.sweeps.plan import plan_jobs


def compose(words: list[str]):
    values = OmegaConf.from_dotlist(words)
    hydra = {"job": {"num": 0, "id": "0"}, "sweep": {"subdir": "${hydra.job.num}"}}
    return OmegaConf.merge({"loss": "a", "run_dir": None, "hydra": hydra}, values)


def test_a_config_keeps_its_folder_and_new_ones_get_the_next_numbers():
    first = plan_jobs([["loss=a"], ["loss=b"]], compose, {})
    assert [job.folder for job in first] == ["0", "1"]
    known = {job.folder: JobOutcome(job.overrides, job.digest, FINISHED, 0) for job in first}
    again = plan_jobs([["loss=c"], ["loss=b"], ["run_dir=x", "loss=a"]], compose, known)
    assert [job.folder for job in again] == ["2", "1", "0"]


def test_the_same_config_twice_is_one_job():
    assert len(set(plan_jobs([["loss=a"], ["loss=a"]], compose, {}))) == 1


@pytest.mark.parametrize("subdir", ["same", "../out", "/tmp"])
def test_jobs_that_would_share_a_folder_or_leave_the_sweep_are_refused(subdir):
    with pytest.raises(InputError, match=r"hydra\.sweep\.subdir"):
        plan_jobs([[f"hydra.sweep.subdir={subdir}", f"loss={name}"] for name in "ab"], compose, {})


def test_outcomes_are_read_in_the_order_of_their_numbers(tmp_path):
    for name, state in (("10", FAILED), ("2", RUNNING), ("0", FINISHED)):
        write_outcome(tmp_path / name, JobOutcome((f"loss={name}",), name, state, 0, scores={"val_loss": 1.0}))
    found = read_outcomes(tmp_path)
    assert list(found) == ["0", "2", "10"]
    assert [outcome.is_done for outcome in found.values()] == [True, False, False]


def test_a_damaged_outcome_is_named(tmp_path):
    (tmp_path / "0").mkdir()
    for text in ("", "[]", '{"overrides": [], "digest": "", "scores": {}, "state": "odd"}'):
        (tmp_path / "0" / "job.json").write_text(text)
        with pytest.raises(InputError, match=r"0/job\.json.*delete the file"):
            read_outcomes(tmp_path)


def test_the_worst_code_is_that_of_the_job_that_gave_least():
    assert [worst_code(codes) for codes in ([0, 3, 1], [3, 0], [], [1, 2], [130, 1])] == [1, 3, 0, 2, 130]
