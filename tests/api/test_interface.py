"""What `import hpa` offers: quickly, typed, and listed."""

import subprocess
import sys
from pathlib import Path

import pytest

import hpa


def test_importing_it_imports_no_framework():
    program = "import hpa, sys; sys.exit(any(name in sys.modules for name in ('numpy', 'torch', 'pandas', 'hydra')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_name_of_the_interface_is_there_and_documented():
    assert set(hpa.__all__) <= set(dir(hpa))
    for name in hpa.__all__:
        assert getattr(hpa, name).__doc__, name
        assert getattr(hpa, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        _ = hpa.predict


def test_the_types_are_for_users_too():
    assert (Path(hpa.__file__).parent / "py.typed").is_file()
