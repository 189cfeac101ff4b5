from hpa.inference.work_folder import remove_orphans


def test_half_written_files_and_folders_of_an_output_are_removed(tmp_path):
    out = tmp_path / "part_1"
    (tmp_path / ".part_1.label_maps.part").mkdir()
    (tmp_path / ".part_1.label_maps.part" / "a.tif").write_bytes(b"half")
    (tmp_path / ".part_1.0123.part").write_bytes(b"half")
    (tmp_path / ".part_10.0123.part").write_bytes(b"of another output")
    remove_orphans(out)
    assert [path.name for path in tmp_path.iterdir()] == [".part_10.0123.part"]
