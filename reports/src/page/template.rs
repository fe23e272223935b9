//! The templates and the engine that fills them: everything that comes from data is cleaned and escaped.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Output, State, Value, context};
use serde::Serialize;

use crate::readable;

use super::{PageError, security};

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

const FILES: [(&str, &str); 12] = [
    ("page.html", include_str!("templates/page.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("comparison.html", include_str!("templates/comparison.html")),
    ("trends.html", include_str!("templates/trends.html")),
    ("verdicts.html", include_str!("templates/verdicts.html")),
    ("measured.html", include_str!("templates/measured.html")),
    ("quality.html", include_str!("templates/quality.html")),
    ("third_party.html", include_str!("templates/third_party.html")),
    ("trials.html", include_str!("templates/trials.html")),
    ("method.html", include_str!("templates/method.html")),
    ("report.html", include_str!("templates/report.html")),
    ("index.html", include_str!("templates/index.html")),
];

pub(super) fn report(view: &impl Serialize) -> Result<String, PageError> {
    fill("report.html", view)
}

pub(super) fn index(view: &impl Serialize) -> Result<String, PageError> {
    fill("index.html", view)
}

pub(super) fn trends(view: &impl Serialize) -> Result<String, PageError> {
    fill("trends.html", view)
}

fn fill(name: &str, view: &impl Serialize) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_formatter(write_value);
    for (name, source) in FILES {
        environment.add_template(name, source)?;
    }
    let page = environment.get_template(name)?.render(context! {
        v => Value::from(Serde(view)),
        policy => security::policy(STYLE, SCRIPT),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
    })?;
    Ok(page)
}

/// Every value goes through here. Only what a template marks as safe passes unescaped, and only charts,
/// tables' JSON, style and script are so marked; each of them is made safe where it is made.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.is_safe() {
        return minijinja::escape_formatter(out, state, value);
    }
    if let Some(text) = value.as_str() {
        return out.write_str(&readable::escape(text)).map_err(minijinja::Error::from);
    }
    minijinja::escape_formatter(out, state, value)
}
