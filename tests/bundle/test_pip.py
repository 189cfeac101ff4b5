import os
import sys

import pytest

from hpa.bundle.pip import NoWheelError, interpreter_of, run_pip
from hpa.core.errors import InputError


@pytest.fixture
def no_settings(monkeypatch):
    """Pip without the settings of this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return monkeypatch


def test_a_registry_out_of_reach_is_reported_with_the_package(tmp_path, no_settings):
    no_settings.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # a port where nothing answers
    with pytest.raises(
        InputError, match=r"wheels: the package registry could not be reached \(wadler-lindig\)"
    ) as raised:
        run_pip(["download", "--no-deps", "--dest", str(tmp_path), "wadler-lindig"], "wheels")
    assert not isinstance(raised.value, NoWheelError)
    assert "127.0.0.1" not in str(raised.value)


def test_a_missing_wheel_is_named(tmp_path, no_settings):
    no_settings.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NoWheelError, match=r"no wheel of wadler-lindig for this Python and platform; .*--have"):
        run_pip(["download", "--no-deps", "--dest", str(tmp_path), "wadler-lindig"], "wheels")


def test_what_pip_says_otherwise_is_passed_on(no_settings):
    with pytest.raises(NoWheelError, match=r"pip failed: .*unknown command"):
        run_pip(["no-such-command"], "wheels")


def test_this_python_is_found_without_looking():
    assert interpreter_of(f"{sys.version_info.major}.{sys.version_info.minor}") == sys.executable


def test_a_stand_in_for_a_python_that_is_not_there_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "python3.99").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter_of("3.99") is None


def test_an_environment_without_pip_is_refused(tmp_path, monkeypatch):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match="this environment has none; run 'python -m ensurepip'"):
        run_pip(["--version"], "a try")
