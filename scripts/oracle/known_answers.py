#!/usr/bin/env python3
"""Known answers for the prompts of a recorded run, computed by the specification in numpy: suites/definitions/answers.

    pip install 'mlx[cpu]' mlx-lm numpy
    cargo run --release -- run speed --model tiny-1m,tiny-5m --quant bf16,4bit --depth 0,1024 --short --out RUN
    known_answers.py --run RUN >suites/definitions/answers/embedded.toml
    known_answers.py --made 0.8b=4bit --tokens 16 >suites/definitions/answers/made.toml

The prompts are the run's, of which nothing else is used; or, for made weights, that of writing after nothing. Quantized weights are what MLX makes of the checkpoint and reads
from it; made weights are read from the files that `dyno models synth` writes. The forward pass is specification.py, in
float64. An answer ends before the first token that did not clearly lead, and one without such a token is left out.
"""
import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import mlx.core as mx
import numpy as np

from specification import Specification, read_safetensors

ROOT = Path(__file__).resolve().parent.parent.parent
# In logits. Engines that round activations to eight bits differ by about a tenth of it.
CLEAR_LEAD = 0.25
LONGEST = 32
# Of suites/definitions/suites/speed.toml.
DECODE_SEED = 20_260_102


def from_mlx(folder):
    """Every tensor under its Hugging Face name and in its convention, from a folder as mlx-lm writes it."""
    config = json.loads((folder / "config.json").read_text())
    stored = {}
    for file in sorted(folder.glob("*.safetensors")):
        stored.update(mx.load(str(file)))
    out = {}
    for name, tensor in stored.items():
        stem, _, part = name.rpartition(".")
        if part in ("scales", "biases") and f"{stem}.weight" in stored:
            continue
        plain = tensor.astype(mx.float32)
        if part == "weight" and f"{stem}.scales" in stored:
            scales, biases = (stored[f"{stem}.{side}"].astype(mx.float32) for side in ("scales", "biases"))
            settings = config["quantization"]
            settings = settings.get(stem, settings)
            plain = mx.dequantize(tensor, scales, biases, group_size=settings["group_size"], bits=settings["bits"])
        name = name.removeprefix("language_model.")
        name = "model.language_model." + name.removeprefix("model.") if name.startswith("model.") else name
        values = np.array(plain).astype(np.float64)
        # MLX stores what the norms multiply by, and kernels with their channel last.
        if name.endswith(("layernorm.weight", "q_norm.weight", "k_norm.weight", "language_model.norm.weight")):
            values = values - 1
        if name.endswith("conv1d.weight") and values.shape[-1] == 1:
            values = values.transpose(0, 2, 1)
        out[name] = values
    return config, out


def opened(model, quant, options, scratch):
    place = scratch / f"{model}-{quant}".replace(":", "-")
    if model.startswith("synth:"):
        subprocess.run([options.built / "dyno", "models", "synth", model.removeprefix("synth:"), "--format", quant, "--out", place],
                       check=True, capture_output=True)
        return Specification(*from_mlx(place))
    folder = ROOT / "suites/embedded" / model
    if quant == "bf16":
        return Specification.of_folder(folder)
    bits, _, group = quant.partition("bit")
    from mlx_lm.convert import convert

    with contextlib.redirect_stdout(io.StringIO()):
        convert(str(folder), str(place), quantize=True, q_bits=int(bits), q_group_size=int(group.removeprefix("-g") or 64))
    return Specification(*from_mlx(place))


def prompts(run):
    """Model, format, case, hash and ids of every prompt of the run, each once."""
    cells, found = {}, {}
    for line in (run / "events.jsonl").read_text().splitlines():
        body = json.loads(line)["body"]
        if body["event"] == "planned":
            cells.update((trial["id"], trial["cell"]) for trial in body["of"]["trials"])
        elif body["event"] == "trial-began" and body["of"]["prompt"]:
            cell, prompt = cells[body["of"]["trial"]], body["of"]["prompt"]
            at = "".join(f"-{axis}-{value}" for axis, value in sorted(cell["axes"].items()))
            found[cell["model"], cell["quant"], cell["case"] + at] = (prompt["sha256"], prompt["ids"])
    return found


def made(shapes, options):
    """The same for made weights: writing at depth zero, as `speed/decode` has it."""
    found = {}
    for shape, quant in (pair.split("=") for pair in shapes):
        config = json.loads((ROOT / f"suites/definitions/shapes/{shape}.json").read_text())
        rows = config.get("text_config", config)["vocab_size"]
        told = subprocess.run([options.built / "examples/filler", "1", str(DECODE_SEED), str(rows)],
                              check=True, capture_output=True, text=True).stdout.split()
        found[f"synth:{shape}", quant, "decode-depth-0"] = (told[0], [int(token) for token in told[1:]])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--made", nargs="*", default=[], metavar="SHAPE=FORMAT")
    parser.add_argument("--built", type=Path, default=ROOT / "target/release")
    parser.add_argument("--tokens", type=int, default=LONGEST)
    options = parser.parse_args()
    print("# Written by scripts/oracle/known_answers.py.\nformat = 1")
    models, found = {}, made(options.made, options) | (prompts(options.run) if options.run else {})
    with tempfile.TemporaryDirectory() as scratch:
        for (model, quant, case), (sha256, ids) in sorted(found.items()):
            key = model, quant
            if key not in models:
                models = {key: opened(model, quant, options, Path(scratch))}
            out, leads = models[key].answer(ids, options.tokens)
            clear = next((at for at, lead in enumerate(leads) if lead < CLEAR_LEAD), len(out))
            print(f"{model} {quant} {case}: {clear} of {len(out)} ids lead clearly", file=sys.stderr)
            if clear:
                name = f"{model}-{quant}-{case}".replace(":", "-")
                print(f'\n[[answer]]\nid = "{name}"\nmodel = "{model}"\nquant = "{quant}"\nprompt_sha256 = "{sha256}"\n'
                      f'ids = "{" ".join(map(str, out[:clear]))}"\ncomputed_by = "scripts/oracle/specification.py, float64"')


if __name__ == "__main__":
    main()
