"""The sweep file of the docs: an agent of W&B makes a command line of it that train.py understands."""

from pathlib import Path

import yaml

from hpa.overrides import compose_config

ROOT = Path(__file__).resolve().parents[2]


def words_of_agent(sweep: dict, values: dict) -> list[str]:
    """As `wandb agent` fills in a command: macros replaced, `${args_no_hyphens}` one key=value for each parameter."""
    words: list[str] = []
    for word in sweep["command"]:
        match word:
            case "${env}":
                words += ["/usr/bin/env"]
            case "${program}":
                words += [sweep["program"]]
            case "${args_no_hyphens}":
                words += [f"{key}={value}" for key, value in values.items()]
            case _:
                words += [word]
    return words


def test_an_agent_starts_a_training_with_the_values_of_a_trial():
    sweep = yaml.safe_load((ROOT / "docs" / "wandb_sweep.yaml").read_text())
    words = words_of_agent(sweep, {"loss": "asymmetric", "optimizer.learning_rate": 0.00031})
    assert words[:3] == ["/usr/bin/env", "python", "train.py"]
    config = compose_config(ROOT, "train", words[3:])
    assert config.loss.gamma_negative == 4.0
    assert config.optimizer.learning_rate == 0.00031
    assert "wandb" in config.logger
    assert sweep["metric"]["name"] == f"val_{config.metric.monitor}"
    assert set(sweep["parameters"]) == {"loss", "optimizer.learning_rate"}
