//! What the figures were taken on, and how much memory a process has.

use std::fs;

use anyhow::Context as _;

/// The machine in one line: processor, cores, memory, kernel.
pub(crate) fn describe() -> String {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{processor}, {cores} cores, memory {memory}, Linux {}",
        kernel.trim()
    )
}

/// Resident memory of a process in megabytes (10⁶ bytes).
pub(crate) fn resident_mb(process: u32) -> anyhow::Result<f64> {
    let status = format!("/proc/{process}/status");
    let text = field(&status, "VmRSS").with_context(|| format!("no VmRSS in {status}"))?;
    let kib: f64 = text.trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// The value of the first line `name: value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_known() {
        let mb = resident_mb(std::process::id()).unwrap();
        assert!((0.5..4000.0).contains(&mb), "{mb}");
        assert!(describe().contains("cores"));
    }
}
