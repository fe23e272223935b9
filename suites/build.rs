//! Writes the table of embedded definitions: a new file is part of the binary by being there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let room = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let mut table = String::new();
    write_table(&mut table, "DEFINITIONS", &room, &["claims", "definitions"], "toml")?;
    write_table(&mut table, "SHAPES", &room, &["definitions/shapes"], "json")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the output folder"));
    fs::write(out.join("embedded.rs"), table)?;
    let mut cargo = io::stdout();
    io::Write::write_all(&mut cargo, b"cargo::rerun-if-changed=claims\ncargo::rerun-if-changed=definitions\n")
}

fn write_table(
    table: &mut String,
    name: &str,
    room: &Path,
    folders: &[&str],
    extension: &str,
) -> io::Result<()> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&room.join(folder), extension, &mut files)?;
    }
    files.sort();
    let _ = writeln!(table, "pub(crate) const {name}: &[(&str, &str)] = &[");
    for file in files {
        let short =
            file.strip_prefix(room).expect("found under the room").to_string_lossy().replace('\\', "/");
        let short = short.strip_prefix("definitions/").unwrap_or(&short);
        let _ = writeln!(table, "    ({short:?}, include_str!({:?})),", file.display());
    }
    table.push_str("];\n");
    Ok(())
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, extension, files)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(())
}
