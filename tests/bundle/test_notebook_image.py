import pytest

from hpa.bundle.notebook_image import USUAL_PACKAGES, NotebookImage, needed_packages, packages_of
from hpa.core.errors import InputError


def test_a_name_alone_stands_for_the_version_installed_here():
    import numpy

    assert packages_of("numpy") == {"numpy": numpy.__version__}


def test_a_given_version_counts_without_its_build_and_names_have_one_spelling():
    assert packages_of("torch==2.6.0+cu124, Scikit_Image==0.25") == {"torch": "2.6.0", "scikit-image": "0.25"}


def test_the_usual_packages_are_needed_ones():
    assert packages_of(USUAL_PACKAGES).keys() <= needed_packages().keys()
    assert len(packages_of(USUAL_PACKAGES)) == USUAL_PACKAGES.count(",") + 1


def test_an_empty_word_means_that_the_image_has_nothing():
    assert packages_of("") == {}


def test_needs_are_followed_through_other_packages():
    assert {"torch", "hydra-core", "antlr4-python3-runtime", "wadler-lindig"} <= needed_packages().keys()
    assert "hpa-cells" not in needed_packages()
    assert "ruff" not in needed_packages()  # an extra


@pytest.mark.parametrize(
    ("word", "message"), [("pytroch-lightning", "pytorch-lightning"), ("flask-sqlalchemy", "torch")]
)
def test_an_unknown_name_is_refused_with_suggestions(word, message):
    with pytest.raises(InputError, match=f"--have {word}: .*{message}"):
        packages_of(f"numpy,{word}")


def test_a_frozen_list_of_the_image_is_read(tmp_path):
    lines = [
        "# made there",
        "torch @ file:///opt/torch.whl",
        "numpy==1.26.4",
        "seaborn==0.13.2+local",
        "-e .",
        "hpa-cells==9",
    ]
    file = tmp_path / "image.txt"
    file.write_text("\n".join(lines))
    assert packages_of(str(file)) == {
        "torch": needed_packages()["torch"],  # built from a file: its version is unknown
        "numpy": "1.26.4",
        "seaborn": "0.13.2",
    }


def test_a_file_that_is_no_frozen_list_is_refused(tmp_path):
    (tmp_path / "image.txt").write_text("nothing here\n")
    with pytest.raises(InputError, match="pip freeze"):
        packages_of(str(tmp_path / "image.txt"))


def test_wheels_of_every_older_platform_run_there():
    platforms = NotebookImage("3.12", "manylinux_2_17_x86_64", {}).platforms
    assert platforms[0] == "manylinux_2_17_x86_64"
    assert {"manylinux_2_5_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"} <= set(platforms)
    assert "manylinux_2_18_x86_64" not in platforms


@pytest.mark.parametrize(
    ("python", "platform", "message"),
    [
        ("3", "manylinux_2_28_x86_64", "--python 3:"),
        ("3.11.4", "manylinux_2_28_x86_64", "--python 3.11.4:"),
        ("3.11", "win_amd64", "--platform win_amd64:"),
        ("3.11", "manylinux_2_28", "glibc"),
    ],
)
def test_values_of_another_format_are_refused(python, platform, message):
    with pytest.raises(InputError, match=message):
        NotebookImage(python, platform, {})
