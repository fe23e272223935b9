//! Tasks: what is read, what is asked, and what is refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::Definitions;

fn load(text: &str) -> Result<Definitions, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text).unwrap();
    Definitions::load(&[path]).map_err(|errors| errors.to_string())
}

const CHOICE: &str = r#"
format = 1

[[task]]
id = "made-choice"
version = 1
title = "Choice"
about = "Made for a test."
subject = "text"
prompt = "Q: {{ question }}\nA:"
chat = false
ask = { kind = "choose", continuation = " {{ option }}" }

[task.source]
kind = "data"
file = "rows.jsonl"
format = "jsonl"
licence = "none"
fields = { options = ["choices.text"], labels = "choices.label", answer = "key", answer_as = "label" }

[task.shots]
count = 2
answer = " {{ right_option }}"

[[task.score]]
id = "choice"
rule = "choice"
"#;

fn item(id: &str, question: &str, right: u32) -> Item {
    let Value::Object(fields) = json!({"question": question}) else { panic!("an object") };
    Item {
        id: id.into(),
        cluster: None,
        fields,
        images: Vec::new(),
        options: vec!["yes".into(), "no".into()],
        answer: Expected::Option(right),
        chance: Some(0.5),
    }
}

#[test]
fn examples_come_before_the_question_and_never_are_it() {
    let definitions = load(CHOICE).unwrap();
    let task = definitions.task("made-choice").unwrap();
    let pool: Vec<Item> = ["a", "b", "c"].map(|id| item(id, &format!("Is it {id}?"), 1)).into();
    let wording = task.wording(&pool[1], &pool, None).unwrap();
    // The question itself stands among the examples and is left out.
    assert_eq!(wording.user, "Q: Is it a?\nA: no\n\nQ: Is it c?\nA: no\n\nQ: Is it b?\nA:");
    assert_eq!(task.continuation(&pool[1], "yes").unwrap().unwrap(), " yes");
    assert!(!task.asks_each_option());
    let each = CHOICE.replace("Q: {{ question }}", "{{ question }} {{ option }}");
    assert!(load(&each).unwrap().task("made-choice").unwrap().asks_each_option());
}

#[test]
fn a_template_that_names_what_is_not_there_says_so() {
    let definitions = load(&CHOICE.replace("{{ question }}", "{{ passage }}")).unwrap();
    let error = definitions.task("made-choice").unwrap().wording(&item("a", "?", 0), &[], None).unwrap_err();
    assert!(error.to_string().contains("item a"), "{error}");
}

#[test]
fn mistakes_of_tasks_are_found_when_they_are_read() {
    for (from, to, says) in [
        ("rule = \"choice\"", "rule = \"exact\"", "judges words"),
        ("{{ question }}", "{{ question", "is no template"),
        ("kind = \"data\"\n", "kind = \"data\"\nhub = \"a/b\"\n", "pinned"),
        ("labels = \"choices.label\", ", "", "needs `labels`"),
        ("rule = \"choice\"", "rule = \"choice\"\npattern = \"(\"", "belong together"),
        ("count = 2", "cuont = 2", "did you mean `count`"),
        ("subject = \"text\"", "subject = \"pictures\"", "need the chat template"),
    ] {
        let text = CHOICE.replacen(from, to, 1);
        assert_ne!(text, CHOICE, "{from}");
        let errors = load(&text).unwrap_err();
        assert!(errors.contains(says), "{to}: {errors}");
    }
    let made = "kind = \"procedural\"\nseed = 1\ndraw = [{ generator = \"ad\", levels = [9], items = 3 }]\n";
    let begin = CHOICE.find("kind = \"data\"").unwrap();
    let end = CHOICE.find("[task.shots]").unwrap();
    let errors = load(&format!("{}{made}{}", &CHOICE[..begin], &CHOICE[end..])).unwrap_err();
    assert!(errors.contains("no procedural task \"ad\"") && errors.contains("from 1 to 1"), "{errors}");
}

#[test]
fn a_case_asks_the_way_its_task_does() {
    let case = r#"
[[suite]]
id = "made"
version = 1
title = "Made"
about = "For a test."
refuses = []
[suite.rules]
full = { warm_up_min = 0, warm_up_max = 0, agree_within = 0, passes_min = 1, passes_max = 1, half_width = 0, budget_s = 1 }
short = { warm_up_min = 0, warm_up_max = 0, agree_within = 0, passes_min = 1, passes_max = 1, half_width = 0, budget_s = 1 }
[[suite.case]]
id = "items"
version = 1
title = "Items"
place = "anywhere"
metrics = ["accuracy"]
work = { kind = "choose", task = "made-choice" }
"#;
    let right = format!("{CHOICE}{case}");
    load(&right).unwrap();
    let wrong = right.replace("kind = \"choose\", task", "kind = \"answer\", thinking = [\"off\"], task");
    assert!(load(&wrong).unwrap_err().contains("the task `made-choice` weighs options"));
}

#[test]
fn embedded_tasks_make_different_items_with_right_answers() {
    let definitions = Definitions::embedded().unwrap();
    let made: Vec<&Task> =
        definitions.tasks().iter().filter(|task| task.procedural_items().is_some()).collect();
    assert!(made.iter().any(|task| task.subject == Subject::Text));
    assert!(made.iter().any(|task| task.subject == Subject::Pictures));
    for task in made {
        let items = task.procedural_items().unwrap();
        assert_eq!(items, task.procedural_items().unwrap(), "{}: the seed decides", task.id);
        let ids: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), items.len(), "{}", task.id);
        assert!(items.len() >= 150, "{}: {} items", task.id, items.len());
        assert!(items.len() as u32 <= task.count(None).unwrap());
        for item in &items {
            let wording = task.wording(item, &[], None).unwrap();
            assert!(!wording.user.is_empty() && item.chance.is_some(), "{}", item.id);
            assert_eq!(item.images.is_empty(), task.subject == Subject::Text, "{}", item.id);
        }
    }
}

#[test]
fn a_longer_run_asks_what_a_shorter_one_asked_and_shards_are_a_partition() {
    let definitions = Definitions::embedded().unwrap();
    let items = definitions.task("spatial").unwrap().procedural_items().unwrap();
    let ids = |items: &[Item]| -> Vec<String> { items.iter().map(|item| item.id.clone()).collect() };
    let all = chosen(items.clone(), None);
    let few = chosen(items.clone(), Some(30));
    assert_eq!(ids(&few), ids(&all)[..30]);
    assert_ne!(ids(&all), ids(&items), "the order is not the file's");
    let mut parts: Vec<String> = (1..=3).flat_map(|number| ids(&share(all.clone(), number, 3))).collect();
    let one = share(all.clone(), 1, 3);
    assert!(one.len() > all.len() / 6 && one.len() < all.len() / 2, "{}", one.len());
    let clusters = |items: &[Item]| -> BTreeSet<String> {
        items.iter().filter_map(|item| item.cluster.clone()).collect()
    };
    let two = share(all.clone(), 2, 3);
    assert!(clusters(&one).is_disjoint(&clusters(&two)), "a picture is on one device");
    parts.sort();
    let mut whole = ids(&all);
    whole.sort();
    assert_eq!(parts, whole);
}
