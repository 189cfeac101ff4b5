"""Train: `python train.py model=resnet50 loss=focal`; go on: `python train.py resume=RUN`; sweep: add -m."""

from pathlib import Path

from hpa.app.main import train_main

if __name__ == "__main__":
    train_main(Path(__file__).resolve().parent)
