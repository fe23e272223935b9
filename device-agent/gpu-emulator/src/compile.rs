//! From kernel text to shared objects, by clang, once for each text, mode and set of instances.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use dyno_gpu::Kernel;
use dyno_gpu::translate::{Target, translate};
use sha2::{Digest, Sha256};

const HEADER: &str = include_str!("../header/metal_stdlib");
/// Debian's name for the compiler; the texts are held to this one.
const CLANG: &str = "clang-19";

/// How kernels are compiled to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Plain,
    /// Every access is watched; the process must have been started with [`sanitizer_runtime`] in `LD_PRELOAD`.
    Sanitized,
}

/// Where texts come from and objects go.
#[derive(Debug, Clone)]
pub struct Sources {
    cache: PathBuf,
    /// Texts that stand in for a file's own: how mutants are tried.
    pub replaced: Vec<(String, String)>,
}

/// One at a time: two tests that want the same object should not both make it.
static MAKING: Mutex<()> = Mutex::new(());

impl Sources {
    pub fn new(cache: PathBuf) -> Self {
        Self { cache, replaced: Vec::new() }
    }

    pub(crate) fn object(&self, mode: Mode, file: &str, kernels: &[Kernel]) -> Result<PathBuf, String> {
        let replaced = self.replaced.iter().find(|(name, _)| name == file).map(|(_, text)| text.as_str());
        let source = translate(Target::Emulator, file, kernels, replaced);
        let flags: &[&str] = match mode {
            Mode::Plain => &[],
            Mode::Sanitized => &["-fsanitize=address", "-shared-libasan", "-fno-omit-frame-pointer"],
        };
        // The compiler's own run-time library: the system's may not know sixteen-bit floats.
        let flags =
            [&["-O1", "-fPIC", "-shared", "-fno-exceptions", "-rtlib=compiler-rt", "-unwindlib=none"], flags]
                .concat();
        let mut hash = Sha256::new();
        for part in [HEADER, &source, &flags.join(" ")] {
            hash.update(part);
            hash.update([0]);
        }
        let name: String = hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        let object = self.cache.join(format!("{file}-{name}.so"));
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if object.exists() {
            return Ok(object);
        }
        let folder = self.headers()?;
        let text = self.cache.join(format!("{file}-{name}.cpp"));
        std::fs::write(&text, source).map_err(|e| e.to_string())?;
        let unfinished = self.cache.join(format!("{file}-{name}.{}", std::process::id()));
        let mut command = clang(&folder);
        command.args(&flags).arg(&text).arg("-lstdc++").arg("-o").arg(&unfinished);
        run(&mut command)?;
        std::fs::rename(&unfinished, &object).map_err(|e| e.to_string())?;
        Ok(object)
    }

    /// The folder of the header that stands for Metal's own.
    fn headers(&self) -> Result<PathBuf, String> {
        let folder = self.cache.join("header");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let parts = [("metal_stdlib", HEADER), ("metal_simdgroup", ""), ("metal_simdgroup_matrix", "")];
        for (name, text) in parts {
            let path = folder.join(name);
            if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
                continue;
            }
            let unfinished = folder.join(format!("{name}.{}", std::process::id()));
            std::fs::write(&unfinished, text).map_err(|e| e.to_string())?;
            std::fs::rename(&unfinished, &path).map_err(|e| e.to_string())?;
        }
        Ok(folder)
    }
}

/// Checks the address spaces of these kernels; the compiler's complaints where it has any.
pub fn strict(sources: &Sources, file: &str, kernels: &[Kernel]) -> Result<(), String> {
    let replaced = sources.replaced.iter().find(|(name, _)| name == file).map(|(_, text)| text.as_str());
    let folder = sources.headers()?;
    let text = sources.cache.join(format!("{file}-strict.{}.cpp", std::process::id()));
    std::fs::write(&text, translate(Target::Strict, file, kernels, replaced)).map_err(|e| e.to_string())?;
    let checked = run(clang(&folder).args(["-DSTRICT", "-fsyntax-only"]).arg(&text));
    let _ = std::fs::remove_file(&text);
    checked
}

/// The library that must be there first in a process that loads sanitized objects.
pub fn sanitizer_runtime() -> Result<PathBuf, String> {
    let output = Command::new(CLANG)
        .arg("-print-file-name=libclang_rt.asan-x86_64.so")
        .output()
        .map_err(|e| missing(&e))?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if path.is_absolute() { Ok(path) } else { Err("install Debian's package libclang-rt-19-dev".to_owned()) }
}

fn clang(headers: &Path) -> Command {
    let mut command = Command::new(CLANG);
    command.args(["-std=c++17", "-Wno-unknown-attributes", "-x", "c++", "-I"]).arg(headers);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| missing(&e))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn missing(error: &std::io::Error) -> String {
    format!("{CLANG} does not run ({error}); install Debian's packages clang-19 and libclang-rt-19-dev")
}
