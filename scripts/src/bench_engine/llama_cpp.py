"""Speeds of llama.cpp on one GGUF file, as one JSON line: the same figures that our `speed` example prints.

Usage: llama_cpp.py MODEL.gguf PROMPT,.. DEPTH,.. TOKENS THREADS
The bindings are those of the package `xllamacpp` from the Python package index. Rates are llama.cpp's own
timings, which leave out tokenizing and sampling's set-up.
"""

import json
import resource
import sys
import time

import xllamacpp


def main():
    model, prompts, depths, tokens, threads = sys.argv[1:]
    prompts, depths = ([int(part) for part in text.split(",") if part] for text in (prompts, depths))
    tokens, threads = int(tokens), int(threads)

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = max(prompts + [depth + tokens for depth in depths]) + 64
    params.n_parallel = 1
    params.n_batch = 2048
    params.n_ubatch = 512
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    begin = time.monotonic()
    server = xllamacpp.Server(params)
    figures = {"path": xllamacpp.get_system_info().strip(), "load_s": time.monotonic() - begin}

    def timings(length, count, salt):
        ids = [(index * 104729 + salt) % 1000 + 1 for index in range(length)]
        answer = server.handle_completions(
            {"prompt": ids, "n_predict": count, "temperature": 0, "cache_prompt": False, "ignore_eos": True}
        )
        answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        return answer["timings"]

    for length in prompts:
        figures[f"prefill_{length}"] = timings(length, 1, length)["prompt_per_second"]
    for depth in depths:
        figures[f"decode_{depth}"] = timings(max(depth, 1), tokens, depth + 7)["predicted_per_second"]
    figures["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


main()
