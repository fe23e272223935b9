//! A model that is a script: quick, exact, and faulty on request.

use std::collections::BTreeMap;

use dyno_reports::bundle::{Bundle, EventBody, Outcome};
use dyno_tests::cli::Desk;

/// The run that the tests disturb. Its definitions allow a debug build, which a speed suite rightly refuses.
pub(crate) const RUN: &[&str] = &[
    "--definitions",
    "rehearsal.toml",
    "--quiet",
    "run",
    "rehearsal",
    "--engine",
    "scripted",
    "--model",
    "script:model.json",
    "--rounds",
    "2",
    "--short",
];

/// `RUN` into this folder.
pub(crate) fn run_into(out: &str) -> Vec<&str> {
    let mut arguments = RUN.to_vec();
    arguments.extend(["--out", out]);
    arguments
}

/// Trials that ended well, with how often.
pub(crate) fn done(desk: &Desk, run: &str) -> BTreeMap<String, u32> {
    let bundle = Bundle::open(&desk.path(run)).expect("the bundle opens");
    let mut ended = BTreeMap::new();
    for event in &bundle.events {
        if let EventBody::TrialEnded { trial, outcome: Outcome::Done, .. } = &event.body {
            *ended.entry(trial.to_string()).or_default() += 1;
        }
    }
    ended
}

/// Writes the definitions and `model.json`; `fault` is a JSON object such as
/// `{"fault":"die-at-token","token":40}`.
pub(crate) fn write(desk: &Desk, fault: Option<&str>) {
    desk.write("rehearsal.toml", include_str!("rehearsal.toml"));
    let fault = fault.unwrap_or("null");
    let model = format!(
        r#"{{"tokens":[72,101,108,108,111,44,32,119,111,114,108,100,46,32],"load_ns":2000000,
            "prefill_token_ns":5000,"decode_token_ns":50000,"fault":{fault}}}"#
    );
    desk.write("model.json", &model);
}
