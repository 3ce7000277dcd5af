//! What the figures were taken on, and how much memory a process has.

use std::fs;

use anyhow::Context as _;

/// Ticks in a second: `USER_HZ`, which is 100 on every Linux there is.
const TICKS: f64 = 100.0;

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

/// The same with all that it started, and they.
pub(crate) fn resident_tree_mb(process: u32) -> anyhow::Result<f64> {
    let mut sum = resident_mb(process)?;
    for child in children(process) {
        // One that ended meanwhile has none.
        sum += resident_tree_mb(child).unwrap_or_default();
    }
    Ok(sum)
}

/// What a process started itself and still runs.
fn children(process: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |number: &u32| {
        let parent = field(&format!("/proc/{number}/status"), "PPid");
        parent.is_some_and(|parent| parent == process.to_string())
    };
    numbers.filter(parent).collect()
}

/// How many sockets a process has open.
pub(crate) fn open_sockets(process: u32) -> anyhow::Result<usize> {
    let folder = format!("/proc/{process}/fd");
    let files = fs::read_dir(&folder).with_context(|| format!("no {folder}"))?;
    // A file that was closed meanwhile leads nowhere.
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:"));
    Ok(sockets.count())
}

/// Processor time a process has used so far, in its own code and in the kernel's, in seconds.
pub(crate) fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let file = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&file).with_context(|| format!("no {file}"))?;
    // The name stands in parentheses and may hold anything; times are the 14th and 15th word.
    let (_, rest) = text.rsplit_once(')').context("no name in it")?;
    let mut words = rest.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<f64> { Ok(words.next().context("too short")?.parse()?) };
    Ok((ticks()? + ticks()?) / TICKS)
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
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert_eq!(children(std::process::id()), [child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(processor_seconds(std::process::id()).unwrap() < 1e6);
        assert!(describe().contains("cores"));
    }
}
