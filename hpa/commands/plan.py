"""`hpa plan`: time, memory, disk and cost of a large prediction, from the timings of a small one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HELP = "say what a prediction of millions of images will take, from the timings of a small one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = "First measure some 50 images on such a machine: infer.py … timings=sample.json"
    parser.add_argument("sample", metavar="SAMPLE.json", type=Path, help="what infer.py … timings=FILE wrote")
    parser.add_argument("--fields", metavar="N", type=int, required=True, help="images to predict, e.g. 10_000_000")
    parser.add_argument("--workers", metavar="A,B", default="1,10,100,1000", help="processes (1,10,100,1000)")
    parser.add_argument("--price", metavar="P", type=float, help="of an hour of such a machine, for the cost")
    parser.add_argument("--storage", metavar="MB/S", type=float, default=1000.0, help="what the storage gives (1000)")
    parser.add_argument("--spread", metavar="S", type=float, default=0.2, help="of the speed of machines (0.2)")
    parser.add_argument("--losses", metavar="N", type=float, default=0.01, help="machines lost, an hour of each (0.01)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan and return 0."""
    from hpa.core.errors import InputError

    words = arguments.workers.split(",")
    if arguments.fields < 1 or not all(word.strip().isdecimal() and 0 < int(word) <= 10**6 for word in words):
        raise InputError(
            f"--fields {arguments.fields} --workers {arguments.workers}: positive numbers are expected, e.g. 1,10,100."
        )
    if not (0 <= arguments.spread <= 2 and 0 <= arguments.losses <= 10 and arguments.storage > 0):
        raise InputError("--spread from 0 to 2, --losses from 0 to 10 and --storage above 0 are expected.")
    plan = _plan(arguments, [int(word) for word in words])
    print(json.dumps(plan, indent=1) if arguments.json else _text(plan))
    return 0


def _plan(arguments: argparse.Namespace, workers: list[int]) -> dict[str, Any]:
    from hpa.inference.run_plan import Conditions, read_sample, saturating_workers, simulated_s

    sample = read_sample(arguments.sample)
    share = arguments.fields / sample.images
    hours = sample.total_s * share / 3600
    times = {
        count: simulated_s(sample, arguments.fields, Conditions(count, arguments.spread, arguments.losses))
        for count in workers
    }
    return {
        "fields": arguments.fields,
        "seconds_a_field": sample.seconds_an_image,
        "worker_hours": hours,
        "cost": None if arguments.price is None else hours * arguments.price,
        "cost_a_million": None if arguments.price is None else hours * arguments.price * 1e6 / arguments.fields,
        "memory_bytes_a_worker": sample.peak_memory_bytes,
        "disk_bytes": round(2 * sample.output_bytes * share),  # blocks and what is put together, at the end both
        "read_bytes": round(sample.input_bytes * share),
        "bottleneck": sample.bottleneck,
        "workers_that_saturate_the_storage": saturating_workers(sample, arguments.storage * 1e6),
        "seconds_by_workers": times,
        "ideal_seconds_by_workers": {count: 3600 * hours / count for count in workers},
    }


def _text(plan: dict[str, Any]) -> str:
    from hpa.inference.budget import in_words

    hours, memory_gb = plan["worker_hours"], plan["memory_bytes_a_worker"] / 1e9
    disk_gb, read_gb = plan["disk_bytes"] / 1e9, plan["read_bytes"] / 1e9
    lines = [
        f"{plan['fields']:,} images at {plan['seconds_a_field']:.3g} s each: {hours:,.1f} hours of one process",
        f"memory {memory_gb:.2f} GB a process; disk {disk_gb:,.1f} GB at the end; {read_gb:,.1f} GB read",
        f"what takes longest: {plan['bottleneck']}",
        f"the storage is full at {plan['workers_that_saturate_the_storage']:,} processes",
    ]
    if plan["cost"] is not None:
        lines.append(f"cost {plan['cost']:,.2f}, {plan['cost_a_million']:,.2f} a million images")
    lines.append("processes   time, machines differ and are lost   if none did")
    for count, seconds in plan["seconds_by_workers"].items():
        is_over = " (beyond the storage)" if count > plan["workers_that_saturate_the_storage"] else ""
        ideal = in_words(plan["ideal_seconds_by_workers"][count])
        lines.append(f"{count:>9,}   {in_words(seconds):>34}   {ideal:>11}{is_over}")
    return "\n".join(lines)
