import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.core.paths import PATH_SETTINGS, path_of, quote_paths, with_home, with_paths
from hpa.overrides import compose_config, with_values

ODD = ["20240105", "1e5", "1_000", "0x10", "inf", "true", ".5", "~/S", "my data (v2)/S", "a,b", "a=b", "Zürich", "it's"]
ODD += ["-raw", "~", "$HOME", "a!b", "a;b|c", "100%", "a*", "b?", "null_1", "`x`", ".hidden", "a:b"]
ODD += ["C:\\data\\", "{x}", "a&b", "#1", "50%", "a\\'b", "[x", "プレート"]


def as_hydra_reads(word):
    [override] = OverridesParser.create().parse_overrides([word])
    return override.value()


@pytest.mark.parametrize("name", [name for name in ODD if not name.startswith("[")])
@pytest.mark.parametrize("key", ["data.root", "out", "+data.metadata", "segmenter.folder"])
def test_any_name_of_a_folder_is_what_hydra_reads(name, key):
    [word] = quote_paths([f"{key}={name}"])
    assert as_hydra_reads(word) == name


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_any_text_survives(text):
    [word] = quote_paths([f"data.root={text}"])
    if word != f"data.root={text}":
        assert as_hydra_reads(word) == text


@pytest.mark.parametrize(
    "word",
    ["data.root=S", "data.root='a b'", 'data.root="1"', "ckpt=[a,b]", "data.root=${x}", "data.metadata=null", "out=",
     "model=1", "seed=5", "ensemble.weights=3", "-m", "model.backbone=a b"],
)  # fmt: skip
def test_other_words_stay_as_they_are(word):
    assert quote_paths([word]) == [word]


@pytest.mark.parametrize(
    "name", [name for name in [*ODD, "a's [2]", 'a"b', "x[1]y", "it's'"] if name[0] != "[" and "," not in name]
)
def test_any_name_in_a_list_is_what_hydra_reads(name):
    [word] = quote_paths([f"ckpt=[first,{name}]"])
    assert as_hydra_reads(word) == ["first", name]


@pytest.mark.parametrize(
    ("inner", "read"),
    [
        ("'a b',it's", ["a b", "it's"]),
        ("'x,y', ~/z", ["x,y", "~/z"]),
        ("my [v2],b's,c", ["my [v2]", "b's", "c"]),
        ("[a,b],c", [["a", "b"], "c"]),
    ],
)
def test_entries_of_a_list_in_quotes_stay_and_others_may_hold_any_letter(inner, read):
    [word] = quote_paths([f"data.root=[{inner}]"])
    assert as_hydra_reads(word) == read


def test_the_folder_of_a_sweep_may_lie_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    [word] = quote_paths(["hydra.sweep.dir=~/my sweep"])
    assert as_hydra_reads(word) == "/home/me/my sweep"


@pytest.mark.parametrize("value", ["~/S", "'~/S'", '"~/S"'])
def test_words_of_other_commands_name_the_same_folder(value, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert path_of(f"data.root={value}") == Path("/home/me/S")


def test_commas_of_a_sweep_stay_choices():
    assert quote_paths(["-m", "data.root=a b,c d"]) == ["-m", "data.root='a b','c d'"]
    assert quote_paths(["-m", "data.root=a,b"]) == ["-m", "data.root=a,b"]
    assert quote_paths(["data.root=a b,c d"]) == ["data.root='a b,c d'"]


@pytest.mark.parametrize(
    "word",
    ["model.weights=choice(null,imagenet)", "data.root=choice(a,b)", "data.root=glob(*)",
     "ensemble.weights=range(0,1,0.5)", "ensemble.weights=interval(0,1)",
     "data.extra=[{root:a,share:1}]", "data.extra={a:1,b:2}"],
)  # fmt: skip
def test_functions_and_mappings_of_a_sweep_are_left_to_hydra(word):
    assert quote_paths(["-m", word]) == ["-m", word]


@pytest.mark.parametrize(
    "value", ["http://server:5000", "https://server/notes", "sqlite:///runs.db", "ray://head:10001", "tcp://head:4444"]
)
def test_addresses_of_servers_are_no_files(value):
    config = OmegaConf.create({"logger": {"mlflow": {"tracking_uri": value}}, "engine": {"address": value}})
    assert plain(config)["logger"]["mlflow"]["tracking_uri"] == value


def test_configs_hold_text_and_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = {
        "data": {"root": "~/S", "extra": [2024, "~"], "bits": 12},
        "ckpt": 20240105,
        "loss": {"weights": [1.0, 2.0]},
        "model": {"weights": "~/w.pt"},
    }
    assert with_paths(config) == {
        "data": {"root": "/home/me/S", "extra": ["2024", "/home/me"], "bits": 12},
        "ckpt": "20240105",
        "loss": {"weights": [1.0, 2.0]},
        "model": {"weights": "/home/me/w.pt"},
    }
    assert with_paths({"root": "https://a//b"}) == {"root": "https://a//b"}
    assert Path(with_paths({"root": "raw"})["root"]) == Path("raw")


def test_every_argument_that_takes_a_path_is_a_path_setting():
    found = {
        parameter.name
        for file in (Path(__file__).resolve().parents[2] / "conf").rglob("*.yaml")
        for target in re.findall(r"_target_: (hpa\.[\w.]+)", file.read_text(encoding="utf-8"))
        for parameter in inspect.signature(resolve_name(target)).parameters.values()
        if "Path" in str(parameter.annotation)
    }
    assert {"root", "folder", "metadata"} <= found
    assert {name for name in found if name not in PATH_SETTINGS and not name.endswith("weights")} == set()


def test_the_home_folder_on_command_lines(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert with_home([Path("~/a"), Path("b"), "~/c", 3]) == [tmp_path / "a", Path("b"), "~/c", 3]
    assert with_home(Path("~nobody_of_this_name/a")) == Path("~nobody_of_this_name/a")
    assert main(["doctor", "~/raw"]) == 1
    assert f"{tmp_path / 'raw'}: a folder of images was expected" in capsys.readouterr().err


def test_a_number_that_lost_its_spelling_is_refused():
    with pytest.raises(InputError, match=r"out=100000\.0: a path is expected, came a number; write it in quotes"):
        with_paths({"out": 1e5})


def test_a_config_composed_from_a_command_line_holds_the_folders_that_were_written(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    words = [
        "data=kaggle_hpa",
        "data.root=1e5",
        "ckpt=[20240105,b]",
        "out=~/my results (2).csv",
        "data.metadata=a=b.csv",
    ]
    config = plain(compose_config(Path(__file__).resolve().parents[2], "infer", words))
    assert config["data"]["root"] == "1e5"
    assert config["data"]["metadata"] == "a=b.csv"
    assert config["ckpt"] == ["20240105", "b"]
    assert config["out"] == "/home/me/my results (2).csv"
    saved = with_values(config, ["out=2024", "data.root=~/x y"], Path("nowhere"))
    assert (saved["out"], saved["data"]["root"]) == ("2024", "/home/me/x y")
