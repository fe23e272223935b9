#!/usr/bin/env python3
"""Responses made from a seed, with what reference implementations read out of them and make of them.

The references are those that PyPI `lm_eval` 0.4.13 (MIT) and `lmms-eval` 0.7.3 (MIT and Apache-2.0) carry: GSM8K, MGSM,
MATH, MMLU-Pro, MMMU and ChartQA of the first; OCRBench, ChartQA's short form, AI2D, MMStar and RealWorldQA, MathVista and
ANLS of the second. Of the second only single files are loaded, with what they import and do not use put aside.

    pip install lm_eval==0.4.13 Levenshtein
    pip download --no-deps lmms-eval==0.7.3 && unzip lmms_eval-0.7.3-*.whl -d FOLDER
    answer_verdicts.py FOLDER

Writes suites/answers/tests/answer_verdicts.jsonl.gz: lines of [rule, response, what it is judged against, result].
"""

import gzip
import importlib.util
import json
import pathlib
import random
import re
import sys
import types
from unittest import mock

OUT = pathlib.Path(__file__).resolve().parents[2] / "suites/answers/tests/answer_verdicts.jsonl.gz"
LINES = []


def record(rule, response, against, result):
    LINES.append([rule, response, against, result])


def load(folder, path):
    """One file of lmms-eval."""
    spec = importlib.util.spec_from_file_location(path.replace("/", "_").removesuffix(".py"), folder / "lmms_eval" / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def extracted(pattern, text, group=0):
    from lm_eval.filters.extraction import RegexFilter

    return RegexFilter(regex_pattern=pattern, group_select=group).apply([[text]], [{}])[0][0]


def numbers(draw):
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.tasks.mgsm.utils import LANGUAGES

    def number():
        return draw.choice(["42", "-7", "1,234", "$5", "3.50", "18.", "$1,000.00", "0", "100%", "7", "12.5", "-$3", ".5", "1.000,5", "٣", "½"])

    def response(words):
        filler = ["So it is ", "Then 3 + 4 = ", "\n", "That makes ", "He pays $", ", ", "... ", "Total: "]
        parts = [draw.choice(filler) + (number() if draw.random() < 0.6 else "") for _ in range(draw.randint(0, 4))]
        parts.insert(draw.randint(0, len(parts)), draw.choice(words) + number() + draw.choice([".", "", "\n", " dollars.", "。", "です。"]))
        return "".join(parts)

    def gsm8k(found, right):
        ignored = [",", "\\$", "(?s).*#### ", "\\.$"]
        return bool(exact_match_hf_evaluate([found], [right], regexes_to_ignore=ignored, ignore_case=True)["exact_match"])

    for _ in range(120):
        text, right = response(["#### ", "####", "The answer is ", ""]), draw.choice(["They have 3.\n#### 42", "#### 1,234", "x #### -7", "5", "3.50"])
        for rule, pattern, group in [("gsm8k-strict", "#### (\\-?[0-9\\.\\,]+)", 0), ("gsm8k-cot", "The answer is (\\-?[0-9\\.\\,]+).", 0),
                                     ("flexible", "(-?[$0-9.,]{2,})|(-?[0-9]+)", -1)]:
            found = extracted(pattern, text, group)
            record(rule, text, None, found)
            record("same-gsm8k", found, right, gsm8k(found, right))
    for code, language in LANGUAGES.items():
        words = language["REGEX"].split("(")[0]
        for _ in range(12):
            text = response([words, words.lower(), words])
            found = extracted(language["REGEX"], text)
            record("mgsm-" + code, text, None, found)
            right = draw.choice(["42", "7", "1234", "350"])
            record("same-without-punctuation", found, right,
                   bool(exact_match_hf_evaluate([found], [right], ignore_case=True, ignore_punctuation=True)["exact_match"]))


EXPRESSIONS = r"""\frac{1}{2}|\frac12|\dfrac{1}{2}|1/2|0.5|.5|\tfrac 1 2|\frac1{72}|\frac{72}1|2/4|x=5|k = 5|5|xyz=5|\sqrt3|\sqrt{3}|2\sqrt3|\sqrt
|10\text{ cm}|10|10\text{ cm}^2 \text{ x}|50\%|50|\$12|12|90^\circ|90^{\circ}|90|\left(1,2\right)|(1,2)|(1, 2)|1\\2|\frac|\frac1|\frac{1|a/b|1/2/3| 7 |7|{.5}|{0.5}
|-3/4|\frac{-3}{4}|-\frac{3}{4}|+1/2|01/2|1_0/2|\!x|x|\text{east}|east|3=4=5||\begin{pmatrix}1\\2\end{pmatrix}|x^2+1|x^{2}+1|\frac\pi2|é/2|\sqrt é""".replace("\n", "").split("|")
BOXED = r"""So \boxed{5}.|\boxed{\frac{1}{2}} and \boxed{x^{2}}|\boxed 5 $ and|no box|\fbox{7}|\boxed{unclosed|\boxed{a{b}c} }|x } \boxed{1}|\boxed{}|first \boxed{1} then \boxed 2$ end|\boxed{\text{(A)}}
|$x$ is $\boxed{3}$ or $y$|$5|$5$|costs $5 and $6|$$""".replace("\n", "").split("|")


def math(draw):
    from lm_eval.tasks.hendrycks_math import utils

    for first in EXPRESSIONS:
        for second in draw.sample(EXPRESSIONS, 12) + [first, first.replace(" ", "")]:
            record("math", first, second, utils.is_equiv(first, second))
    for text in BOXED:
        box = utils.last_boxed_only_string(text)
        if box is None or box.startswith(("\\boxed{", "\\boxed ")):
            record("boxed", text, None, box and utils.remove_boxed(box))
        answer = text
        caught = []
        with mock.patch.object(utils, "is_equiv", lambda given, _: caught.append(given)):
            utils.process_results({"solution": "\\boxed{1}"}, [text])
        record("between-dollars", answer, None, caught[0])


def letters(draw, folder):
    extract = load(folder, "tasks/_task_utils/mcq_extract.py").extract_mcq_answer
    from lm_eval.tasks.mmmu import utils as mmmu

    pieces = ["A", "B", "C", "D", "(A)", "(B)", "B.", "C:", "D)", " ", "The answer is ", "answer is (", ")", "I choose ", "Because ", "A cat sat. ", "and", "\n", "答案是", "정답은 ",
              "correct option is", "red", "blue", "green tree", "the sky is blue and the grass is not", "Answer: ", ".", "!", "*B*", "\"C\"", "E", "é", "aB"]
    options = [["red", "blue", "green tree", "a dog"], ["1", "2", "3", "4", "5"], ["Blue", "blue", "sky"], ["A", "B"]]
    for _ in range(400):
        text = "".join(draw.choice(pieces) for _ in range(draw.randint(0, 7)))
        record("surest", text, None, extract(text, choices=["A", "B", "C", "D"]))
        found = extracted(r"answer is \(?([ABCDEFGHIJ])\)?", text)
        record("mmlu-pro", text, None, found)
        match = re.match(r"^\s*([A-Z])\.", text)
        record("ai2d", text, None, match.group(1) if match else text)
        given = draw.choice(options)
        names = [chr(ord("A") + at) for at in range(len(given))]
        with mock.patch.object(mmmu.random, "choice", lambda _: None):
            record("mmmu", text, given, mmmu.parse_multi_choice_response(text, names, dict(zip(names, given))))


def open_answers(draw):
    from lm_eval.tasks.chartqa import utils as chartqa
    from lm_eval.tasks.mmmu import utils as mmmu

    pieces = ["The answer is ", "so ", "therefore ", "x = ", "3.14", "1,234", "2e5", "-7", "7", " ", "\n", ". ", "Blue", "blue whale", "a", "b", "12 cm", "$5", "50%", "is ", "result ", "final ", ",", "5.0", "0.333",
              "7.004", "Final Answer: ", "**Answer:** ", "FINAL ANSWER: ", "*", "yes", "Yes.", "\"quoted\"", "1:4", "answer:"]
    rights = ["7", "3.14", "blue", "a", "1234", "200000", "12", "50%", "0.5", "Yes", "No", "quoted", "5", "0.33", "$5", "b", "Blue whale", "1,234"]
    for _ in range(450):
        text = "".join(draw.choice(pieces) for _ in range(draw.randint(0, 7)))
        right = draw.sample(rights, draw.choice([1, 1, 2]))
        record("mmmu-open", text, right, mmmu.eval_open(right, mmmu.parse_open_response(text)))
        result = chartqa.relaxed_accuracy([right[0]], [text])
        record("chartqa-final", text, right[0], bool(result and result["relaxed_accuracy"]))


def pictures(draw, folder):
    aside = {name: types.ModuleType(name) for name in ["loguru", "lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks._task_utils", "lmms_eval.tasks._task_utils.file_utils", "lmms_eval.llm_judge"]}
    aside["loguru"].logger = mock.Mock()
    aside["lmms_eval.tasks._task_utils.file_utils"].generate_submission_file = None
    judge = aside["lmms_eval.llm_judge"]
    judge.Request, judge.ServerConfig, judge.get_server = mock.Mock(), mock.Mock(), mock.Mock()
    with mock.patch.dict(sys.modules, aside):
        ocr, chartqa, vista = (load(folder, path) for path in ["tasks/ocrbench/utils.py", "tasks/chartqa/utils.py", "tasks/mathvista/mathvista_evals.py"])
    vista = vista.MathVistaEvaluator()
    source = (folder / "lmms_eval/api/metrics.py").read_text()
    scope = {"levenshtein_distance": __import__("Levenshtein").distance}
    exec(re.search(r"def anls\(.*?\n\ndef ", source, re.S).group(0).removesuffix("def "), scope)

    pieces = ["EXIT", "exit", "Ｅｘｉｔ", "STOP", " ", "\n", "2 0 2 4", "2024", "x^2 + 1", "x^{2}", "the sign says ", "’", "　", "a", "日本"]
    rights = ["exit", "EXIT 2024", "2024", "x^2+1", "stop", "Ｓｔｏｐ", "日本", "the sign", ""]
    for _ in range(200):
        text = "".join(draw.choice(pieces) for _ in range(draw.randint(0, 6)))
        right = draw.sample(rights, draw.choice([1, 1, 2]))
        for formula in (False, True):
            doc = {"answer": right, "dataset": "HME100k" if formula else "other", "question_type": ""}
            record("ocrbench-formula" if formula else "ocrbench", text, right, bool(ocr.ocrbench_process_results(doc, [text])["ocrbench_accuracy"]["score"]))
        near = draw.choice(right)
        near = near[: draw.randint(0, len(near))] + draw.choice(["", "x", " ", near])
        record("anls", near, right, scope["anls"](right, [near])["anls"])
    values = ["5", "5.2", "5%", "105", "0", "0.0", "Blue", "blue", " 5", "5,000", "1e3", "", "inf", "5.25", "-5", "nan", "0.05", "5%%", "50", "10", "4.75", "1_000"]
    for found in values:
        for right in values:
            record("chartqa-short", found, right, bool(chartqa.relaxed_correctness(found, right)))
    options = ["tokyo", "osaka", "hong kong", "29"]
    for text in ["A", "(b)", "B.", "osaka", "Osaka", "tokio", "", "29", "E", "(C) hong kong", "12", "3.7", "-0.4", "1e3", "abc", " 7 ", "1_0", "2.675", "0.125", "nan", "1e20", "[1, 2]"]:
        record("mathvista-choice", text, options, vista.normalize_extracted_answer(text, options, "multi_choice", "text", None))
        record("mathvista-integer", text, None, vista.normalize_extracted_answer(text, None, "free_form", "integer", None))
        for places in (1, 2):
            record("mathvista-float", text, places, vista.normalize_extracted_answer(text, None, "free_form", "float", places))


def main():
    folder = pathlib.Path(sys.argv[1])
    draw = random.Random(20260102)
    numbers(draw)
    math(draw)
    letters(draw, folder)
    open_answers(draw)
    pictures(draw, folder)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES).encode()
    OUT.write_bytes(gzip.compress(text, 9, mtime=0))
    rules = {}
    for line in LINES:
        rules[line[0]] = rules.get(line[0], 0) + 1
    print(f"{len(LINES)} verdicts, {OUT.stat().st_size} bytes: {rules}")


if __name__ == "__main__":
    main()
