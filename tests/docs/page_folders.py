"""What the pages take to be there: `DIR`, `RUN` and others, made once, and what each page finds in its folder."""

MAKE = """
hpa synth DIR --images 200 --size 512 --seed 1
python train.py data=kaggle_hpa data.root=DIR model=tiny run_dir=RUN
python infer.py ckpt=RUN data=kaggle_hpa data.root=DIR split=test out=submission.csv 'also=[cells,coco,label_maps]'
cp DIR/truth_test.csv truth_test.csv
hpa coco export DIR/label_maps/test truth_test.json
hpa synth sections --layout hubmap --images 48 --size 512 --seed 3
hpa synth RAW --layout hek_n2a --images 24 --size 512 --seed 1
hpa import RAW/images SET --pattern '{class}_{image}_{channel}.tif' --channels green=green,blue=blue
hpa segment SET SET/labels segmenter=watershed 'segmenter.cell_channels=[green]'
"""
"""Run once, in a folder of its own. Its names are those that `GIVEN` takes."""

RUNS = "cp -r $MADE/DIR DIR; cp -r $MADE/RUN RUN; rm RUN/report.html  # of another folder\n"
TWO_RUNS = f"{RUNS} cp -r RUN RUN_A; cp -r RUN RUN_B\n"
GIVEN = {
    "experiments/README.md": "cp -r $MADE/DIR DIR; ln -s $PROJECT/experiments experiments",
    "docs/backbones.md": """
        cp -r $MADE/DIR DIR
        python train.py data=kaggle_hpa data.root=DIR model=resnet50 run_dir=RUN
        python -m tests.docs.small_inputs weights
    """,
    "docs/hek_n2a.md": """
        ln -s $HPA_SAMPLES/cellpainting/jump_BR00117006_A01_f01 .
        hpa import jump_BR00117006_A01_f01 J --pattern '{well}f{site}p01-ch{channel}sk1fk1fl1.tiff' \\
            --channels 5=blue,2=green --pixel-um 0.598
        hpa segment J TRUTH segmenter.cell_channels=[green]
    """,
    "docs/how_to/index.md": f"""
        {TWO_RUNS}
        mkdir RAW PLATE
        python -m tests.docs.small_inputs plates
        cp -r DIR/label_maps/train CELLS
        cp -r DIR/label_maps/test PREDICTED
        cp -r DIR/label_maps/test TRUTH
        cp $MADE/submission.csv old.csv
        cp $MADE/submission.csv new.csv
        cp $MADE/truth_test.csv truth.csv
        cp $MADE/submission.cells.parquet mixed.cells.parquet
        touch FILE
        """,
    "docs/inference.md": TWO_RUNS,
    "docs/large_images.md": """
        python -m tests.docs.small_inputs nuclei
        python -m tests.docs.small_inputs large
        python train.py experiments=segment/nuclei data.root=DIR run_dir=RUN
    """,
    "docs/look.md": f"""
        {RUNS}
        cp $MADE/truth_test.csv DIR/train.csv .
        python infer.py ckpt=RUN data=kaggle_hpa data.root=DIR split=test out=submission.csv
        cp $MADE/truth_test.json found.json
        cp $MADE/truth_test.json true.json
        for name in LABEL_MAPS MAPS_A MAPS_B MAPS_C; do cp -r $MADE/DIR/label_maps/test $name; done
    """,
    "docs/outputs.md": f"""
        {RUNS}
        cp -r $MADE/DIR/label_maps/test LABEL_MAPS
        python infer.py ckpt=RUN data=kaggle_hpa data.root=DIR out=drawn.csv also=[geojson]
        cp -r drawn.geojson CORRECTED
        hpa coco load $MADE/truth_test.json CLASSES
        cp CLASSES/classes.csv .
    """,
    "docs/public_images.md": """
        cp -r $MADE/DIR DIR
        hpa synth ATLAS --images 200 --size 512 --seed 2
        python -m tests.docs.small_inputs atlas
    """,
    "docs/rounds.md": "cp -r $MADE/DIR DIR; cp -r $MADE/sections SECTIONS",
    "docs/scale.md": RUNS,
    "docs/segmenters.md": "python -m tests.docs.small_inputs nuclei; cp -r DIR/images IMAGES",
    "docs/tissue.md": "cp -r $MADE/sections DIR",
    "docs/tissue_networks.md": "cp -r $MADE/sections DIR; cp DIR/truth_test.csv truth.csv",
    "docs/tutorials/cluster.md": RUNS,
    "docs/tutorials/correct_cells.md": f"{RUNS} cp -r $MADE/SET SET",
    "docs/tutorials/new_loss.md": TWO_RUNS,
    "docs/views.md": f"""
        {RUNS}
        cp -r RUN CROP_RUN
        python train.py data=kaggle_hpa data.root=DIR model=tiny model/view=whole_image run_dir=FIELD_RUN
    """,
    "docs/worlds.md": "python -m tests.docs.small_inputs crops",
}
"""Shell commands that run before the blocks of a page."""

NOT_RUN = {
    r"make ": "installs, serves, or runs what other tests are",
    r"trainer=(gpu|mps|ddp|fsdp|multi_node)\b": "needs GPUs, or several machines",
    r"srun |sbatch |submitit": "needs a cluster",
    r"pip ": "installs packages",
    r"!pip ": "a line of a notebook",
    r"model\.pretrained=true|weights fetch|weights=hub:|fetch-public": "downloads; tests/published uses a local server",
    r"weights=encoder\.pth": "needs a published network of 340 MB; tests/models runs a stand-in",
    r"s3://": "needs a bucket; tests/core/test_object_store.py runs them against a server",
    r"hpa bundle ": "downloads wheels; tests/commands/test_bundle.py runs it",
    r"loss=bounded": "the reader's own loss; test_new_loss.py trains by it",
    r"supervision=ranked": "the reader's own strategy; test_new_strategy.py trains by it",
    r"logger=(wandb|mlflow|\[csv,wandb)": "needs an account or a server; tests/training/test_tracking.py",
    r"hpa qc DIR --(use|undecided)=ID": "ID is an image of the reader; tests/commands/test_qc.py",
    r"weights=FILE$": "a file of the reader",
    r"hpa count FOUND": "a detector of one epoch finds no cell to count",
    r"docs\.page_pictures": "writes a picture of these pages, with Chromium",
    r"benchmarks\.(tissue_shift|ladder|real_cells)": "trains for hours; tests/benchmarks runs it at a small size",
}
"""Commands that no test can run as they stand, by what they contain, and why."""

THOROUGH = {
    "docs/look.md",
    "docs/scale.md",
    "docs/tutorials/cluster.md",
    *("experiments/README.md", "docs/backbones.md", "docs/hek_n2a.md", "docs/how_to/index.md", "docs/large_images.md"),
    *("docs/public_images.md", "docs/reliability.md", "docs/rounds.md", "docs/segmenters.md", "docs/strategies.md"),
    *("docs/sweeps.md", "docs/tissue.md", "docs/tissue_networks.md", "docs/tracking.md", "docs/training.md"),
    *("docs/tutorials/correct_cells.md", "docs/views.md", "docs/worlds.md"),
}
"""Pages whose commands train several networks: minutes."""
