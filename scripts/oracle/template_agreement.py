#!/usr/bin/env python3
"""Compares our chat templates with Jinja2 as Hugging Face sets it up.

  * The built-in Qwen3.5 template against the checkpoint's own (`Qwen3.5-4B.jinja` in llama.cpp's sources), on
    conversations of ours. `--record FILE` writes what Jinja2 made of them; that file is a test of the text crate.
  * Every other template in the folder, run by our engine and by Jinja2.

    pip install transformers jinja2
    pip download --no-deps llama-cpp-python==0.3.36   # templates: vendor/llama.cpp/models/templates
    cargo build -p dyno-text --example text_lines
    template_agreement.py TEMPLATES_FOLDER [--record device-agent/text/tests/data/qwen35_conversations.json]

Exit code 1 when the built-in template differs, or when another template renders differently (not when either side
refuses it: those are listed).
"""

import argparse
import datetime
import json
import pathlib
import sys

from tokenizer_agreement import Ours


TODAY = datetime.datetime(2024, 7, 26)


def user(text):
    return {"role": "user", "content": text}


def calls(*pairs, text="", **more):
    made = [{"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in pairs]
    return {"role": "assistant", "content": text, "tool_calls": made, **more}


TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "The sky over a place \u2014 \"now\" & <here>",
     "parameters": {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer", "default": 3},
                    "exact": {"type": "boolean", "default": True}, "limits": {"type": "array", "items": {"type": "number"}}},
                    "required": ["place"]}}},
    {"type": "function", "function": {"name": "stop", "parameters": {}}},
]
IMAGE, VIDEO = {"type": "image"}, {"type": "video"}


def text(words):
    return {"type": "text", "text": words}


CONVERSATIONS = {
    "one question": dict(messages=[user("  What is 2+2?\n")]),
    "thinking on": dict(messages=[user("Why?")], enable_thinking=True),
    "thinking off": dict(messages=[user("Why?")], enable_thinking=False),
    "system first": dict(messages=[{"role": "system", "content": " Be brief. "}, user("Hi")]),
    "empty system": dict(messages=[{"role": "system", "content": ""}, user("Hi")]),
    "no answer opened": dict(messages=[user("Hi")], add_generation_prompt=False),
    "two turns": dict(messages=[user("Hi"), {"role": "assistant", "content": "Hello.\n"}, user("Bye")]),
    "old thought dropped": dict(messages=[user("Hi"), {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello"}, user("Bye")]),
    "old thought in its field": dict(messages=[user("Hi"), {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}, user("Bye")]),
    "last thought kept": dict(messages=[user("Hi"), {"role": "assistant", "content": "<think>\n\nhm\n\n</think>\n\n\nHello"}], add_generation_prompt=False),
    "last thought in its field": dict(messages=[user("Hi"), {"role": "assistant", "content": "Hello", "reasoning_content": "\nhm hm \n"}], add_generation_prompt=False),
    "empty thought block": dict(messages=[user("Hi"), {"role": "assistant", "content": "Hello"}], add_generation_prompt=False),
    "tools": dict(messages=[user("Rain?")], tools=TOOLS),
    "tools and system": dict(messages=[{"role": "system", "content": "Be kind."}, user("Rain?")], tools=TOOLS, enable_thinking=False),
    "tools and empty system": dict(messages=[{"role": "system", "content": "  "}, user("Rain?")], tools=TOOLS),
    "one call": dict(messages=[user("Rain?"), calls(("weather", {"place": "K\u00f6ln"}), reasoning_content="look"),
                     {"role": "tool", "content": "wet\n"}], tools=TOOLS),
    "several calls and values": dict(messages=[user("Rain?"), calls(
        ("weather", {"place": "a\nb", "days": 3, "exact": True, "limits": [1, 2.5, None, True], "o": {"z": 1, "a": "\u00e9\"<"}}),
        ("weather", {"none": None, "off": False, "f": 1.0, "big": 1e20, "small": 0.00001, "s": "1"}), ("stop", {}), text="Looking. "),
        {"role": "tool", "content": "wet"}, {"role": "tool", "content": "dry"}, {"role": "tool", "content": ""}], tools=TOOLS),
    "calls, answer, question": dict(messages=[user("Rain?"), calls(("stop", {})), {"role": "tool", "content": "ok"},
                                    {"role": "assistant", "content": "Yes."}, user("Sure?")], tools=TOOLS),
    "calls and answer": dict(messages=[user("Rain?"), calls(("stop", {})), {"role": "tool", "content": "ok"},
                             {"role": "assistant", "content": "Yes."}], tools=TOOLS, add_generation_prompt=False),
    "tool answer by the user": dict(messages=[user("Rain?"), calls(("stop", {})), user("<tool_response>\nok\n</tool_response>")]),
    "picture": dict(messages=[{"role": "user", "content": [IMAGE, text(" What is it? ")]}]),
    "numbered pictures": dict(messages=[{"role": "user", "content": [text("A "), IMAGE, VIDEO, IMAGE]},
                              {"role": "assistant", "content": "x"}, {"role": "user", "content": [VIDEO, text("B"), IMAGE]}], add_vision_id=True),
    "picture from a tool": dict(messages=[user("Show"), calls(("stop", {})), {"role": "tool", "content": [IMAGE, text("here")]}]),
    "words that look like structure": dict(messages=[user("say <|im_end|>\n<|im_start|>system\nyou <think> ")]),
    "many scripts": dict(messages=[user("\u4f60\u597d \u0645\u0631\u062d\u0628\u0627 \U0001f999 e\u0301 \u00a0")]),
    "refused: nothing said": dict(messages=[]),
    "refused: no question": dict(messages=[{"role": "system", "content": "x"}]),
    "refused: only a tool answer": dict(messages=[user("<tool_response>x</tool_response>")]),
    "refused: system in the middle": dict(messages=[user("x"), {"role": "system", "content": "y"}]),
    "refused: picture for the system": dict(messages=[{"role": "system", "content": [IMAGE]}, user("x")]),
    "refused: video for the system": dict(messages=[{"role": "system", "content": [text("t"), VIDEO]}, user("x")]),
}


def jinja(source):
    """Renders as Hugging Face does; an exception's text stands for a refusal."""
    from jinja2.exceptions import TemplateError
    from transformers.utils.chat_template_utils import _compile_jinja_template

    template = _compile_jinja_template(source)
    template.environment.globals["strftime_now"] = TODAY.strftime

    def render(conversation):
        options = {"add_generation_prompt": True, "tools": None, **conversation}
        try:
            return {"text": template.render(bos_token="<s>", eos_token="</s>", **options)}
        except TemplateError as error:
            return {"error": str(error)}
        except Exception as error:  # a template's own mistakes surface as anything
            return {"error": f"{type(error).__name__}: {error}"}

    return render


def built_in(folder, ours, record):
    render = jinja((folder / "Qwen3.5-4B.jinja").read_text(encoding="utf-8"))
    cases, wrong = [], 0
    for name, conversation in CONVERSATIONS.items():
        theirs = render(conversation)
        mine = ours.ask(op="render", template="built-in", thinks=True, conversation=conversation)
        same = mine.get("text") == theirs.get("text") and ("error" not in theirs or theirs["error"] in mine.get("error", ""))
        if not same:
            wrong += 1
            print(f"  {name}:\n    ours   {mine}\n    theirs {theirs}", file=sys.stderr)
        cases.append({"name": name, "conversation": conversation, **theirs})
    print(f"built-in against Qwen3.5-4B.jinja: {len(cases)} conversations, {wrong} differ")
    if record:
        record.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return wrong


def all_templates(folder, ours):
    total = {"same text": 0, "both refuse": 0, "differ": 0, "only ours refuses": 0, "only Jinja2 refuses": 0}
    files = sorted(folder.glob("*.jinja"))
    for path in files:
        source = path.read_text(encoding="utf-8")
        render = jinja(source)
        for name, conversation in CONVERSATIONS.items():
            theirs = render(conversation)
            mine = ours.ask(op="render", template=source, conversation={"today": "2024-07-26", **conversation})
            if "thinking switch" in mine.get("error", ""):
                continue
            refusals = ("error" in mine, "error" in theirs)
            verdict = {(True, True): "both refuse", (True, False): "only ours refuses", (False, True): "only Jinja2 refuses"}.get(refusals)
            verdict = verdict or ("same text" if mine["text"] == theirs["text"] else "differ")
            total[verdict] += 1
            if verdict not in ("same text", "both refuse"):
                print(f"  {path.name}, {name}: {verdict}\n    ours   {str(mine)[:900]}\n    theirs {str(theirs)[:900]}", file=sys.stderr)
    print(f"{len(files)} templates x {len(CONVERSATIONS)} conversations: " + ", ".join(f"{count} {what}" for what, count in total.items()))
    return total["differ"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path, default=pathlib.Path("target/debug/examples/text_lines"))
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    try:
        import jinja2, transformers  # noqa: F401, E401
    except ImportError as error:
        print(f"skipped, because {error}")
        return 0
    if not (options.folder / "Qwen3.5-4B.jinja").exists():
        print(f"skipped, because there is no Qwen3.5-4B.jinja in {options.folder}")
        return 0
    ours = Ours(options.ours, "-")
    wrong = built_in(options.folder, ours, options.record) + all_templates(options.folder, ours)
    ours.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
