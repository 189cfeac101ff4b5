import hashlib
import json

from hpa.bundle.manifest import MANIFEST, write_manifest


def test_every_file_is_listed_with_size_and_hash(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_bytes(b"wheel")
    (tmp_path / "README.md").write_bytes(b"read")
    sizes = write_manifest(tmp_path, {"python": "3.11"})
    content = json.loads((tmp_path / MANIFEST).read_text())
    assert content["python"] == "3.11"
    assert content["files"] == {
        "README.md": {"bytes": 4, "sha256": hashlib.sha256(b"read").hexdigest()},
        "wheels/a.whl": {"bytes": 5, "sha256": hashlib.sha256(b"wheel").hexdigest()},
    }
    assert sizes == {".": 4, "wheels": 5}
