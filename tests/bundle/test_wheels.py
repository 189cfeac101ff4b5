import zipfile

import pytest

from hpa.bundle.wheels import write_requirements
from hpa.core.errors import InputError


def wheel(folder, name, *needs):
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n" + "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-1.dist-info/METADATA", f"{text}\nRequires-Dist: words of a description\n")


def test_every_bundled_package_and_what_it_requires_is_listed_once(tmp_path):
    wheel(tmp_path, "first", "second", "numpy>=1.26", 'tomli; python_version < "3.11"')
    wheel(tmp_path, "second", "numpy>=1.26", "ruff; extra == 'dev'")
    write_requirements(tmp_path)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert lines == ["first", "numpy>=1.26", "second", 'tomli; python_version < "3.11"']


def test_a_damaged_wheel_is_named(tmp_path):
    (tmp_path / "hpa-1-py3-none-any.whl").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match=r"hpa-1-py3-none-any\.whl: cannot be read as a wheel"):
        write_requirements(tmp_path)
