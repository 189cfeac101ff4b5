import subprocess
import sys
from pathlib import Path

import pytest

from hpa.app.main import train_main

ROOT = Path(__file__).resolve().parents[2]


WITHOUT_TORCH = """
import runpy, sys
codes = []
for words in (["--help"], ["--cfg", "job"], ["model=resnt50"]):
    for script in ("train.py", "infer.py"):
        sys.argv = [script, *words]
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as end:
            codes.append(end.code)
print(codes, "torch" in sys.modules)
"""


def test_nobody_waits_for_torch_to_be_helped():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[0, 0, 0, 0, 2, 2] False"], done.stderr


SETTINGS_OF_ANOTHER_TASK = [
    (["task=pixels", "crop.side_px=7"], "only task=cells reads crop.side_px, and this is task=pixels"),
    (["task=pixels", "loading.batch_cells=1"], "only task=cells reads loading.batch_cells, and this is task=pixels"),
    (["task=pixels", "+crop.side_px=7"], "only task=cells reads crop, and this is task=pixels"),
    (["task=pixels", "sampling=uniform"], "only task=cells reads sampling, and this is task=pixels"),
    (["experiments=segment/nuclei", "data.root=x", "field.side_px=64"], "only task=cells reads field.side_px"),
    (["tiles.side_px=64"], "only task=pixels reads tiles.side_px, and this is task=cells"),
    (["+unheard_of=1"], "'unheard_of': no task reads this"),
    (["data.root=DIR"], "data=kaggle_hpa, data=typed_images read it; add one.\n"),
    (["loss.gama=2"], "error: 'loss.gama=2': did you mean loss.gamma?\n"),
    (["los=focal"], "error: 'los=focal': did you mean loss?\n"),
    (["loss=focl"], "error: 'loss=focl': did you mean loss=focal?\n"),
    (["qqqqqqqq=1"], "error: 'qqqqqqqq=1': there is no such key; python train.py --cfg job shows all of them.\n"),
    (["-m", "loss=focl,asymmetric"], "error: 'loss=focl,asymmetric': did you mean loss=focal?\n"),
    (["-m", "loss=focl,asymetric"], "focl: did you mean loss=focal? asymetric: did you mean loss=asymmetric?\n"),
    (["callbacks=[early_stoping,learning_rate]"], "did you mean callbacks=early_stopping?\n"),
    (["loss.gamma"], "error: 'loss.gamma': expected key=value.\n"),
    (["tta=d4"], "error: 'tta=d4': only infer.py reads tta; leave it out here.\n"),
    (["--help", "los"], "there is no such slot or key; did you mean loss?"),
    (["tags=a,b"], "error: 'tags=a,b': several values are a sweep, add -m; a list has brackets: tags=[a,b].\n"),
    (["--lr", "0.1"], "--lr: settings are written without dashes, KEY=VALUE; here: optimizer.learning_rate=RATE.\n"),
    (["callbacks.early_stopping.patience=5"], "write callbacks=early_stopping first; did you mean callbacks.early_sto"),
    (["trainer.fast_dev_run=true"], "write debug=fdr: one batch too, with the checkpoints"),
    (["trainer.limit_batches=null"], "expected a number (How much of an epoch is used"),
    (["loss=dice"], "loss=dice: DiceLoss (loss) serves task=pixels, and this is task=cells; leave loss= out"),
    (["model=unet"], "model=unet: UnetModel (model) serves task=pixels"),
    (["metric=instances"], "metric=instances: InstanceMetric (metric) serves task=pixels"),
    (["augment=tissue"], "augment=tissue: TileAugmentation (augment) serves task=pixels"),
    (["task=pixels", "augment=standard"], "augment=standard: CropAugmentation (augment) serves task=cells"),
    (["task=pixels", "supervision=propagation"], "serves task=cells, and this is task=pixels"),
    (["task=pixels", "stages=rounds"], "(stages.student) serves task=cells"),
    (["data=hubmap"], "data=hubmap: CombinedHubmap (data) serves task=pixels, and this is task=cells"),
    (["loss=4"], "loss=4: expected the name of a choice: asymmetric"),
    (["trainer.max_epochs=abc"], "trainer.max_epochs=abc: expected a whole number (Epochs of the run)"),
    (["optimizer.lr=-1"], "optimizer.learning_rate=-1: expected 0 or more, came -1"),
    (["seed=null"], "seed=null: expected a whole number"),
    (["trainer.accelerator=gpu", "trainer.precision=fp32"], "trainer.accelerator=gpu: this machine has no such device"),
    (["trainer.precision=half"], "trainer.precision must be auto, fp32, bf16, fp16, or one of Lightning's"),
    (["loss=sum", "loss@loss.parts.focal=dice"], "DiceLoss (loss.parts.focal) serves task=pixels"),
]


@pytest.mark.parametrize(("words", "told"), SETTINGS_OF_ANOTHER_TASK)
def test_what_would_do_nothing_is_refused_with_the_task_that_reads_it(words, told, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    with pytest.raises(SystemExit) as caught:
        train_main(ROOT)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert told in printed
    assert "Traceback" not in printed
    assert "HYDRA_FULL_ERROR" not in printed
    assert not list(tmp_path.iterdir())


def test_a_key_has_a_help_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "--help", "trainer.patience_epochs"])
    with pytest.raises(SystemExit) as caught:
        train_main(ROOT)
    assert caught.value.code == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("trainer.patience_epochs=")
    assert others[0].startswith("  Stop after so many epochs")
    assert others[1] == "  Expected: a whole number or null."


def test_a_target_of_the_command_line_must_fill_its_slot(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "model._target_=hpa.losses.focal.FocalLoss"])
    with pytest.raises(SystemExit) as caught:
        train_main(ROOT)
    assert caught.value.code == 1
    assert "model: _target_ hpa.losses.focal.FocalLoss" in capsys.readouterr().err
