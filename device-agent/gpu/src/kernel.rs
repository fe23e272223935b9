//! Kernels by name and template arguments, and the texts they are instances of. An instance is asked for when a
//! model needs it, so that a device compiles what it runs and nothing else.

use std::fmt::Write as _;

use dyno_weights::{Format, Side};

/// What every file begins with.
pub(crate) const PRELUDE: &str = include_str!("../kernels/prelude.metal");

/// The files by name. A kernel is in exactly one.
pub const FILES: &[(&str, &str)] = &[
    ("matvec", include_str!("../kernels/matvec.metal")),
    ("matmul", include_str!("../kernels/matmul.metal")),
    ("norm", include_str!("../kernels/norm.metal")),
    ("delta", include_str!("../kernels/delta.metal")),
    ("delta_prefill", include_str!("../kernels/delta_prefill.metal")),
    ("attention", include_str!("../kernels/attention.metal")),
    ("attention_prefill", include_str!("../kernels/attention_prefill.metal")),
    ("head", include_str!("../kernels/head.metal")),
    ("vision", include_str!("../kernels/vision.metal")),
];

/// The type of stored activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    F32,
    F16,
    Bf16,
}

impl Scalar {
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::F32 => "float",
            Self::F16 => "half",
            Self::Bf16 => "bfloat",
        }
    }

    const fn of(side: Side) -> Self {
        match side {
            Side::F32 => Self::F32,
            Side::F16 => Self::F16,
            Side::Bf16 => Self::Bf16,
        }
    }
}

/// One template argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Param {
    Type(Scalar),
    /// A number format of weights, with the type of its scales.
    Weights(Format, Side),
    Int(i32),
}

/// One instance of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    pub name: &'static str,
    pub params: Vec<Param>,
}

impl Kernel {
    pub fn new(name: &'static str, params: impl IntoIterator<Item = Param>) -> Self {
        Self { name, params: params.into_iter().collect() }
    }

    /// Its name as a template instance: `matvec<Affine<4, 64, half>, float, float, 0, 1>`.
    pub fn instance(&self) -> String {
        if self.params.is_empty() {
            return self.name.to_owned();
        }
        let texts: Vec<String> = self.params.iter().copied().map(Param::text).collect();
        format!("{}<{}>", self.name, texts.join(", "))
    }

    /// Its name in a library: letters, digits and underscores.
    pub fn symbol(&self) -> String {
        let mut symbol = self.name.to_owned();
        for param in &self.params {
            let _ = write!(symbol, "_{}", param.text().replace('<', "_").replace(", ", "_").replace('>', ""));
        }
        symbol
    }

    /// The name of the file it is in.
    pub fn file(&self) -> &'static str {
        let begins = format!(" void {}(", self.name);
        FILES.iter().find(|(_, text)| text.contains(&begins)).map_or("", |(file, _)| file)
    }
}

impl Param {
    fn text(self) -> String {
        match self {
            Self::Type(scalar) => scalar.text().to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Weights(Format::Affine { bits, group }, side) => {
                format!("Affine<{bits}, {group}, {}>", Scalar::of(side).text())
            }
            Self::Weights(Format::F16, _) => "Dense<half>".to_owned(),
            Self::Weights(Format::Bf16, _) => "Dense<bfloat>".to_owned(),
            Self::Weights(..) => "Dense<float>".to_owned(),
        }
    }
}

/// Whether the kernels know this format of weights.
pub fn knows(format: Format) -> bool {
    match format {
        Format::F32 | Format::F16 | Format::Bf16 => true,
        Format::Affine { bits, .. } => matches!(bits, 3 | 4 | 5 | 6 | 8),
        _ => false,
    }
}

/// The text of a file.
pub(crate) fn text(file: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| text)
}

/// A file as Metal's compiler takes it, with the instances that are wanted.
pub fn metal_source(file: &str, kernels: &[Kernel]) -> String {
    let mut source = format!("{PRELUDE}\n{}\n", text(file));
    for kernel in kernels.iter().filter(|kernel| !kernel.params.is_empty()) {
        let (symbol, instance) = (kernel.symbol(), kernel.instance());
        let _ = writeln!(
            source,
            "template [[host_name(\"{symbol}\")]] [[kernel]] decltype({instance}) {instance};"
        );
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_what_it_is_made_for() {
        let format = Format::Affine { bits: 4, group: 64 };
        let params = [
            Param::Weights(format, Side::F16),
            Param::Type(Scalar::F32),
            Param::Type(Scalar::Bf16),
            Param::Int(2),
        ];
        let kernel = Kernel::new("matvec", params);
        assert_eq!(kernel.instance(), "matvec<Affine<4, 64, half>, float, bfloat, 2>");
        assert_eq!(kernel.symbol(), "matvec_Affine_4_64_half_float_bfloat_2");
        assert_eq!(kernel.file(), "matvec");
        assert_eq!(Kernel::new("argmax", []).symbol(), "argmax");
    }

    #[test]
    fn every_kernel_name_begins_in_one_file_only() {
        for (file, text) in FILES {
            for part in text.split("[[kernel]] void ").skip(1) {
                let name = part.split('(').next().unwrap_or_default();
                let begins = format!(" void {name}(");
                let found: Vec<_> =
                    FILES.iter().filter(|(_, text)| text.contains(&begins)).map(|(f, _)| *f).collect();
                assert_eq!(found, [*file], "{name}");
            }
        }
    }
}
