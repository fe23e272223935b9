//! Which instructions may be used. Asked once; everything else is told.

use std::fmt;
use std::str::FromStr;

/// A way of computing that the processor was found to have. Only this module makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine(Path);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Path {
    Plain,
    Avx2,
    Avx512,
    Avx512Bf16,
    Amx,
}

/// The instruction set that kernels over sixteen lanes are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Plain,
    Avx2,
    Avx512,
}

const PATHS: [(Path, &str); 5] = [
    (Path::Plain, "plain"),
    (Path::Avx2, "avx2"),
    (Path::Avx512, "avx512"),
    (Path::Avx512Bf16, "avx512-bf16"),
    (Path::Amx, "amx"),
];

impl Machine {
    /// No special instructions: the reference.
    pub const PLAIN: Self = Self(Path::Plain);

    /// Everything this processor has, from the plainest to the fastest.
    pub fn all() -> Vec<Self> {
        PATHS.iter().filter(|(path, _)| is_here(*path)).map(|(path, _)| Self(*path)).collect()
    }

    /// The fastest.
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self::PLAIN)
    }

    pub(crate) fn level(self) -> Level {
        match self.0 {
            Path::Plain => Level::Plain,
            Path::Avx2 => Level::Avx2,
            Path::Avx512 | Path::Avx512Bf16 | Path::Amx => Level::Avx512,
        }
    }

    /// Whether large products may be made by bf16 dot products.
    pub(crate) fn has_bf16(self) -> bool {
        matches!(self.0, Path::Avx512Bf16 | Path::Amx)
    }

    /// Whether large products may be made by tiles of bf16.
    pub(crate) fn has_amx(self) -> bool {
        self.0 == Path::Amx
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PATHS.iter().find(|(path, _)| *path == self.0).map_or("plain", |(_, name)| name))
    }
}

/// The text names no path, or one that this processor lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchPath {
    asked: String,
}

impl fmt::Display for NoSuchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here: Vec<String> = Machine::all().iter().map(ToString::to_string).collect();
        write!(f, "this processor has no path `{}`; it has {}", self.asked, here.join(", "))
    }
}

impl std::error::Error for NoSuchPath {}

impl FromStr for Machine {
    type Err = NoSuchPath;

    fn from_str(text: &str) -> Result<Self, NoSuchPath> {
        let found = Self::all().into_iter().find(|machine| machine.to_string() == text);
        found.ok_or_else(|| NoSuchPath { asked: text.to_owned() })
    }
}

#[cfg(target_arch = "x86_64")]
fn is_here(path: Path) -> bool {
    let avx2 = || {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("bmi2")
    };
    let avx512 = || {
        avx2()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni")
    };
    match path {
        Path::Plain => true,
        Path::Avx2 => avx2(),
        Path::Avx512 => avx512(),
        Path::Avx512Bf16 => avx512() && is_x86_feature_detected!("avx512bf16"),
        Path::Amx => avx512() && is_x86_feature_detected!("avx512bf16") && crate::amx::is_here(),
    }
}

/// The plain kernels are compiled for what every processor of the architecture has: on ARM that is NEON.
#[cfg(not(target_arch = "x86_64"))]
fn is_here(path: Path) -> bool {
    path == Path::Plain
}
