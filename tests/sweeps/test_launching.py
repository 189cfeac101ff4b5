from types import SimpleNamespace

import pytest

from hpa.sweeps.launching import SweepInterrupted, launch_jobs
from hpa.sweeps.outcome import FAILED, FINISHED, JobOutcome, read_outcome, write_outcome
from hpa.sweeps.plan import Job

JOBS = [Job((f"loss={name}",), name, name) for name in "abc"]


class DyingLauncher:
    """Runs jobs until one of them dies, as a process pool does that breaks."""

    def __init__(self, sweep, deaths: dict[str, int]) -> None:
        self.sweep, self.deaths = sweep, deaths

    def launch(self, job_overrides, initial_job_idx):
        for words in job_overrides:
            name = words[0].removeprefix("loss=")
            if self.deaths.get(name, 0):
                self.deaths[name] -= 1
                raise RuntimeError("a worker was killed")
            write_outcome(self.sweep / name, JobOutcome((words[0],), name, FINISHED, 0))
        return [SimpleNamespace() for _ in job_overrides]


@pytest.mark.parametrize(("deaths", "failed"), [(1, []), (2, ["b"])])
def test_jobs_that_died_with_another_run_once_more_alone(tmp_path, deaths, failed):
    launch_jobs(DyingLauncher(tmp_path, {"b": deaths}), tmp_path, JOBS, 0)
    states = {job.folder: read_outcome(tmp_path / job.folder).state for job in JOBS}
    assert states == {name: FAILED if name in failed else FINISHED for name in "abc"}
    for name in failed:
        assert read_outcome(tmp_path / name).reason.endswith("The launcher: RuntimeError: a worker was killed")


def test_an_interrupt_starts_no_further_job(tmp_path):
    class Interrupted:
        def launch(self, job_overrides, initial_job_idx):
            raise SystemExit(130)

    with pytest.raises(SweepInterrupted):
        launch_jobs(Interrupted(), tmp_path, JOBS, 0)


def test_what_a_launcher_hands_back_as_an_error_is_the_reason(tmp_path):
    class HandsBack:
        def launch(self, job_overrides, initial_job_idx):
            return [SimpleNamespace(_return_value=ValueError("no such choice\nmore")) for _ in job_overrides]

    launch_jobs(HandsBack(), tmp_path, JOBS[:1], 0)
    assert read_outcome(tmp_path / "a").reason == "ValueError: no such choice"
