#!/usr/bin/env python3
"""Greedy ids of independent engines on the same tiny checkpoints, against ours.

  cargo build --release -p dyno-qwen35 --examples
  python crosscheck.py [CHECKPOINT..] [--prompts N] [--tokens N] [--examples target/release/examples]

Without arguments: the random checkpoints recorded for dyno-qwen35's tests, and the smaller embedded model, which was
trained, as it is and as mlx-lm quantizes it. Engines: the specification in numpy, transformers, mlx-lm, mlx-vlm (both
on MLX), llama.cpp (through xllamacpp, from a GGUF file that our own writer makes). All but the specification compute
in f32. An absent package or one that cannot read a checkpoint makes its cell say "skipped, because ...". Exit code 1
on any disagreement.

Where the two most probable tokens are closer than rounding, engines may part without either being wrong; the cell then
gives the place and the distance, in logits, that the specification saw between the two tokens.
"""
import argparse, contextlib, io, json, os, random, re, shutil, subprocess, sys, tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = ROOT / "device-agent/qwen35/tests/data"
TRAINED = ROOT / "suites/embedded/tiny-1m"
TEXT_TOKENS = 499                                    # ids above mark pictures in the tiny vocabulary


class Skipped(Exception):
    """Why a comparison cannot be made here."""


def importing(name):
    try:
        return __import__(name, fromlist=["x"])
    except Exception as error:                       # a broken install is as good as none
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Skipped(f"{name} cannot be imported ({reason})")


class Ours:
    name = "ours"

    def __init__(self, folder, options):
        self.folder, self.binary = folder, options.examples / "greedy"
        if not self.binary.exists():
            raise SystemExit(f"{self.binary} is missing: cargo build --release -p dyno-qwen35 --examples")

    def greedy(self, ids, count):
        command = [self.binary, self.folder, str(count), *map(str, ids)]
        return [int(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


class Numpy:
    name = "specification"

    def __init__(self, folder, options):
        importing("numpy")
        self.net = importing("specification").Specification.of_folder(folder)

    def greedy(self, ids, count):
        return self.net.greedy(ids, count)

    def logits(self, ids):
        return self.net.after(ids)


class Transformers:
    name = "transformers"

    def __init__(self, folder, options):
        self.torch, hf = importing("torch"), importing("transformers")
        config = json.loads((folder / "config.json").read_text())
        moe = "Moe" if "moe" in config["model_type"] else ""
        kind = "ForCausalLM" if config["model_type"].endswith("_text") else "ForConditionalGeneration"
        with contextlib.redirect_stderr(io.StringIO()):
            self.model = getattr(hf, f"Qwen3_5{moe}{kind}").from_pretrained(
                folder, dtype=self.torch.float32, attn_implementation="eager").eval()

    def greedy(self, ids, count):
        out, cache, step = [], None, ids
        with self.torch.no_grad():
            for _ in range(count):
                o = self.model(input_ids=self.torch.tensor([step]), past_key_values=cache, use_cache=True)
                cache, step = o.past_key_values, [int(o.logits[0, -1].argmax())]
                out += step
        return out


class Mlx:
    def model(self, folder):
        raise NotImplementedError

    def __init__(self, folder, options):
        self.mx = importing("mlx.core")
        # MLX adds one to the norms in the stored type: from bf16 that would round once more than the others do.
        self.scratch = tempfile.TemporaryDirectory()
        wide = Path(self.scratch.name)
        shutil.copy(folder / "config.json", wide)
        tensors = self.mx.load(str(folder / "model.safetensors"))
        self.mx.save_safetensors(str(wide / "model.safetensors"),
                                 {name: self.widened(tensor) for name, tensor in tensors.items()}, {"format": "pt"})
        try:
            self.net = self.model(wide)
            self.net.set_dtype(self.mx.float32)
        except Skipped:
            raise
        except Exception as error:
            raise Skipped(f"{self.name} does not load it ({str(error).splitlines()[0][:80]})")

    def widened(self, tensor):
        return tensor if tensor.dtype == self.mx.uint32 else tensor.astype(self.mx.float32)

    def greedy(self, ids, count):
        cache, step, out = self.cache(), ids, []
        for _ in range(count):
            logits = self.net(self.mx.array([step]), cache=cache)
            logits = getattr(logits, "logits", logits)
            step = [int(self.mx.argmax(logits[0, -1]).item())]
            out += step
        return out


class MlxLm(Mlx):
    name = "mlx-lm"

    def model(self, folder):
        utils = importing("mlx_lm.utils")
        return utils.load_model(folder)[0]

    def cache(self):
        return importing("mlx_lm.models.cache").make_prompt_cache(self.net)


class MlxVlm(Mlx):
    name = "mlx-vlm"

    def model(self, folder):
        utils = importing("mlx_vlm.utils")
        return utils.load_model(folder).language_model

    def cache(self):
        return importing("mlx_lm.models.cache").make_prompt_cache(self.net)


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, folder, options):
        xllama = importing("xllamacpp")
        self.scratch = tempfile.TemporaryDirectory()
        source = Path(self.scratch.name) / "source"
        shutil.copytree(folder, source, ignore=shutil.ignore_patterns("ref_*"))
        config = json.loads((folder / "config.json").read_text())
        config = config.get("text_config", config)
        self.eos = config["eos_token_id"]
        (source / "tokenizer.json").write_text(json.dumps(toy_tokenizer(config["vocab_size"])))
        file = Path(self.scratch.name) / "model.gguf"
        done = subprocess.run([options.examples / "to_gguf", source, file], capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"no GGUF file could be written ({done.stderr.strip().splitlines()[-1][:120]})")
        p = xllama.CommonParams()
        p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.n_gpu_layers = str(file), 1024, 1, False, 0
        p.verbosity = 0
        p.cpuparams.n_threads = 1
        p.cache_type_k = p.cache_type_v = xllama.ggml_type.GGML_TYPE_F32
        p.flash_attn_type = xllama.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        try:
            self.server = xllama.Server(p)
        except Exception as error:
            raise Skipped(f"llama.cpp does not load it ({str(error)[:80]})")

    def greedy(self, ids, count):
        out = []
        while len(out) < count:
            asked = count - len(out)
            answer = self.server.handle_completions(dict(prompt=ids + out, n_predict=asked, temperature=0.0, top_k=1,
                                                         samplers=["top_k"], cache_prompt=False))
            answer = answer if isinstance(answer, dict) else json.loads(answer)
            if "choices" not in answer:
                raise Skipped(f"llama.cpp answers {json.dumps(answer)[:120]}")
            words = [int(word) for word in re.findall(r"\[(\d+)\]", answer["choices"][0]["text"])]
            # It stops after the end token; the others go on past it.
            if not words or len(words) < asked and words[-1] != self.eos:
                raise Skipped(f"llama.cpp stops after {len(words)} of {asked} ids without the end token")
            out += words
        return out


def toy_tokenizer(rows):
    """A vocabulary of the right size whose every word spells its id: the server answers in text."""
    return dict(version="1.0", added_tokens=[], normalizer=None, pre_tokenizer=None, decoder=None,
                model=dict(type="BPE", vocab={f"[{i}]": i for i in range(rows)}, merges=["[0] [1]"]))


def verdict(ours, theirs, prompts, judge):
    """One cell, and whether the engines agree."""
    same = sum(a == b for a, b in zip(ours, theirs))
    if same == len(ours):
        return f"{same}/{same} prompts, every id", True
    which = next(i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)
    at = next((i for i, (a, b) in enumerate(zip(ours[which], theirs[which])) if a != b), None)
    if at is None:
        return f"{same}/{len(ours)}: prompt {which} gave {len(theirs[which])} ids", False
    apart = ""
    if judge:
        logits = judge.logits(prompts[which] + ours[which][:at])
        apart = f", the two {abs(float(logits[ours[which][at]] - logits[theirs[which][at]])):.1e} apart"
    return f"{same}/{len(ours)}: prompt {which} parts at {at}{apart}", False


def quantized(folder, scratch):
    """The checkpoint as mlx-lm quantizes it."""
    out = scratch / f"{folder.name}-4bit"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        importing("mlx_lm.convert").convert(str(folder), str(out), quantize=True, q_bits=4, q_group_size=64)
    return out


def prompts_for(folder, options):
    """Questions that the trained model knows; random ids for the others."""
    recorded = folder / "expected.json"
    if recorded.exists():
        cases = json.loads(recorded.read_text())["cases"]
        return [case["ids"] for case in cases if case["picture"] is None][:options.prompts]
    rng = random.Random(11)
    lengths = [rng.choice((1, 7, 40, 70, 130)) for _ in range(options.prompts)]
    return [[rng.randrange(TEXT_TOKENS) for _ in range(length)] for length in lengths]


def compare(folder, engines, options, prompts):
    """Prints a row for every engine; whether all agree."""
    ours = [Ours(folder, options).greedy(ids, options.tokens) for ids in prompts]
    agree, judge = True, None
    for engine in engines:
        try:
            loaded = engine(folder, options)
            judge = loaded if engine is Numpy else judge
            theirs = [loaded.greedy(ids, options.tokens) for ids in prompts]
            cell, same = verdict(ours, theirs, prompts, judge)
            agree &= same
        except Skipped as reason:
            cell = f"skipped, because {reason}"
        print(f"{folder.name:14s} {engine.name:14s} {cell}", flush=True)
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", type=Path)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--examples", type=Path, default=ROOT / "target/release/examples")
    options = parser.parse_args()
    folders = options.checkpoints or [*(DATA / name for name in ("dense", "moe", "untied")), TRAINED]
    print(f"greedy ids of {options.tokens} tokens after {options.prompts} prompts, against ours")
    agree = True
    for folder in folders:
        agree &= compare(folder, (Numpy, Transformers, MlxLm, MlxVlm, LlamaCpp), options, prompts_for(folder, options))
    if not options.checkpoints:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                folder = quantized(TRAINED, Path(scratch))
                agree &= compare(folder, (MlxLm,), options, prompts_for(TRAINED, options))
            except Skipped as reason:
                print(f"{TRAINED.name + '-4bit':14s} {MlxLm.name:14s} skipped, because {reason}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
