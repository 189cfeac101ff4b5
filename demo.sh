#!/usr/bin/env bash
# From nothing to a scored submission: synthetic fields, a trained network, a submission, its score, a page.
set -euo pipefail
out="${1:-demo}"
if [ -e "$out" ]; then
  echo "$out is there already; remove it first (make clean), or choose another folder: make demo DEMO=other" >&2
  exit 1
fi
say() { printf '\n== %s\n' "$1"; }

say "1/5  a synthetic data set in the competition's layout"
hpa synth "$out/data" --images 200 --size 512 --seed 1

say "2/5  train on image labels"
python train.py experiments=hpa/first_light data.root="$out/data" data.cell_truth="$out/data/truth_train.csv" run_dir="$out/run"

say "3/5  predict the test fields"
python infer.py ckpt="$out/run" data=kaggle_hpa data.root="$out/data" split=test out="$out/submission.csv"

say "4/5  check the submission"
hpa lint "$out/submission.csv" --sample "$out/data/sample_submission.csv"

say "5/5  score it, cell by cell"
hpa score "$out/submission.csv" "$out/data/truth_test.csv"

cat <<END

data         $out/data           (fields, labels, truth)
run          $out/run            (config, checkpoints, metrics.csv, pictures)
page         $out/run/report.html  (open it in a browser)
submission   $out/submission.csv
END
