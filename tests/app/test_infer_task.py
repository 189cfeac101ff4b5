"""infer.py knows the settings of the run's task, and hydra refuses those of another one."""

import pytest
import torch

from hpa.app.main import task_words
from hpa.core.errors import InputError


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    """Return a checkpoint of a task: all that is read before the settings are composed."""
    folder = tmp_path_factory.mktemp("checkpoints")

    def write(task):
        path = folder / f"{task}.ckpt"
        facts = {"config": {"task": task}, "channels": ["red"], "class_names": ["a"], "seed": 0}
        torch.save({"hpa": facts, "state_dict": {}, "epoch": 0}, path)
        return path

    return write


@pytest.mark.parametrize("task", ["cells", "pixels"])
def test_the_task_of_the_runs_chooses_the_settings(checkpoint_of, task):
    path = checkpoint_of(task)
    for words in ([f"ckpt={path}"], [f"ckpt=[{path},{path}]"], ["-m", f"ckpt={path},{path}"]):
        assert task_words(["ckpt=nowhere", *words, "tta=d4"]) == [f"inference={task}"]


@pytest.mark.parametrize("words", [[], ["--help"], ["ckpt=a", "inference=cells"], ["ckpt=a", "--config-name=bundle"]])
def test_without_runs_or_with_settings_of_their_own_nothing_is_read(words):
    assert task_words(words) == []


def test_runs_of_two_tasks_are_refused(checkpoint_of):
    with pytest.raises(InputError, match=r"cells\.ckpt: was trained with task=cells, and task=pixels is expected"):
        task_words([f"ckpt=[{checkpoint_of('pixels')},{checkpoint_of('cells')}]"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "word", "message"),
    [
        ("pixels", "fusion=product", "only runs of task=cells read fusion, and ckpt= names one of task=pixels"),
        ("pixels", "+fusion=product", "only runs of task=cells read fusion"),
        ("pixels", "batch_cells=3", "only runs of task=cells read batch_cells"),
        ("cells", "thresholds=fixed", "only runs of task=pixels read thresholds, and ckpt= names one of task=cells"),
        ("cells", "tiles.side_px=64", "only runs of task=pixels read tiles.side_px"),
        ("cells", "experiments=inference/random_masks", "thresholds"),
        ("pixels", "treshholds=fixed", "did you mean thresholds"),
    ],
)
def test_settings_of_another_task_are_unknown_with_a_remedy(warm, checkpoint_of, task, word, message):
    done = warm.run(["infer.py", f"ckpt={checkpoint_of(task)}", word])
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "shown"), [([], "fusion:"), (["inference=pixels"], "thresholds:"), (["ckpt=nowhere"], "fusion:")]
)
def test_the_settings_are_shown_without_a_run(warm, words, shown):
    done = warm.run(["infer.py", "--cfg", "job", *words])
    assert done.returncode == 0
    assert shown in done.stdout


@pytest.mark.slow
def test_a_missing_run_is_an_error_in_words(warm):
    done = warm.run(["infer.py", "ckpt=nowhere"])
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "nowhere: no such run folder or checkpoint" in done.stderr
