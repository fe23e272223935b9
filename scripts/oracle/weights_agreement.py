#!/usr/bin/env python3
"""Stored numbers: our readers and writers against MLX and the gguf package, bit for bit.

    pip install 'mlx[cpu]' mlx-lm gguf numpy
    cargo build --release; cargo build --release -p dyno-weights --example values
    weights_agreement.py [--built target/release]

Three questions, each a row of the table:
  * do the references still compute the recorded golden vectors, which the tests hold our formats to;
  * does `dyno models quantize` write what `mlx_lm.convert` and `gguf.quants` write from the same checkpoint;
  * do we read from their files the very numbers that they read from them.

The checkpoint is an embedded model. What is absent makes its row say "skipped, because ...". Exit code 1 on any
difference.
"""
import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from crosscheck import Skipped, importing

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHECKPOINT = ROOT / "suites/embedded/tiny-1m"
GOLDEN = ROOT / "device-agent/weights/tests/golden"


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\\n{done.stderr}")


def alike(mx, one, other):
    """Same type, shape and bits."""
    bits = lambda array: bytes(memoryview(array.flatten().view(mx.uint8)))
    return one.dtype == other.dtype and one.shape == other.shape and bits(one) == bits(other)


def goldens(options, scratch):
    mx = importing("mlx.core")
    importing("gguf")
    run(sys.executable, HERE / "weights_goldens.py", scratch)
    count = wrong = 0
    for name in ("mlx.safetensors", "ggml.safetensors"):
        new, recorded = mx.load(str(scratch / name)), mx.load(str(GOLDEN / name))
        wrong += len(new.keys() ^ recorded.keys())
        for key in new.keys() & recorded.keys():
            count += 1
            wrong += not alike(mx, new[key], recorded[key])
    return f"{count} vectors, {wrong} differ from the recorded ones", not wrong


def ours_in(options, quant, out):
    run(options.built / "dyno", "models", "quantize", CHECKPOINT, "--to", quant, "--out", out)
    return out


def values_of(options, mx, checkpoint, out):
    """What our reader makes of a checkpoint: every tensor in f32."""
    run(options.built / "examples/values", checkpoint, out)
    return mx.load(str(out))


def canonical(name):
    """Our name of what mlx-lm calls `language_model.model...`."""
    return name.removeprefix("language_model.").replace("model.", "language_model.", 1)


def mlx(options, scratch):
    mx, convert = importing("mlx.core"), importing("mlx_lm.convert").convert
    modes = [("affine", bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64, 128)]
    modes += [("mxfp4", 4, 32), ("nvfp4", 4, 16), ("mxfp8", 8, 32)]
    wrote = wrote_wrong = read = read_wrong = 0
    for mode, bits, group in modes:
        theirs_at = scratch / f"theirs-{mode}-{bits}-{group}"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            convert(str(CHECKPOINT), str(theirs_at), quantize=True, q_bits=bits, q_group_size=group, q_mode=mode)
        theirs = mx.load(str(theirs_at / "model.safetensors"))
        modules = [name.removesuffix(".scales") for name in theirs if name.endswith(".scales")]
        if mode == "affine":
            ours = mx.load(str(ours_in(options, f"{bits}bit-g{group}", scratch / f"ours-{bits}-{group}") / "model.safetensors"))
            for name in modules:
                for part in ("weight", "scales", "biases"):
                    wrote += 1
                    wrote_wrong += not alike(mx, ours[f"{name}.{part}"], theirs[f"{name}.{part}"])
        values = values_of(options, mx, theirs_at, scratch / "values.safetensors")
        for name in modules:
            packed, scales, biases = (theirs.get(f"{name}.{part}") for part in ("weight", "scales", "biases"))
            if biases is not None:
                # In f32: the reference's own rounding to the stored type is not what the file says.
                scales, biases = scales.astype(mx.float32), biases.astype(mx.float32)
            expected = mx.dequantize(packed, scales, biases, group_size=group, bits=bits, mode=mode).astype(mx.float32)
            read += 1
            read_wrong += not alike(mx, values[canonical(f"{name}.weight")].reshape(expected.shape), expected)
    return (f"{len(modes)} formats; written: {wrote} tensors, {wrote_wrong} differ; read: {read} matrices, {read_wrong} differ",
            not wrote_wrong and not read_wrong and wrote and read)


def gguf(options, scratch):
    mx, package, quants, numpy = (importing(name) for name in ("mlx.core", "gguf", "gguf.quants", "numpy"))
    tensors = lambda path: {tensor.name: tensor for tensor in package.GGUFReader(path).tensors}
    source = tensors(ours_in(options, "gguf:f32", scratch / "source.gguf"))
    names = {"token_embd": "language_model.embed_tokens", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
             "ffn_down": "mlp.down_proj"}
    layers = json.loads((CHECKPOINT / "config.json").read_text())["text_config"]["num_hidden_layers"]
    wrote = wrote_wrong = read = read_wrong = 0
    for kind in ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0"):
        at = ours_in(options, f"gguf:{kind}", scratch / f"ours-{kind}.gguf")
        values = values_of(options, mx, at, scratch / "values.safetensors")
        wanted = package.GGMLQuantizationType[kind.upper()]
        for name, tensor in tensors(at).items():
            if tensor.tensor_type != wanted:
                continue
            wrote += 1
            expected = quants.quantize(numpy.asarray(source[name].data, numpy.float32), wanted)
            wrote_wrong += tensor.data.tobytes() != expected.tobytes()
            block, _, part = name.removeprefix("blk.").rpartition(".")[0].rpartition(".")
            # Heads of the delta layers stand in another order there; what has no heads compares as it is.
            if part in names:
                # Behind the trunk's layers stands the one that guesses the token after next.
                place = f"language_model.layers.{block}.{names[part]}" if block else names[part]
                place = place.replace(f"language_model.layers.{layers}.", "mtp.layers.0.")
                ours = values[f"{place}.weight"]
                read += 1
                read_wrong += numpy.array(ours).tobytes() != quants.dequantize(tensor.data, wanted).astype(numpy.float32).tobytes()
    return (f"5 formats; written: {wrote} tensors, {wrote_wrong} differ; read: {read} matrices, {read_wrong} differ",
            not wrote_wrong and not read_wrong and wrote and read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--built", type=Path, default=ROOT / "target/release")
    options = parser.parse_args()
    agree = True
    print("stored numbers, bit for bit")
    for name, check in (("golden vectors", goldens), ("MLX", mlx), ("GGUF", gguf)):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                cell, same = check(options, Path(scratch))
                agree &= bool(same)
            except Skipped as reason:
                cell = f"skipped, because {reason}"
        print(f"{name:14s} {cell}", flush=True)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
