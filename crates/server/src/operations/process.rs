//! What the system tells of this process.

use std::fs;

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// What is left out the system does not tell.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Processor time, in seconds.
    pub(super) cpu_seconds: Option<f64>,
    /// Bytes that are in memory.
    pub(super) resident_bytes: Option<u64>,
    /// Bytes that have addresses.
    pub(super) virtual_bytes: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) most_files: Option<u64>,
}

impl Process {
    pub(super) fn now() -> Process {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd");
        Process {
            // The folder itself is open while it is read.
            open_files: files.ok().map(|it| (it.count() as u64).saturating_sub(1)),
            most_files: getrlimit(Resource::Nofile).current,
            ..Process::of(&stat, page_size() as u64, clock_ticks_per_second())
        }
    }

    /// Reads what proc(5) describes as `/proc/pid/stat`. The second field is the program's name and
    /// may hold anything, so fields are counted behind its last parenthesis, from the third on.
    fn of(stat: &str, page: u64, ticks: u64) -> Process {
        let Some((_, fields)) = stat.rsplit_once(") ") else {
            return Process::default();
        };
        let field = |number: usize| -> Option<u64> {
            let nth = fields.split(' ').nth(number.checked_sub(3)?)?;
            nth.trim().parse().ok()
        };
        let used = field(14).zip(field(15)).map(|(user, system)| user + system);
        Process {
            cpu_seconds: used.map(|used| used as f64 / ticks.max(1) as f64),
            threads: field(20),
            virtual_bytes: field(23),
            resident_bytes: field(24).map(|pages| pages * page),
            ..Process::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let stat = "12 (a) b ) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7 0 900 4096000 250 184";
        let process = Process::of(stat, 4096, 100);
        assert_eq!(process.cpu_seconds, Some(2.0));
        assert_eq!(process.threads, Some(7));
        assert_eq!(process.virtual_bytes, Some(4_096_000));
        assert_eq!(process.resident_bytes, Some(250 * 4096));
        assert_eq!(Process::of("", 4096, 100).threads, None);
    }

    #[test]
    fn this_process_is_known() {
        let process = Process::now();
        assert!(process.resident_bytes > Some(1024 * 1024), "{process:?}");
        assert!(process.threads > Some(0), "{process:?}");
        assert!(process.open_files > Some(2), "{process:?}");
        assert!(process.open_files <= process.most_files, "{process:?}");
    }
}
