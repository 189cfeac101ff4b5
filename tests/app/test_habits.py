from pathlib import Path

import pytest

from hpa.app.habits import ANSWERS, SERVED, with_own_words
from hpa.app.help_page import help_page
from hpa.config import build_each
from hpa.core.errors import InputError
from hpa.slots import recipes, slots_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("script", "key"), [(script, key) for script, keys in SERVED.items() for key in keys])
def test_words_of_other_projects_are_served(script, key):
    assert with_own_words(script, [f"{key}=a,b", "-m", "x=1"]) == [f"{SERVED[script][key]}=a,b", "-m", "x=1"]


@pytest.mark.parametrize(("script", "key"), [(script, key) for script, keys in ANSWERS.items() for key in keys])
def test_words_without_a_meaning_here_name_what_to_write(script, key):
    for word in (f"{key}=1", f"+{key}=1"):
        with pytest.raises(InputError, match=r"is no word of") as raised:
            with_own_words(script, [word])
        assert ANSWERS[script][key] in str(raised.value)


def test_settings_of_a_study_may_have_keys_of_their_own():
    words = ["hydra.sweeper.objectives={a:maximize,b:minimize}", "hydra.sweeper.n_trials=2"]
    assert with_own_words("train", words) == [f"++{words[0]}", words[1]]


@pytest.mark.parametrize("slot", ["callbacks", "logger"])
def test_settings_of_a_part_that_was_not_chosen_name_the_choice(slot):
    with pytest.raises(InputError, match=rf"choose {slot}=mine or"):
        build_each({"mine": {"patience": 3}}, slot)


@pytest.mark.parametrize("script", ["train", "infer"])
def test_help_lists_every_slot_and_every_recipe(script):
    page = help_page(ROOT, script, "")
    assert all(f"  {slot}" in page for slot in slots_of(ROOT / "conf", script))
    assert all(name in page for name in recipes(ROOT, script))


def test_help_on_a_slot_lists_its_choices_with_their_settings():
    page = help_page(ROOT, "train", "loss")
    assert all(f"  {path.stem}" in page for path in (ROOT / "conf" / "loss").glob("*.yaml"))
    assert "gamma_negative: 4.0" in page
    with pytest.raises(InputError, match=r"no such slot"):
        help_page(ROOT, "train", "nothing")


def test_help_on_a_word_of_other_projects_is_that_on_ours():
    assert help_page(ROOT, "train", "optimizer.lr") == help_page(ROOT, "train", "optimizer.learning_rate")
    assert help_page(ROOT, "train", "experiment") == help_page(ROOT, "train", "experiments")
    assert "trainer.max_epochs=N" in help_page(ROOT, "train", "epochs")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [(["--help", "loss"], 0, "focal"), (["ckpt_path=x"], 2, "resume=RUN"), (["--help", "nothing"], 2, "no such slot")],
)
def test_the_script_prints_help_and_answers(warm, words, code, text, tmp_path):
    done = warm.run(["train.py", *words], cwd=tmp_path)
    assert done.returncode == code
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
