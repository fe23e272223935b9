//! The page: golden copies, self-containment, hostile text, size, and links that lead somewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod constructed;

use std::collections::BTreeSet;
use std::path::PathBuf;

use dyno_reports::analysis::Analysis;
use dyno_reports::page::{IndexEntry, PageOptions, render, render_index, render_with};
use dyno_suites::Definitions;
use proptest::prelude::*;

fn page(analysis: &Analysis) -> String {
    render_with(analysis, &constructed::glossary(), &PageOptions::default()).expect("the templates are sound")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the stored copy; `DYNO_UPDATE_GOLDEN=1` writes it anew, to be looked at in the diff.
fn golden(name: &str, made: &str) {
    let path = folder().join(name);
    if std::env::var_os("DYNO_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    if stored != made {
        let line = stored.lines().zip(made.lines()).position(|(a, b)| a != b).map_or(0, |index| index + 1);
        let (was, is) = (stored.lines().nth(line.max(1) - 1), made.lines().nth(line.max(1) - 1));
        let short = |text: Option<&str>| text.unwrap_or_default().chars().take(300).collect::<String>();
        panic!(
            "{name} differs from its golden copy from line {line} on\nwas: {}\n is: {}\nset DYNO_UPDATE_GOLDEN=1 to accept",
            short(was),
            short(is)
        );
    }
}

#[test]
fn pages_match_their_golden_copies() {
    let ordinary = constructed::ordinary();
    golden("ordinary.json", &(serde_json::to_string_pretty(&ordinary).unwrap() + "\n"));
    let stored = std::fs::read_to_string(folder().join("ordinary.json")).unwrap();
    let stored: Analysis = serde_json::from_str(&stored).expect("a stored analysis stays readable");
    golden("ordinary.html", &page(&stored));
    golden("empty.html", &page(&constructed::empty()));
    let entries = [
        IndexEntry::of(&ordinary, "ordinary.html", "Ordinary"),
        IndexEntry::of(&constructed::empty(), "a b.html", "Empty"),
    ];
    golden("index.html", &render_index("Reports", &entries).unwrap());
}

#[test]
fn the_embedded_definitions_give_the_words() {
    let definitions = Definitions::embedded().unwrap();
    let made = render(&constructed::ordinary(), &definitions, &PageOptions::default()).unwrap();
    let decode = definitions.metric("decode_rate").unwrap();
    assert!(made.contains(&decode.title));
    assert!(made.contains("claimed: about 27 tok/s (24.3 to 29.7)"), "the claim's band is missing");
}

#[test]
fn nothing_is_fetched_and_only_the_named_script_may_run() {
    let made = page(&constructed::ordinary());
    for fetches in ["src=", "<link", "@import", "url(", "<iframe", "<img", "<base", "http://", "https://"] {
        assert!(!made.contains(fetches), "the page contains {fetches}");
    }
    assert!(made.contains("content=\"default-src &#39;none&#39;; "));
    assert_eq!(made.matches("<style").count(), 1);
    let running = made.match_indices("<script").filter(|(at, _)| made[*at..].starts_with("<script>")).count();
    assert_eq!(running, 1, "one script, named by hash");
    for handler in ["onclick=", "onload=", "onerror=", "javascript:"] {
        assert!(!made.contains(handler), "{handler}");
    }
}

fn attributes<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    let mut rest = page;
    std::iter::from_fn(move || {
        let at = rest.find(&start)?;
        rest = &rest[at + start.len()..];
        let end = rest.find('"')?;
        Some(&rest[..end])
    })
}

#[test]
fn links_lead_somewhere_and_ids_are_given_once() {
    for analysis in [constructed::ordinary(), constructed::large(900), constructed::empty()] {
        let made = page(&analysis);
        let ids: Vec<&str> = attributes(&made, "id").collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "an id is given twice");
        let targets: Vec<&str> =
            attributes(&made, "href").filter_map(|href| href.strip_prefix('#')).collect();
        assert!(targets.len() >= 4);
        for target in targets {
            assert!(unique.contains(target), "#{target} leads nowhere");
        }
        for named in attributes(&made, "aria-labelledby") {
            assert!(named.split(' ').all(|id| unique.contains(id)), "{named} names nothing");
        }
    }
}

#[test]
fn every_number_in_the_measured_tables_leads_to_its_events() {
    let made = page(&constructed::ordinary());
    let measured = made.split("id=\"measured-speed-1\"").nth(1).unwrap().split("</table>").next().unwrap();
    let values = measured.matches("data-sort=").count();
    assert!(values >= 20);
    assert_eq!(measured.matches("href=\"#number-").count(), values);
    assert!(made.contains("../events.jsonl#L"));
}

#[test]
fn evidence_that_is_not_measured_carries_its_badge() {
    let made = page(&constructed::ordinary());
    let measured = made.split("id=\"measured-speed-1\"").nth(1).unwrap().split("</table>").next().unwrap();
    let synthetic = measured.split("<tr>").filter(|row| row.contains("qwen3.5-0.8b")).collect::<Vec<_>>();
    assert_eq!(synthetic.len(), 2);
    for row in synthetic {
        assert_eq!(row.matches("class=\"badge\">synthetic<").count(), row.matches("data-sort").count());
    }
    let trials = made.split("id=\"trials\"").nth(1).unwrap().split("</table>").next().unwrap();
    let synthetic = trials.split("<tr>").filter(|row| row.contains("qwen3.5-0.8b") && row.contains(">done<"));
    for row in synthetic {
        assert_eq!(row.matches("class=\"badge\">synthetic<").count(), 3, "{row}");
    }
    let toy = measured.split("<tr>").find(|row| row.contains("tiny-1m")).unwrap();
    assert!(toy.contains("toy model"));
}

#[test]
fn ten_thousand_trials_make_a_page_that_opens() {
    let analysis = constructed::large(10_000);
    assert_eq!(analysis.trials.len(), 10_000);
    let made = page(&analysis);
    assert!(made.len() < 12_000_000, "{} bytes", made.len());
    let rows = made.matches("<tr>").count();
    assert!(rows < 1_000, "{rows} rows stand in the page as HTML; the rest belongs to the script");
    // What is not HTML is there as data, to the last trial.
    let last = &analysis.trials.last().unwrap().trial.0;
    assert!(made.contains(last.as_str()));
    let data = made.split("<script type=\"application/json\" class=\"further\">").skip(1);
    for json in data.map(|rest| rest.split("</script>").next().unwrap()) {
        let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(json).unwrap();
        assert!(!rows.is_empty());
    }
}

/// Text that tries to leave the place it was put in, mixed with any other.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("</script>".to_owned()),
        Just("<script>alert(1)</script>".to_owned()),
        Just("<!--".to_owned()),
        Just("]]>".to_owned()),
        Just("\" onmouseover=\"x".to_owned()),
        Just("' onfocus='x".to_owned()),
        Just("{{ v.title }}{% raw %}".to_owned()),
        Just("javascript:alert(1)".to_owned()),
        Just("</style><svg/onload=x>".to_owned()),
        Just("\u{202e}\u{2066}\u{0}\u{7}\u{feff}".to_owned()),
        Just("&lt;&#x3c;&amp;".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

/// Tag names and attribute names of a page: what data could have added, if it had broken out.
fn structure(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let body = page.split("<body>").nth(1).unwrap();
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/' || *c == '!').collect();
        if name == "script" {
            // Data and code end at the first closing tag, as a browser reads it.
            let end = rest.find("</script").unwrap_or(rest.len());
            rest = &rest[end..];
            found.insert(name);
            continue;
        }
        let (mut quoted, mut attribute) = (false, String::new());
        for (index, c) in rest.char_indices().skip(name.len()) {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    rest = &rest[index..];
                    break;
                }
                '=' if !quoted => {
                    found.insert(format!("{name} {attribute}"));
                    attribute.clear();
                }
                c if !quoted && c.is_whitespace() => attribute.clear(),
                c if !quoted => attribute.push(c),
                _ => {}
            }
        }
        found.insert(name);
    }
    found
}

fn harmless() -> &'static BTreeSet<String> {
    static HARMLESS: std::sync::OnceLock<BTreeSet<String>> = std::sync::OnceLock::new();
    HARMLESS.get_or_init(|| structure(&page(&constructed::hostile("harmless"))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_adds_no_element_and_no_attribute(text in nasty()) {
        let made = page(&constructed::hostile(&text));
        let added: Vec<String> = structure(&made).difference(harmless()).cloned().collect();
        prop_assert!(added.is_empty(), "{text:?} added {added:?}");
        prop_assert_eq!(made.matches("<script>").count(), 1);
        prop_assert!(!made.contains('\u{202e}'), "text can be turned around");
        for href in attributes(&made, "href") {
            prop_assert!(href.starts_with('#') || href.starts_with("../"), "{href}");
        }
    }
}
