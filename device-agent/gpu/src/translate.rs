//! Kernel text as C++: for a processor and for CUDA. The texts keep to the common part of both languages, so all
//! that changes are threadgroup arrays, attributes, and the entry that hands a kernel its arguments.

use std::fmt::Write as _;

use crate::kernel::{Kernel, PRELUDE, text};

/// Where the C++ is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Entries `SYMBOL(arguments, groups, threads, seed)` over the emulator's header.
    Emulator,
    /// Nothing to run: address spaces are types, and mixing them up is an error.
    Strict,
    /// Kernels for NVIDIA's devices.
    Cuda,
}

/// What a parameter of a kernel is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Parameter {
    Buffer,
    /// A scalar by constant reference, and its type.
    Scalar(String),
    /// Where the thread stands: the attribute, and whether all three dimensions are wanted.
    Place(String, bool),
}

/// One file with the instances that are wanted. `source` replaces the file's own text where it is given: that is
/// how mutants are made.
pub fn translate(target: Target, file: &str, kernels: &[Kernel], source: Option<&str>) -> String {
    let source = source.unwrap_or_else(|| text(file));
    let mut out = String::new();
    if target == Target::Cuda {
        // Every function becomes one of the device.
        out.push_str("#include <metal_stdlib>\n#pragma clang force_cuda_host_device begin\n");
    }
    out.push_str(&plain(PRELUDE));
    out.push_str(&plain(source));
    if target == Target::Cuda {
        out.push_str("\n#pragma clang force_cuda_host_device end\n");
    }
    for kernel in kernels {
        let parameters = parameters(source, kernel.name);
        let entry = match target {
            Target::Emulator => emulator_entry(kernel, &parameters),
            Target::Strict => {
                format!(
                    "const void* strict_{}() {{ return (const void*)&{}; }}\n",
                    kernel.symbol(),
                    kernel.instance()
                )
            }
            Target::Cuda => cuda_entry(kernel, &parameters),
        };
        out.push_str(&entry);
    }
    out
}

/// The text without attributes, its threadgroup arrays as declarations of the header.
fn plain(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for line in source.lines() {
        let code = line.trim_start();
        let array = code.strip_prefix("threadgroup ").and_then(|rest| {
            let declaration = rest.strip_suffix(';')?;
            let (name, sizes) = declaration.split_once('[')?;
            let (kind, name) = name.trim().rsplit_once(' ')?;
            Some(format!("  SHARED({kind}, {name}, [{sizes});"))
        });
        out.push_str(&array.unwrap_or_else(|| without_attributes(line)));
        out.push('\n');
    }
    out
}

fn without_attributes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    // The headers say what a kernel is to their compiler.
    let line = line.replace("[[kernel]]", "KERNEL");
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once("[[") {
        out.push_str(before);
        rest = after.split_once("]]").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// A kernel's parameters as its text declares them.
fn parameters(source: &str, name: &str) -> Vec<Parameter> {
    let begins = format!(" void {name}(");
    let Some((_, rest)) = source.split_once(&begins) else { return Vec::new() };
    let list = rest.split_once(") {").map_or(rest, |(list, _)| list);
    list.split("]]")
        .filter_map(|one| {
            let (declared, attribute) = one.trim_start_matches([',', ' ', '\n']).split_once("[[")?;
            Some(match attribute.split('(').next() {
                Some("buffer") if declared.contains('&') => {
                    let kind = declared.trim_start_matches("constant ").split('&').next().unwrap_or_default();
                    Parameter::Scalar(kind.to_owned())
                }
                Some("buffer") => Parameter::Buffer,
                _ => Parameter::Place(attribute.to_owned(), declared.starts_with("uint3")),
            })
        })
        .collect()
}

fn emulator_entry(kernel: &Kernel, parameters: &[Parameter]) -> String {
    let mut next = 0;
    let arguments = parameters.iter().map(|parameter| match parameter {
        Parameter::Buffer | Parameter::Scalar(_) => {
            next += 1;
            let kind = if *parameter == Parameter::Buffer { "Address" } else { "Value" };
            format!("emulator::{kind}{{a[{}]}}", next - 1)
        }
        Parameter::Place(attribute, wide) => {
            let field = match attribute.as_str() {
                "threadgroup_position_in_grid" => "group",
                "threadgroups_per_grid" => "groups",
                "threads_per_threadgroup" => "size",
                "thread_index_in_threadgroup" => "tid",
                "thread_index_in_simdgroup" => "lane",
                "simdgroup_index_in_threadgroup" => "sg",
                "simdgroups_per_threadgroup" => "nsg",
                _ => "unknown_attribute",
            };
            if *wide {
                format!("uint3{{p.{field}[0], p.{field}[1], p.{field}[2]}}")
            } else {
                format!("p.{field}")
            }
        }
    });
    let arguments: Vec<String> = arguments.collect();
    let (symbol, instance) = (kernel.symbol(), kernel.instance());
    let mut out = String::new();
    let _ = writeln!(
        out,
        "static void lane_{symbol}(const emulator::Place& p, void** a) {{ {instance}({}); }}",
        arguments.join(", ")
    );
    let _ = writeln!(
        out,
        "extern \"C\" void run_{symbol}(void** a, const uint* groups, const uint* size, uint seed) \
         {{ emulator::run(lane_{symbol}, a, groups, size, seed); }}"
    );
    out
}

fn cuda_entry(kernel: &Kernel, parameters: &[Parameter]) -> String {
    let mut declared = Vec::new();
    let mut arguments = Vec::new();
    for parameter in parameters {
        let name = format!("a{}", declared.len());
        match parameter {
            Parameter::Buffer => {
                declared.push(format!("void* {name}"));
                arguments.push(format!("cuda::Address{{{name}}}"));
            }
            Parameter::Scalar(kind) => {
                declared.push(format!("{kind} {name}"));
                arguments.push(name);
            }
            Parameter::Place(attribute, _) => arguments.push(format!("cuda::{attribute}()")),
        }
    }
    format!(
        "extern \"C\" __attribute__((global)) void {}({}) {{ {}({}); }}\n",
        kernel.symbol(),
        declared.join(", "),
        kernel.instance(),
        arguments.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::FILES;

    #[test]
    fn parameters_are_found_as_declared() {
        let found = parameters(text("head"), "argmax");
        let place = Parameter::Place("thread_index_in_simdgroup".into(), false);
        let buffer = Parameter::Buffer;
        assert_eq!(found, [buffer.clone(), buffer.clone(), buffer, Parameter::Scalar("uint".into()), place]);
    }

    #[test]
    fn threadgroup_arrays_become_declarations_of_the_header() {
        assert_eq!(plain("  threadgroup float q[DK];\n"), "  SHARED(float, q, [DK]);\n");
        assert_eq!(plain("  threadgroup T t[4][A * B];\n"), "  SHARED(T, t, [4][A * B]);\n");
        assert_eq!(plain("  threadgroup_barrier(x);\n"), "  threadgroup_barrier(x);\n");
    }

    #[test]
    fn no_attribute_is_left_over() {
        for (file, text) in FILES {
            assert!(!plain(text).contains("[["), "{file}");
        }
    }
}
