"""From a run to a submission: `python infer.py ckpt=RUN data=kaggle_hpa data.root=DIR out=submission.csv`."""

from pathlib import Path

from hpa.app.main import infer_main

if __name__ == "__main__":
    infer_main(Path(__file__).resolve().parent)
