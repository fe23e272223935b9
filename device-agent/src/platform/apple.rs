//! Apple's systems, by what any process may ask: facts from `sysctl`, memory from the kernel's own account of the
//! task, heat and low-power mode from Foundation. Sensors, battery and energy are for a later file; until then they
//! are unknown, with the reason.

use std::ffi::{CString, c_void};

use dyno_protocol::codec::hex;
use dyno_protocol::{Conditions, DeviceKind, Known, Memory, Reading, SensorFacts, ThermalState};
use objc2_foundation::{NSProcessInfo, NSProcessInfoThermalState};
use sha2::{Digest, Sha256};

use super::{Platform, SystemFacts};

/// A phone, a tablet, a Mac, or the simulator on one.
#[derive(Debug)]
pub struct Apple;

/// The beginning of the kernel's `task_vm_info`, as far as it is read here.
#[repr(C)]
#[derive(Default)]
struct TaskVmInfo {
    virtual_size: u64,
    region_count: i32,
    page_size: i32,
    resident_size: u64,
    resident_size_peak: u64,
    between: [u64; 14],
    phys_footprint: u64,
}

const _: () = assert!(std::mem::offset_of!(TaskVmInfo, phys_footprint) == 144);

#[cfg(target_os = "ios")]
#[expect(unsafe_code, reason = "a function of the system's own library")]
unsafe extern "C" {
    fn os_proc_available_memory() -> usize;
}

#[expect(unsafe_code, reason = "sysctl writes into memory that it is handed")]
fn sysctl(name: &str) -> Option<Vec<u8>> {
    let name = CString::new(name).ok()?;
    let mut size = 0usize;
    // SAFETY: without a place to write to, only the size is told.
    let told = unsafe {
        libc::sysctlbyname(name.as_ptr(), std::ptr::null_mut(), &raw mut size, std::ptr::null_mut(), 0)
    };
    if told != 0 || size == 0 {
        return None;
    }
    let mut bytes = vec![0u8; size];
    let into = bytes.as_mut_ptr().cast::<c_void>();
    // SAFETY: the memory is of the size that is passed, which the kernel does not exceed.
    let told = unsafe { libc::sysctlbyname(name.as_ptr(), into, &raw mut size, std::ptr::null_mut(), 0) };
    bytes.truncate(size);
    (told == 0).then_some(bytes)
}

fn text(name: &str) -> Option<String> {
    let bytes = sysctl(name)?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    (!text.is_empty()).then_some(text)
}

fn number(name: &str) -> Option<u64> {
    let bytes = sysctl(name)?;
    match bytes.len() {
        4 => Some(u64::from(u32::from_ne_bytes(bytes.try_into().ok()?))),
        8 => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

#[expect(unsafe_code, reason = "the kernel fills a structure")]
fn task() -> Option<TaskVmInfo> {
    let mut info = TaskVmInfo::default();
    let mut words = (size_of::<TaskVmInfo>() / size_of::<u32>()) as u32;
    // SAFETY: the kernel writes at most as many words as it is told there are.
    let told = unsafe {
        mach2::task::task_info(
            mach2::traps::mach_task_self(),
            mach2::task_info::TASK_VM_INFO,
            (&raw mut info).cast(),
            &raw mut words,
        )
    };
    (told == 0).then_some(info)
}

fn kind() -> DeviceKind {
    if cfg!(all(target_os = "ios", target_abi = "sim")) {
        DeviceKind::AppleSimulator
    } else if cfg!(target_os = "ios") {
        let model = text("hw.machine").unwrap_or_default();
        if model.starts_with("iPad") { DeviceKind::Ipad } else { DeviceKind::Iphone }
    } else {
        DeviceKind::Mac
    }
}

fn free_memory() -> Known<u64> {
    #[cfg(target_os = "ios")]
    #[expect(unsafe_code, reason = "a function of the system's own library")]
    // SAFETY: it takes nothing and only answers.
    let free = Known::Is(unsafe { os_proc_available_memory() } as u64);
    #[cfg(not(target_os = "ios"))]
    let free = Known::unknown("this system does not tell a process what it may still take");
    free
}

impl Platform for Apple {
    fn facts(&self) -> SystemFacts {
        // A phone says its model in `hw.machine`, a Mac in `hw.model`.
        let model = if cfg!(target_os = "ios") { text("hw.machine") } else { text("hw.model") };
        let name = text("kern.hostname").unwrap_or_else(|| "apple".to_owned());
        // Salted, so that the machine's own name is not given away.
        let digest = Sha256::digest(format!("dyno device {name} {model:?}"));
        SystemFacts {
            device_id: hex(&digest[..8]),
            name,
            kind: kind(),
            model_identifier: Known::from_option(model, "the kernel names no model"),
            marketing_name: Known::unknown("the system does not tell what a device is sold as"),
            chip: Known::from_option(text("machdep.cpu.brand_string"), "the kernel names no processor"),
            logical_cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
            memory_bytes: Known::from_option(number("hw.memsize"), "the kernel does not tell its memory"),
            os_name: if cfg!(target_os = "ios") { "iOS" } else { "macOS" }.to_owned(),
            os_version: Known::from_option(text("kern.osproductversion"), "the kernel names no version"),
            os_build: Known::from_option(text("kern.osversion"), "the kernel names no build"),
        }
    }

    fn sensors(&self) -> &[SensorFacts] {
        &[]
    }

    fn read_sensors(&self, _: &mut Vec<Reading>) {}

    fn memory(&self) -> Memory {
        let task = task();
        let of = |field: fn(&TaskVmInfo) -> u64| {
            Known::from_option(task.as_ref().map(field), "the kernel gave no account of this task")
        };
        Memory {
            footprint_bytes: of(|task| task.phys_footprint),
            peak_footprint_bytes: Known::unknown("the kernel's peak cannot be begun anew; see the samples"),
            resident_bytes: of(|task| task.resident_size),
            peak_resident_bytes: Known::unknown("the kernel's peak cannot be begun anew; see the samples"),
        }
    }

    fn reset_memory_peaks(&self) {}

    fn conditions(&self, at_ns: u64) -> Conditions {
        let process = NSProcessInfo::processInfo();
        let thermal = match process.thermalState() {
            NSProcessInfoThermalState::Nominal => Some(ThermalState::Nominal),
            NSProcessInfoThermalState::Fair => Some(ThermalState::Fair),
            NSProcessInfoThermalState::Serious => Some(ThermalState::Serious),
            NSProcessInfoThermalState::Critical => Some(ThermalState::Critical),
            _ => None,
        };
        Conditions {
            at_ns,
            power: Known::unknown("the battery is not read on this system yet"),
            battery_percent: Known::unknown("the battery is not read on this system yet"),
            low_power_mode: Known::Is(process.isLowPowerModeEnabled()),
            thermal: Known::from_option(thermal, "the system named a state that is not known here"),
            foreground: Known::unknown("the agent has no application around it that would know"),
            unlocked_for_ns: Known::unknown("the system does not tell"),
            free_memory_bytes: free_memory(),
            other_load: Known::unknown("the load of others is not read on this system yet"),
        }
    }
}
