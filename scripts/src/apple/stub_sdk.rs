//! Folders that stand for Apple's SDK when the agent is linked: empty libraries that name the symbols on the list.
//! What comes out of such a link is looked at and never run.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use xshell::Shell;

const SYMBOLS: &str = include_str!("../../apple/symbols.txt");
/// Libraries that are not frameworks, and where they are on a device.
const LIBRARIES: [(&str, &str); 4] = [
    ("System", "/usr/lib/libSystem.B.dylib"),
    ("objc", "/usr/lib/libobjc.A.dylib"),
    ("iconv", "/usr/lib/libiconv.2.dylib"),
    ("IOReport", "/usr/lib/libIOReport.dylib"),
];
/// Frameworks that may be named on the command line of a link even where no C symbol of theirs is used.
const FRAMEWORKS: [&str; 12] = [
    "Accelerate",
    "AppKit",
    "CoreFoundation",
    "CoreGraphics",
    "CoreML",
    "Foundation",
    "IOKit",
    "Metal",
    "MetalPerformanceShaders",
    "QuartzCore",
    "Security",
    "UIKit",
];

/// Symbols by library, of one system.
fn symbols(system: &str) -> anyhow::Result<BTreeMap<&'static str, Vec<&'static str>>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in SYMBOLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (library, symbol) = words
            .next()
            .zip(words.next())
            .with_context(|| format!("`{line}` names no library and symbol"))?;
        if words.any(|word| word == system) {
            found.entry(library).or_default().push(symbol);
        }
    }
    Ok(found)
}

/// Writes the stubs of `ios` or `macos` below `folder`.
pub(crate) fn write(shell: &Shell, folder: &Path, system: &str) -> anyhow::Result<()> {
    let mut by_library = symbols(system)?;
    for (name, installed) in LIBRARIES {
        let stub = stub(system, installed, &by_library.remove(name).unwrap_or_default());
        shell.write_file(folder.join(format!("usr/lib/lib{name}.tbd")), &stub)?;
        if name == "System" {
            // Other names of the same library.
            for alias in ["c", "m"] {
                shell.write_file(folder.join(format!("usr/lib/lib{alias}.tbd")), &stub)?;
            }
        }
    }
    let named: Vec<&str> = FRAMEWORKS.into_iter().chain(by_library.keys().copied()).collect();
    for name in named {
        let version = if system == "macos" { "/Versions/A" } else { "" };
        let installed = format!("/System/Library/Frameworks/{name}.framework{version}/{name}");
        let stub = stub(system, &installed, by_library.get(name).map_or(&[][..], Vec::as_slice));
        shell.write_file(
            folder.join(format!("System/Library/Frameworks/{name}.framework/{name}.tbd")),
            stub,
        )?;
    }
    Ok(())
}

fn stub(system: &str, installed: &str, symbols: &[&str]) -> String {
    let target = format!("arm64-{system}");
    let mut text = format!(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {target} ]\ninstall-name: '{installed}'\ncurrent-version: 1\n"
    );
    if !symbols.is_empty() {
        let names: Vec<String> = symbols.iter().map(|symbol| format!("'{symbol}'")).collect();
        text.push_str(&format!(
            "exports:\n  - targets: [ {target} ]\n    symbols: [ {} ]\n",
            names.join(", ")
        ));
    }
    text.push_str("...\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{stub, symbols};

    #[test]
    fn the_list_is_sorted_and_knows_both_systems() {
        let lines: Vec<&str> = super::SYMBOLS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.is_sorted(), "one place for every symbol");
        for system in ["ios", "macos"] {
            assert!(symbols(system).unwrap()["System"].contains(&"_malloc"), "{system}");
        }
    }

    #[test]
    fn a_stub_names_its_library_and_symbols() {
        let text = stub("ios", "/usr/lib/libobjc.A.dylib", &["_objc_retain"]);
        assert!(text.contains("install-name: '/usr/lib/libobjc.A.dylib'"));
        assert!(text.contains("symbols: [ '_objc_retain' ]"));
    }
}
