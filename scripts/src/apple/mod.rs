//! What can be checked of Apple's systems without one: types and lints of the whole agent for three targets, and
//! links against stub libraries made from a reviewed list of symbols. Nothing is run. Where this machine cannot,
//! the reason is told and nothing else is held up by it.

mod rust_source;
mod stub_sdk;

use anyhow::Context;
use xshell::{Shell, cmd};

/// The targets, and the system whose stubs they link against.
const TARGETS: [(&str, Option<&str>); 3] = [
    ("aarch64-apple-ios", Some("ios")),
    ("aarch64-apple-ios-sim", None),
    ("aarch64-apple-darwin", Some("macos")),
];
/// The least system versions that the agent is made for.
const OLDEST: [(&str, &str); 2] =
    [("IPHONEOS_DEPLOYMENT_TARGET", "17.0"), ("MACOSX_DEPLOYMENT_TARGET", "14.0")];
/// Builds the standard library along, because no ready one can be had for these targets here.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

pub(crate) fn check(shell: &Shell) -> anyhow::Result<()> {
    if let Err(unfit) = rust_source::prepare(shell)? {
        println!("Apple's targets were not checked: {unfit}");
        return Ok(());
    }
    let _oldest = OLDEST.map(|(name, version)| shell.push_env(name, version));
    // A folder of its own: another compiler, and nothing that it makes is of use elsewhere.
    let target = crate::root().join("target/apple");
    let _folder = shell.push_env("CARGO_TARGET_DIR", &target);
    for (name, _) in TARGETS {
        println!("lints for {name}");
        cmd!(
            shell,
            "cargo +nightly clippy -q {BUILD_STD} --target {name} --locked -p dyno-agent --all-features -- -D warnings"
        )
        .run()
        .with_context(|| format!("the agent does not pass for {name}"))?;
    }
    for (name, system) in TARGETS {
        let Some(system) = system else { continue };
        println!("a link for {name}");
        let sdk = target.join("sdk").join(system);
        stub_sdk::write(shell, &sdk, system)?;
        let _sdk = shell.push_env("SDKROOT", &sdk);
        let _linker = shell.push_env("RUSTFLAGS", "-Clinker=rust-lld -Clinker-flavor=ld64.lld");
        cmd!(
            shell,
            "cargo +nightly build -q {BUILD_STD} --target {name} --locked -p dyno-agent --bin dyno-agent"
        )
        .run()
        .with_context(|| {
            format!("the agent does not link for {name}; a symbol that it may use belongs into scripts/apple/symbols.txt")
        })?;
    }
    Ok(())
}
