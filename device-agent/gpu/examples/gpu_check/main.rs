//! The kernels on an NVIDIA device: their numbers beside the processor's, their rates beside the device's own
//! bandwidth, and whole models. `gpu_check ptx FOLDER` compiles every kernel beforehand, for machines that have no
//! clang; `gpu_check run FOLDER JSON` measures, `gpu_check run` compiles as it goes.
#![allow(clippy::print_stdout, reason = "an example's only way to answer")]

mod kernels;
mod rates;
mod whole;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use dyno_gpu::cuda::{Cuda, Ptx};
use dyno_gpu::{Gpu, Kernel, ptx};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (what, folder, out) = (args.next(), args.next().map(PathBuf::from), args.next());
    match what.as_deref() {
        Some("ptx") => write_ptx(&folder.ok_or("a folder is missing")?),
        Some("run") => run(folder, out),
        _ => Err("usage: gpu_check ptx FOLDER | gpu_check run [FOLDER [JSON]]".into()),
    }
}

/// One text per file of kernels, with every instance that `run` asks for.
fn write_ptx(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let all = kernels::all()?;
    for (file, _) in dyno_gpu::FILES {
        let of_file: Vec<Kernel> = all.iter().filter(|kernel| kernel.file() == *file).cloned().collect();
        ptx::compile(folder, file, &of_file)?;
        println!("{file}: {} kernels", of_file.len());
    }
    Ok(())
}

fn run(folder: Option<PathBuf>, out: Option<String>) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let source = folder.map_or_else(|| Ptx::Clang(std::env::temp_dir().join("dyno-ptx")), Ptx::Folder);
    let mut gpu = match Cuda::open(source) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("nothing was measured: {error}");
            return Ok(());
        }
    };
    println!("{}", gpu.name());
    gpu.prepare(&kernels::all()?)?;
    println!("kernels are loaded, {:.1} s", began.elapsed().as_secs_f64());
    let numbers = kernels::compare(&mut gpu)?;
    println!("numbers are compared, {:.1} s", began.elapsed().as_secs_f64());
    let (bandwidth, rates) = rates::measure(&mut gpu)?;
    println!("rates are measured, {:.1} s", began.elapsed().as_secs_f64());
    let mut report = json!({
        "device": gpu.name(),
        "copy_bytes_per_s": bandwidth,
        "kernels": numbers,
        "rates": rates,
        "models": [],
    });
    let save = |report: &serde_json::Value| match &out {
        Some(path) => std::fs::write(path, format!("{report:#}\n")),
        None => Ok(()),
    };
    save(&report)?;
    let (tiny, mut gpu) = whole::same_ids(gpu)?;
    println!("{tiny}");
    report["same_ids"] = tiny;
    for (size, format, kind) in whole::MODELS {
        let measured;
        (measured, gpu) = whole::decode(gpu, size, format, *kind)?;
        println!("{measured}, {:.1} s", began.elapsed().as_secs_f64());
        if let Some(models) = report["models"].as_array_mut() {
            models.push(measured);
        }
        save(&report)?;
    }
    Ok(())
}
