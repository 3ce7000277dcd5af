//! Disks that can be copied at an instant: ext4 on a file on xfs, both through loop devices.
//!
//! The inner disk is opened without the outer cache (`--direct-io=on`), so its file holds what reached the device and
//! nothing else; what was written and not synced is in the inner page cache only. A reflink copy of the file is atomic
//! and takes some milliseconds: it is what a power cut at that instant would leave. What this does not show: a disk
//! that reorders writes within its own cache.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::server::{PATIENCE, pause, read, run};

/// The files are sparse: only what is written takes room.
const OUTER_BYTES: u64 = 8 << 30;
const INNER_BYTES: u64 = 1 << 30;

/// The file system that can copy files at an instant.
pub(super) struct Outer {
    mount: Mount,
}

/// A disk with a file system, in a file on an [`Outer`].
pub(super) struct Inner {
    file: PathBuf,
    mount: Mount,
}

/// What a power cut would have left of an [`Inner`].
pub(super) struct Image {
    pub(super) file: PathBuf,
}

/// A mounted file; unmounted and detached when dropped.
pub(super) struct Mount {
    device: String,
    pub(super) point: PathBuf,
}

impl Outer {
    pub(super) fn make(data: &Path) -> anyhow::Result<Outer> {
        let file = data.join("outer.img");
        File::create(&file)?.set_len(OUTER_BYTES)?;
        run(Command::new("mkfs.xfs")
            .args(["-q", "-m", "reflink=1"])
            .arg(&file))?;
        let mount = Mount::new(&file, data.join("outer"), &[])?;
        Ok(Outer { mount })
    }

    /// A new disk, empty.
    pub(super) fn disk(&self, name: &str, point: PathBuf) -> anyhow::Result<Inner> {
        let file = self.mount.point.join(format!("{name}.img"));
        File::create(&file)?.set_len(INNER_BYTES)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&file))?;
        let mount = Mount::new(&file, point, &["--direct-io=on"])?;
        Ok(Inner { file, mount })
    }
}

impl Inner {
    pub(super) fn point(&self) -> &Path {
        &self.mount.point
    }

    /// Puts all that was written so far on the disk.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        rustix::fs::syncfs(File::open(self.point())?).context("cannot sync")
    }

    /// What the disk holds at this instant.
    pub(super) fn image(&self, number: usize) -> anyhow::Result<Image> {
        let file = self.file.with_extension(format!("{number}.img"));
        let to = File::create(&file)?;
        rustix::fs::ioctl_ficlone(&to, File::open(&self.file)?).context("no reflink copy")?;
        Ok(Image { file })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // It is still mounted; its blocks go with the last user.
        let _ = fs::remove_file(&self.file);
    }
}

impl Image {
    pub(super) fn mount(&self, point: PathBuf) -> anyhow::Result<Mount> {
        Mount::new(&self.file, point, &[])
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

impl Mount {
    fn new(file: &Path, point: PathBuf, options: &[&str]) -> anyhow::Result<Mount> {
        fs::create_dir_all(&point)?;
        let mut attach = Command::new("losetup");
        attach.args(["--find", "--show"]).args(options).arg(file);
        let device = read(&mut attach)?;
        let mounted = run(Command::new("mount").arg(&device).arg(&point));
        let mount = Mount { device, point };
        mounted.map(|()| mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A loop device lets go of its file some time after it was detached, and until then the file
        // system that the file is on is busy.
        let began = Instant::now();
        while let Err(error) = run(Command::new("umount").arg(&self.point)) {
            if !is_mounted(&self.point) {
                break;
            }
            if began.elapsed() > PATIENCE {
                eprintln!("{error:#}");
                break;
            }
            pause(Duration::from_millis(20));
        }
        if let Err(error) = run(Command::new("losetup").arg("--detach").arg(&self.device)) {
            eprintln!("{error:#}");
        }
    }
}

fn is_mounted(point: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let point = point.to_string_lossy();
    mounts
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(&point))
}
