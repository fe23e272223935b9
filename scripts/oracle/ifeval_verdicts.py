#!/usr/bin/env python3
"""Responses to the IFEval prompts, made from a seed, with the verdicts of the reference implementation.

The reference is the one that PyPI `lm_eval` 0.4.13 carries (Apache-2.0, Google's, with the harness' corrections).
What of it is random is held still: `langdetect` gets the seed 0. The two prompts that ask for a sign instead of a
letter make the reference draw a random letter; their verdict is recorded as `?`.

    pip install lm_eval==0.4.13 langdetect==1.0.9 nltk==3.10.4 immutabledict
    ifeval_verdicts.py [--seeds 20]

Writes suites/answers/tests/ifeval_verdicts.jsonl.gz; with --seeds it says instead how many verdicts change with
the detector's seed. The responses are ours: sentences in many languages, bent to follow or to break each instruction.
"""

import argparse
import gzip
import json
import os
import pathlib
import random
import re
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "suites/datasets/embedded/ifeval/input_data.jsonl"
MODEL = ROOT / "suites/answers/data/punkt-english.tsv.gz"
OUT = ROOT / "suites/answers/tests/ifeval_verdicts.jsonl.gz"
PER_PROMPT = 4

SENTENCES = {
    "en": ["The river was high after a week of rain.", "Dr. Lee met Mr. Brown at 5 p.m. on Friday.", "We can't go; it's too late!",
           "Nobody knew why the lamp, which was new, had broken...", "Is this the right way? I think so.", "J. S. Bach wrote more than 1,000 pieces.",
           "The U.S. market fell 3.5 percent in Jan. and rose later.", "She said \"Wait here.\" Then she left.", "Prices (see Fig. 2) went up.",
           "First of all, thank you for your question.", "He cannot see it.", "They're gonna win, he says - or not.", "In short: yes."],
    "de": ["Der Fluss war nach einer Woche Regen sehr hoch.", "Wir treffen uns morgen um acht Uhr vor dem Bahnhof.", "Das Brot schmeckt heute besser als gestern."],
    "fr": ["La rivière était haute après une semaine de pluie.", "Nous nous retrouverons demain devant la gare.", "Le pain est meilleur aujourd'hui qu'hier."],
    "es": ["El río estaba muy alto después de una semana de lluvia.", "Mañana nos vemos delante de la estación."],
    "it": ["Il fiume era molto alto dopo una settimana di pioggia.", "Domani ci vediamo davanti alla stazione.", "Oggi il pane è più buono di ieri."],
    "pt": ["O rio estava muito alto depois de uma semana de chuva.", "Amanhã nos encontramos em frente à estação.", "Hoje o pão está melhor do que ontem."],
    "fi": ["Joki oli korkealla viikon sateen jälkeen.", "Tapaamme huomenna aseman edessä kello kahdeksan.", "Leipä on tänään parempaa kuin eilen."],
    "vi": ["Nước sông dâng cao sau một tuần mưa lớn.", "Ngày mai chúng ta gặp nhau trước nhà ga.", "Hôm nay bánh mì ngon hơn hôm qua."],
    "sw": ["Mto ulikuwa umejaa baada ya wiki moja ya mvua.", "Tutakutana kesho mbele ya kituo cha treni.", "Mkate wa leo ni mzuri kuliko wa jana."],
    "ru": ["После недели дождей вода в реке стояла высоко.", "Завтра мы встретимся перед вокзалом.", "Сегодня хлеб вкуснее, чем вчера."],
    "bg": ["След една седмица дъжд реката беше много висока.", "Утре ще се срещнем пред гарата.", "Днес хлябът е по-вкусен от вчера."],
    "ar": ["كان النهر مرتفعا بعد أسبوع من المطر.", "سنلتقي غدا أمام المحطة.", "الخبز اليوم ألذ من الأمس."],
    "fa": ["پس از یک هفته باران آب رودخانه بالا آمده بود.", "فردا جلوی ایستگاه همدیگر را می‌بینیم.", "نان امروز از دیروز بهتر است."],
    "ur": ["ایک ہفتے کی بارش کے بعد دریا بہت اونچا تھا۔", "ہم کل اسٹیشن کے سامنے ملیں گے۔", "آج روٹی کل سے بہتر ہے۔"],
    "hi": ["एक सप्ताह की बारिश के बाद नदी बहुत ऊँची थी।", "हम कल स्टेशन के सामने मिलेंगे।", "आज की रोटी कल से अच्छी है।"],
    "mr": ["एका आठवड्याच्या पावसानंतर नदी खूप भरली होती.", "आपण उद्या स्थानकासमोर भेटू.", "आजची भाकरी कालच्यापेक्षा चांगली आहे."],
    "ne": ["एक हप्ताको वर्षापछि नदी निकै बढेको थियो।", "हामी भोलि स्टेसन अगाडि भेट्नेछौं।", "आजको रोटी हिजोको भन्दा मीठो छ।"],
    "bn": ["এক সপ্তাহ বৃষ্টির পরে নদী খুব উঁচু ছিল।", "আমরা কাল স্টেশনের সামনে দেখা করব।", "আজকের রুটি গতকালের চেয়ে ভালো।"],
    "pa": ["ਇੱਕ ਹਫ਼ਤੇ ਦੇ ਮੀਂਹ ਤੋਂ ਬਾਅਦ ਨਦੀ ਬਹੁਤ ਉੱਚੀ ਸੀ।", "ਅਸੀਂ ਕੱਲ੍ਹ ਸਟੇਸ਼ਨ ਦੇ ਸਾਹਮਣੇ ਮਿਲਾਂਗੇ।"],
    "gu": ["એક અઠવાડિયાના વરસાદ પછી નદી ખૂબ ઊંચી હતી.", "આપણે કાલે સ્ટેશનની સામે મળીશું."],
    "ta": ["ஒரு வார மழைக்குப் பிறகு ஆறு நிரம்பி இருந்தது.", "நாளை நிலையத்தின் முன் சந்திப்போம்."],
    "te": ["ఒక వారం వర్షం తర్వాత నది చాలా ఎత్తుగా ఉంది.", "మనం రేపు స్టేషన్ ముందు కలుద్దాం."],
    "kn": ["ಒಂದು ವಾರದ ಮಳೆಯ ನಂತರ ನದಿ ತುಂಬಿತ್ತು.", "ನಾವು ನಾಳೆ ನಿಲ್ದಾಣದ ಮುಂದೆ ಭೇಟಿಯಾಗೋಣ."],
    "th": ["หลังจากฝนตกหนึ่งสัปดาห์แม่น้ำก็สูงมาก", "พรุ่งนี้เราพบกันหน้าสถานี"],
    "ko": ["일주일 동안 비가 내린 뒤 강물이 높아졌다.", "우리는 내일 역 앞에서 만난다.", "오늘 빵은 어제보다 맛있다."],
    "ja": ["一週間の雨のあと、川の水は高かった。", "明日駅の前で会いましょう。"],
    "zh-cn": ["下了一个星期的雨，河水很高。", "我们明天在车站前见面。"],
    "el": ["Το ποτάμι ήταν ψηλά μετά από μια εβδομάδα βροχής."],
    "tr": ["Bir haftalık yağmurdan sonra nehir çok yükselmişti; İstanbul'da da öyle."],
}
WORDS = "rain river lamp bread station morning GREEN Quick HELLO NASA A.B.C. U.S. CAN'T gonna CANNOT well-known ÉTÉ Straße 42 1,000 3.14 _x Ǆ naïve 'tis x² İ".split()
ODD = ["", " ", "\n", "***", "******", "* ", "*\n*", "-", "\"", "\"\"", "<<>>", "<< >>", "<<a>>", "[]", "[a] [b\nc]", "{}", "```json\n{\"a\": NaN}\n```",
       "P.S.", "p. s.", "P.P.S", "p. p.s", "1234 5678", "!!!", "...", ". . .", "A.", "a.b. C", "My answer is yes.", "My answer is maybe. ", "\u200b",
       "\u00a0\u2003", "#" * 7, "SECTION 1 section 2 Section3", "Day 1 Day2", "\ufeff{}", "{\"a\": [1, 2, {\"b\": null}]} ", "{'a': 1}", "[01]",
       "\"All of it is quoted.\"", "*one* **two** ***three*** ** **", "- a\n- b\n* c\n** d", "a***b", "***a***", "x ****** x", "x ****** y ****** ", "******x\n******\ny"]


def reference(scratch):
    """The reference, with Punkt's English model unpacked where NLTK looks for it."""
    folder = pathlib.Path(scratch) / "tokenizers/punkt_tab/english"
    folder.mkdir(parents=True)
    rows = [line.split("\t") for line in gzip.decompress(MODEL.read_bytes()).decode().splitlines()]
    for kind, name in {"abbreviation": "abbrev_types.txt", "starter": "sent_starters.txt", "collocation": "collocations.tab",
                       "seen": "ortho_context.tab"}.items():
        (folder / name).write_text("\n".join("\t".join(row[1:]) for row in rows if row[0] == kind))
    os.environ["NLTK_DATA"] = scratch
    import langdetect
    import nltk

    nltk.data.path.insert(0, scratch)
    langdetect.DetectorFactory.seed = 0
    from lm_eval.tasks.ifeval import utils

    return utils, langdetect.DetectorFactory


def text(draw, language, sentences):
    pool = SENTENCES.get(language, SENTENCES["en"])
    return " ".join(draw.choice(pool) for _ in range(sentences))


def near(draw, number):
    """A count that follows "at least" or "less than" about as often as not."""
    return max(0, number + draw.choice([-2, -1, 0, 0, 1, 2]))


def bend(draw, name, args, body, prompt):
    """Bends a text towards one instruction, or just past it."""
    kind = name.split(":")[1]
    pick = draw.random()
    if kind == "existence":
        words = [word if draw.random() < 0.9 else word.upper() for word in args["keywords"] if draw.random() < 0.9]
        return body + " " + " ".join(words)
    if kind == "frequency":
        return body + (" " + args["keyword"]) * near(draw, args["frequency"])
    if kind == "forbidden_words" and pick < 0.5:
        return body + " " + draw.choice(["", "x", "_", "-", "é"]) + draw.choice(args["forbidden_words"]) + draw.choice(["", "s", ".", "_", "ि"])
    if kind == "letter_frequency":
        return body.replace(args["letter"], "") + (args["letter"].upper() if pick < 0.5 else args["letter"]) * near(draw, args["let_frequency"])
    if kind == "number_sentences":
        return text(draw, "en", near(draw, args["num_sentences"]) // draw.choice([1, 1, 2]))
    if kind == "number_paragraphs":
        parts = [text(draw, "en", 1) for _ in range(near(draw, args["num_paragraphs"]))]
        return draw.choice(["***", "\n***\n", "\n\n***\n\n"]).join(parts) + draw.choice(["", "***", "\n*** "])
    if kind == "number_words":
        count = near(draw, args["num_words"]) if args["num_words"] < 120 else draw.choice([args["num_words"], 40])
        return " ".join(draw.choice(WORDS[:6]) for _ in range(min(count, 420))) + draw.choice(["", ".", " हिन्दी"])
    if kind == "nth_paragraph_first_word":
        parts = [text(draw, "en", 1) for _ in range(near(draw, args["num_paragraphs"]))]
        if len(parts) >= args["nth_paragraph"]:
            word = draw.choice([args["first_word"], args["first_word"].title(), "\"" + args["first_word"] + "\"", args["first_word"] + "s"])
            parts[args["nth_paragraph"] - 1] = word + draw.choice([" ", ", ", "! "]) + text(draw, "en", 1)
        return draw.choice(["", "", "\n\n"]) + draw.choice(["\n\n", "\n\n", "\n\n\n\n", "\n"]).join(parts)
    if kind == "number_placeholders":
        return body + " [name]" * near(draw, args["num_placeholders"]) + draw.choice(["", " [open", " [a\nb]"])
    if kind == "postscript":
        return body + "\n" + draw.choice([args["postscript_marker"], args["postscript_marker"].lower(), "P. S.", "P.P. S", "PS:", "P.P.S."]) + " See you."
    if kind == "number_bullet_lists":
        return body + "\n" + "\n".join(draw.choice(["* ", "* ", "- ", "  * ", "** "]) + draw.choice(WORDS) for _ in range(near(draw, args["num_bullets"])))
    if kind == "constrained_response":
        return draw.choice(["My answer is yes.", "My answer is no.", "My answer is maybe", "my answer is no.", "I say: My answer is maybe. Sorry."])
    if kind == "number_highlighted_sections":
        return body + "\n" + " ".join(draw.choice(["*{}*", "**{}**", "* {} *", "*{}"]).format(draw.choice(WORDS)) for _ in range(near(draw, args["num_highlights"])))
    if kind == "multiple_sections":
        return "\n".join(f"{args['section_spliter']}{draw.choice([' ', ' ', ''])}{at + 1}\n{text(draw, 'en', 1)}" for at in range(near(draw, args["num_sections"])))
    if kind == "json_format":
        value = json.dumps({"answer": body, "n": [1, 2.5e3, None]}, indent=draw.choice([None, 2]))
        return draw.choice(["{}", "```json\n{}\n```", "```\n{}```", "```Json {}", "Here: {}", "{},"]).replace("{}", value)
    if kind == "title":
        return draw.choice(["<<A title>>\n", "<< >>", "<<A\ntitle>>", "<A title>", "<<<x>>> ", "<<a>> <<>> "]) + body
    if kind == "two_responses":
        other = body if pick < 0.2 else text(draw, "en", 1)
        return body + draw.choice(["******", "\n******\n", "*****", "\n******\n******\n"]) + other + draw.choice(["", "\n******"])
    if kind == "repeat_prompt":
        repeated = args["prompt_to_repeat"]
        return draw.choice([repeated, repeated.upper(), repeated[:-1], "Sure: " + repeated, " \n" + repeated]) + "\n" + body
    if kind == "end_checker":
        return body + " " + draw.choice([args["end_phrase"], args["end_phrase"].upper() + "  ", args["end_phrase"] + "\"", args["end_phrase"] + " !"])
    if kind == "capital_word_frequency":
        words = " ".join(draw.choice(WORDS + ["OK", "YES", "I'LL", "X-RAY", "R&D", "GOTTA", "HI!", "(NO)"]) for _ in range(min(near(draw, args["capital_frequency"]), 40)))
        return text(draw, "en", 1) + " " + words
    if kind == "english_capital":
        return (body if pick < 0.8 else text(draw, "de", 2)).upper() + draw.choice(["", "", " ß", " ok"])
    if kind == "english_lowercase":
        return (body if pick < 0.8 else text(draw, "fr", 2)).lower() + draw.choice(["", "", " X", " ª"])
    if kind == "no_comma":
        return body.replace(",", draw.choice(["", ";", "，"])) if pick < 0.7 else body
    if kind == "quotation":
        return draw.choice(["\"{}\"", " \"{}\"\n", "“{}”", "\"{}", "'{}'"]).replace("{}", body)
    return body


def respond(draw, row, attempt):
    languages = [args["language"] for args in row["kwargs"] if args.get("language")]
    if languages and draw.random() < 0.8:
        language = languages[0]
    else:
        language = "en" if draw.random() < 0.85 else draw.choice(list(SENTENCES))
    body = text(draw, language, draw.choice([1, 1, 2, 3]))
    if attempt == PER_PROMPT - 1 and draw.random() < 0.3:
        body = draw.choice(ODD) + draw.choice(["", body])
        if draw.random() < 0.5:
            return body
    for name, args in draw.sample(list(zip(row["instruction_id_list"], row["kwargs"])), len(row["kwargs"])):
        if draw.random() < 0.85:
            body = bend(draw, name, args, body, row["prompt"])
    wrap = draw.random()
    if wrap < 0.1:
        return "Sure, here it is:\n\n" + body
    if wrap < 0.2:
        return body + "\n\nI hope this helps, friend."
    if wrap < 0.25:
        return "**Answer**\n" + body + "\nBYE"
    return body


def verdicts(utils, row, response):
    example = utils.InputExample(row["key"], row["instruction_id_list"], row["prompt"], row["kwargs"])
    results = [utils.test_instruction_following_strict(example, response), utils.test_instruction_following_loose(example, response)]
    drawn = [bool(args.get("letter") and not re.match("[a-z]", args["letter"], re.I)) for args in row["kwargs"]]
    return ["".join("?" if random_ else "01"[bool(followed)] for random_, followed in zip(drawn, result.follow_instruction_list)) for result in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=0)
    options = parser.parse_args()
    rows = [json.loads(line) for line in PROMPTS.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        utils, factory = reference(scratch)
        draw = random.Random(20260101)
        lines = []
        for row in rows:
            for attempt in range(PER_PROMPT):
                response = respond(draw, row, attempt)
                lines.append([row["key"], response, *verdicts(utils, row, response)])
        # Every odd text under every kind of instruction.
        kinds = {}
        for row in rows:
            for name in row["instruction_id_list"]:
                kinds.setdefault(name, row)
        for row in kinds.values():
            for response in ODD:
                lines.append([row["key"], response, *verdicts(utils, row, response)])
        if options.seeds:
            changing = set()
            by_key = {row["key"]: row for row in rows}
            spoken = ("language:response_language", "change_case:english_capital", "change_case:english_lowercase")
            for seed in range(1, options.seeds + 1):
                factory.seed = seed
                for at, (key, response, *recorded) in enumerate(lines):
                    if any(name in spoken for name in by_key[key]["instruction_id_list"]) and verdicts(utils, by_key[key], response) != recorded:
                        changing.add(at)
            print(f"{len(changing)} of {len(lines)} responses get another verdict under one of {options.seeds} other seeds of langdetect")
            return
    text_lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    OUT.write_bytes(gzip.compress(text_lines, 9, mtime=0))
    strict = "".join(line[2] for line in lines)
    print(f"{len(lines)} responses, {len(strict)} verdicts, {strict.count('1')} followed strictly; {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
