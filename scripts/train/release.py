"""Writes a trained network as a checkpoint folder: weights, configuration, tokenizer, chat template.

  python release.py tiny-5m --state DIR/state.pt --out ../../suites/embedded/tiny-5m
"""
import argparse
import json
import os

import torch
from safetensors.torch import save_file

from network import Network, released
from shapes import PATCH, SHAPES, SPECIAL_TOKENS, TEMPORAL, MERGE, TOKEN_ID, config_json

CHAT_TEMPLATE = r"""{%- macro render(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' or 'image' in part or 'image_url' in part -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' or 'video' in part -%}<|vision_start|><|video_pad|><|vision_end|>
{%- else -%}{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{%- if message.role == 'system' and not loop.first -%}{{- raise_exception('a system message must come first') -}}{%- endif -%}
{{- '<|im_start|>' + message.role + '\n' -}}
{%- if message.role == 'assistant' -%}
{%- set said = render(message.content) -%}
{%- if '</think>' in said -%}{%- set said = said.split('</think>')[-1] -%}{%- endif -%}
{%- if loop.last -%}{{- '<think>\n' + (message.reasoning_content or '') | trim + '\n</think>\n\n' -}}{%- endif -%}
{{- said | trim -}}
{%- else -%}
{{- render(message.content) | trim -}}
{%- endif -%}
{{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\n<think>\n' -}}
{%- if not enable_thinking -%}{{- '\n</think>\n\n' -}}{%- endif -%}
{%- endif -%}"""


def byte_symbols():
    """The printable stand-in of every byte that byte-level tokenizers write in their vocabulary."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    odd = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) if byte in plain else chr(256 + odd.index(byte)) for byte in range(256)]


def dump(folder, name, value):
    with open(os.path.join(folder, name), "w") as out:
        json.dump(value, out, indent=1, ensure_ascii=False)
        out.write("\n")


def write_config(folder, shape):
    dump(folder, "config.json", config_json(shape))


def write_tokenizer(folder):
    added = [dict(id=TOKEN_ID[token], content=token, single_word=False, lstrip=False, rstrip=False, normalized=False,
                  special=token.startswith("<|")) for token in SPECIAL_TOKENS]
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False)
    dump(folder, "tokenizer.json", dict(
        version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=dict(type="NFC"),
        pre_tokenizer=byte_level, post_processor=None, decoder=byte_level,
        model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None,
                   fuse_unk=False, byte_fallback=False, ignore_merges=False,
                   vocab={symbol: byte for byte, symbol in enumerate(byte_symbols())}, merges=[])))
    dump(folder, "tokenizer_config.json", dict(
        tokenizer_class="PreTrainedTokenizerFast", bos_token=None, unk_token=None, eos_token="<|im_end|>",
        pad_token="<|endoftext|>", add_bos_token=False, clean_up_tokenization_spaces=False, model_max_length=4096,
        chat_template=CHAT_TEMPLATE))


def write_settings(folder):
    dump(folder, "generation_config.json", dict(
        do_sample=False, eos_token_id=[TOKEN_ID["<|im_end|>"], TOKEN_ID["<|endoftext|>"]], pad_token_id=TOKEN_ID["<|endoftext|>"]))
    dump(folder, "preprocessor_config.json", dict(
        size=dict(shortest_edge=64 * 64, longest_edge=128 * 128), patch_size=PATCH, temporal_patch_size=TEMPORAL,
        merge_size=MERGE, image_mean=[0.5] * 3, image_std=[0.5] * 3, processor_class="Qwen3VLProcessor",
        image_processor_type="Qwen2VLImageProcessorFast"))


def write_weights(folder, network):
    path = os.path.join(folder, "model.safetensors")
    save_file({name: released(name, p) for name, p in network.named_parameters()}, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)


def load(model, state):
    saved = torch.load(state, map_location="cpu", weights_only=True)
    network = Network(SHAPES[model])
    network.load_state_dict(saved["weights"])
    return network.eval(), saved["facts"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model", choices=list(SHAPES))
    ap.add_argument("--state", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    network, facts = load(a.model, a.state)
    os.makedirs(a.out, exist_ok=True)
    write_config(a.out, SHAPES[a.model])
    write_tokenizer(a.out)
    write_settings(a.out)
    write_weights(a.out, network)
    dump(a.out, "training.json", dict(facts, **count(network)))


def count(network):
    """Parameters in all and by part."""
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    whole = sum(sizes.values())
    part = lambda inside: sum(size for name, size in sizes.items() if inside in name)
    return dict(parameters=whole, parameters_without_embeddings=whole - part("embed_tokens"),
                parameters_vision=part("model.visual."), parameters_mtp=part("mtp."))


if __name__ == "__main__":
    main()
