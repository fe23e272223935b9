//! Kernel text as PTX, the portable assembly of NVIDIA's devices, by clang alone: no toolkit of NVIDIA's takes part.

use std::path::Path;
use std::process::Command;

use crate::kernel::Kernel;
use crate::translate::{Target, translate};

const HEADER: &str = include_str!("../cuda/metal_stdlib");
/// Debian's name for the compiler.
const CLANG: &str = "clang-19";
/// The oldest generation that the kernels are compiled for; the driver translates for newer ones.
const GENERATION: &str = "sm_80";

/// Compiles one file's instances; `folder` takes what is written on the way.
pub fn compile(folder: &Path, file: &str, kernels: &[Kernel]) -> Result<String, String> {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).map_err(|e| e.to_string());
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    write("metal_stdlib", HEADER)?;
    write("metal_simdgroup", "")?;
    write("metal_simdgroup_matrix", "")?;
    write(&format!("{file}.cu"), &translate(Target::Cuda, file, kernels, None))?;
    let made = folder.join(format!("{file}.ptx"));
    let output = Command::new(CLANG)
        .args(["-x", "cuda", "--cuda-device-only", "--cuda-feature=+ptx75", "-nocudainc", "-nocudalib"])
        .args(["-std=c++17", "-O3", "-S", "-Wno-unknown-attributes"])
        .arg(format!("--cuda-gpu-arch={GENERATION}"))
        .arg("-I")
        .arg(folder)
        .arg(folder.join(format!("{file}.cu")))
        .arg("-o")
        .arg(&made)
        .output()
        .map_err(|e| format!("{CLANG} does not run ({e}); install Debian's package clang-19"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    std::fs::read_to_string(&made).map_err(|e| e.to_string())
}
