//! A model that is a script: quick, exact, and faulty on request.

use dyno_tests::cli::Desk;

/// The run that the tests disturb.
pub(crate) const RUN: &[&str] = &[
    "run", "speed", "--engine", "scripted", "--model", "script:model.json", "--rounds", "2", "--short",
    "--case", "decode-128", "--case", "prefill-128", "--quiet",
];

/// Writes `model.json`; `fault` is a JSON object such as `{"fault":"die-at-token","token":40}`.
pub(crate) fn write(desk: &Desk, fault: Option<&str>) {
    let fault = fault.unwrap_or("null");
    desk.write(
        "model.json",
        &format!(
            r#"{{"tokens":[72,101,108,108,111,44,32,119,111,114,108,100,46,32],"load_ns":2000000,
                "prefill_token_ns":5000,"decode_token_ns":50000,"fault":{fault}}}"#
        ),
    );
}
