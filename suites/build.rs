//! Writes the tables of embedded definitions and models: a new file is part of the binary by being there.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let room = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the output folder"));

    let mut definitions = texts(&room, "DEFINITIONS", &["claims", "definitions"], "toml")?;
    definitions.push_str(&texts(&room, "SHAPES", &["definitions/shapes"], "json")?);
    fs::write(out.join("embedded.rs"), definitions)?;
    fs::write(out.join("models.rs"), models(&room.join("embedded"))?)?;

    for folder in ["claims", "definitions", "embedded"] {
        writeln!(io::stdout(), "cargo::rerun-if-changed={folder}")?;
    }
    Ok(())
}

/// Names as in `definitions/`, the other rooms with their own name before them.
fn texts(room: &Path, table: &str, folders: &[&str], extension: &str) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&room.join(folder), &mut files)?;
    }
    files.retain(|file| file.extension() == Some(OsStr::new(extension)));
    let mut text = format!("pub(crate) const {table}: &[(&str, &str)] = &[\n");
    for file in files {
        let name = inside(room, &file);
        let name = name.strip_prefix("definitions/").unwrap_or(&name);
        let _ = writeln!(text, "    ({name:?}, include_str!({:?})),", file.to_string_lossy());
    }
    text.push_str("];\n");
    Ok(text)
}

/// Every folder of `embedded/` with its files, prose left out.
fn models(embedded: &Path) -> io::Result<String> {
    let mut text = String::from("const MODELS: &[(&str, &[File])] = &[\n");
    let mut folders = Vec::new();
    if embedded.is_dir() {
        for entry in fs::read_dir(embedded)? {
            folders.push(entry?.path());
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    for folder in folders {
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        files.retain(|file| file.extension() != Some(OsStr::new("md")));
        let _ = writeln!(text, "    ({:?}, &[", inside(embedded, &folder));
        for file in files {
            let _ = writeln!(
                text,
                "        ({:?}, include_bytes!({:?})),",
                inside(&folder, &file),
                file.to_string_lossy()
            );
        }
        text.push_str("    ]),\n");
    }
    text.push_str("];\n");
    Ok(text)
}

fn inside(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).expect("found under it").to_string_lossy().replace('\\', "/")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
