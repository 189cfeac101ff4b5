import json

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.formats.image_header import StackChoice
from hpa.formats.images import inspect_image, read_image
from tests.formats.microscope_writers import plane, zarr_image

pytest.importorskip("zarr", reason='needs pip install "hpa-cells[zarr]"')

TWO = np.stack([plane(0), plane(1)])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions_are_read_with_names_and_sizes(tmp_path, version):
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    path = zarr_image(tmp_path / "a.ome.zarr", TWO, "cyx", version, omero=omero)
    image = read_image(path)
    assert np.array_equal(image.planes, TWO)
    assert image.names == ("DAPI", "GFP")
    assert image.pixel_um == pytest.approx(0.5)
    assert inspect_image(path).format == f"OME-Zarr {version}"


def test_a_plate_has_a_scene_for_every_field(tmp_path):
    import zarr

    plate = zarr.create_group(str(tmp_path / "p.zarr"), zarr_format=2)
    plate.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
    for number, well in enumerate(("A/1", "B/2")):
        plate.create_group(well).attrs["well"] = {"images": [{"path": "0"}]}
        zarr_image(tmp_path / "p.zarr" / well / "0", TWO + number, "cyx")
    header = inspect_image(tmp_path / "p.zarr")
    assert [scene.name for scene in header.scenes] == ["A/1/0", "B/2/0"]
    assert np.array_equal(read_image(tmp_path / "p.zarr", StackChoice.of(scene=2)).planes, TWO + 1)


def test_a_codec_that_could_run_code_is_refused(tmp_path):
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    metadata = json.loads((path / "0" / ".zarray").read_text())
    for change, found in (({"compressor": {"id": "pickle"}}, "pickle"), ({"filters": [{"id": "pickle"}]}, "filters")):
        (path / "0" / ".zarray").write_text(json.dumps(metadata | change))
        with pytest.raises(InputError, match=f"is stored with {found}"):
            read_image(path)


def test_an_array_of_a_hundred_million_chunks_is_refused_before_they_are_looked_for(tmp_path):
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    metadata = json.loads((path / "0" / ".zarray").read_text())
    wrong = {"shape": [1, 10_000, 10_000], "chunks": [1, 1, 1]}
    (path / "0" / ".zarray").write_text(json.dumps(metadata | wrong))
    with pytest.raises(InputError, match=r"a\.zarr: 100,000,000 chunks of 1×1 px would be read, .* save it again"):
        read_image(path)


def test_metadata_cannot_lead_out_of_the_folder(tmp_path):
    zarr_image(tmp_path / "secret.zarr", TWO, "cyx")
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = "../secret.zarr/0"
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(InputError, match="outside the image"):
        read_image(path)


def test_folders_that_are_no_image_and_damaged_ones_are_named(tmp_path):
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(InputError, match="is no OME-Zarr image"):
        read_image(tmp_path / "empty.zarr")
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    (path / "0" / "0.0.0").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(path)
    (path / ".zattrs").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_image(path)


ZEROS = 20_000_000
"""Bytes that hostile chunks inflate to; compressed they are some kilobytes."""


def codecs_of_zarr_2():
    from numcodecs import BZ2, LZ4, LZMA, Blosc, GZip, Zlib, Zstd

    return [BZ2(), LZ4(), LZMA(), Blosc(), GZip(), Zlib(), Zstd()]


@pytest.mark.parametrize("which", range(7))
def test_no_chunk_inflates_beyond_its_shape(tmp_path, which):
    import tracemalloc

    import zarr

    codec = codecs_of_zarr_2()[which]
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    array = zarr.create_array(
        str(path / "0"),
        shape=TWO.shape,
        chunks=TWO.shape,
        dtype=TWO.dtype,
        zarr_format=2,
        compressors=codec,
        overwrite=True,
    )
    array[...] = TWO
    assert np.array_equal(read_image(path).planes, TWO)
    (path / "0" / "0.0.0").write_bytes(codec.encode(np.zeros(ZEROS, np.uint8)))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"a\.zarr: cannot be read.*inflates to .* copy or export it again"):
        read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < ZEROS / 2


@pytest.mark.parametrize("is_sharded", [False, True])
@pytest.mark.parametrize("name", ["gzip", "zstd", "blosc"])
def test_nor_one_of_zarr_3_or_of_a_shard(tmp_path, name, is_sharded):
    import zarr
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    codec = {"gzip": GzipCodec(), "zstd": ZstdCodec(), "blosc": BloscCodec()}[name]
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx", "0.5")
    half = (1, *TWO.shape[1:])
    chunks = {"chunks": half, "shards": TWO.shape} if is_sharded else {"chunks": TWO.shape}
    zeros = np.zeros((2, 1000, 1250), TWO.dtype)
    for folder, pixels in (("0", TWO), ("large", zeros)):
        own = chunks if folder == "0" else {"chunks": zeros.shape}
        if is_sharded and folder == "large":
            own = {"chunks": (1, *zeros.shape[1:]), "shards": zeros.shape}
        array = zarr.create_array(
            str(path / folder),
            shape=pixels.shape,
            dtype=pixels.dtype,
            compressors=codec,
            overwrite=True,
            **own,
            fill_value=1,
        )
        array[...] = pixels
    assert np.array_equal(read_image(path).planes, TWO)
    (path / "0" / "c" / "0" / "0" / "0").write_bytes((path / "large" / "c" / "0" / "0" / "0").read_bytes())
    with pytest.raises(InputError, match=r"cannot be read.*inflates to"):
        read_image(path)


def test_a_chunk_written_as_a_stream_is_read(tmp_path):
    from hpa.formats.bounded_codecs import inflated

    block = (len(b"pixels") << 3 | 1).to_bytes(3, "little") + b"pixels"  # the last one, not compressed
    stream = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x50" + block
    assert inflated("zstd", stream, 6) == b"pixels"
    with pytest.raises(RuntimeError, match=r"(?i)zstd"):
        inflated("zstd", stream, 3)
