//! Checks the free space of each disk that a gateway writes to.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rebuttal_store::Location;

use super::Finding;
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::hints;

/// Free space below which writes will soon fail: a thousand uploads, or a day of a busy database.
const FREE_WARNING_BYTES: u64 = 2 << 30;
/// Free space below which writes may fail at any moment.
const FREE_FAULT_BYTES: u64 = 200 << 20;

/// One finding for each disk.
pub(crate) fn examine(config: &Config) -> Vec<Finding> {
    let mut folders = vec![config.data_dir.as_path()];
    if let Some(Location::Sqlite(file)) = &config.database {
        folders.extend(file.parent());
    }
    if let EvidenceLocation::Folder(folder) = &config.evidence {
        folders.push(folder);
    }
    let mut disks = BTreeSet::new();
    folders.retain(|folder| {
        fs::metadata(folder).is_ok_and(|metadata| metadata.is_dir() && disks.insert(metadata.dev()))
    });
    folders.into_iter().filter_map(examine_disk).collect()
}

fn examine_disk(folder: &Path) -> Option<Finding> {
    const CHECK: &str = "disk";
    if let Some(full) = hints::disk_full(folder) {
        return Some(Finding::fault(CHECK, full));
    }
    let free = hints::free_bytes(folder)?;
    let message = format!("{} MB are free on the disk of {}", free / 1_000_000, folder.display());
    Some(match free {
        0..FREE_FAULT_BYTES => {
            Finding::fault(CHECK, format!("{message}; free space before changes and uploads are refused"))
        }
        FREE_FAULT_BYTES..FREE_WARNING_BYTES => {
            Finding::warning(CHECK, format!("{message}; free space soon"))
        }
        _ => Finding::ok(CHECK, message),
    })
}
