"""What was fetched of the Atlas's images: the record of every file, and the tables of the images that are here."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file

CHANNELS = ("red", "green", "blue", "yellow")
TABLE, METADATA, RECORD = "train.csv", "metadata.csv", "fetched.csv"
COLUMNS = ("image", "channel", "address", "bytes", "sha256")


@dataclass(frozen=True)
class FetchRecord:
    """The folder of fetched images."""

    out: Path

    def require_own_folder(self) -> None:
        """Do nothing where the folder is new, empty or of an earlier fetch.

        Raises:
            InputError: If it holds anything else, whose tables would be mixed with those of the images.
        """
        if (
            self.out.exists()
            and not (self.out / RECORD).is_file()
            and (not self.out.is_dir() or any(self.out.iterdir()))
        ):
            raise InputError(
                f"{self.out}: holds files that 'hpa fetch-public' did not fetch (no {RECORD}); name a new or empty "
                "folder."
            )

    def add(self, rows: Sequence[Sequence[object]]) -> None:
        """Record files, each as `COLUMNS`."""
        path = self.out / RECORD
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not path.is_file():
            writer.writerow(COLUMNS)
        writer.writerows(rows)
        with path.open("a", encoding="utf-8") as file:
            file.write(text.getvalue())

    def done(self) -> set[str]:
        """Return the ids of the images of which every channel is recorded and here."""
        path = self.out / RECORD
        if not path.is_file():
            return set()
        with path.open(encoding="utf-8", newline="") as file:
            recorded = {(row["image"], row["channel"]) for row in csv.DictReader(file) if row.get("sha256")}
        here = {file.name for file in (self.out / "train").glob("*.png")}
        images = {image for image, _ in recorded}
        return {
            image
            for image in images
            if all((image, one) in recorded and f"{image}_{one}.png" in here for one in CHANNELS)
        }

    def write_tables(self, frame: pd.DataFrame) -> None:
        """Write the tables of the images that are here: those of a selection, and those of earlier ones."""
        done = self.done()
        here = frame[frame["image_id"].isin(done)]
        labels = here[["image_id", "classes"]].set_axis(["ID", "Label"], axis=1)
        metadata = here.drop(columns="classes").rename(columns={"image_id": "ID"})
        for name, table in ((TABLE, labels), (METADATA, metadata)):
            earlier = self.out / name
            if earlier.is_file():
                table = pd.concat([pd.read_csv(earlier, dtype=str, keep_default_na=False), table])
            with whole_file(earlier) as file:
                file.write(table.drop_duplicates("ID", keep="last").to_csv(index=False).encode())
        shutil.rmtree(self.out / ".arriving", ignore_errors=True)
