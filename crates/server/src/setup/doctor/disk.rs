//! The disks that a gateway writes to: that each has room.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rebuttal_store::Location;

use super::Finding;
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::hints;

/// Room below which a gateway soon cannot write: some hundred uploads, or a day of a busy database.
const ROOM_WARNING_BYTES: u64 = 2 << 30;
/// Room below which it may fail at any moment.
const ROOM_FAULT_BYTES: u64 = 200 << 20;

/// The room on each disk that the gateway writes to.
pub(crate) fn examine(config: &Config) -> Vec<Finding> {
    let mut folders = vec![config.data_dir.as_path()];
    if let Some(Location::Sqlite(file)) = &config.database {
        folders.extend(file.parent());
    }
    if let EvidenceLocation::Folder(folder) = &config.evidence {
        folders.push(folder);
    }
    let mut disks = BTreeSet::new();
    folders.retain(|folder| fs::metadata(folder).is_ok_and(|metadata| disks.insert(metadata.dev())));
    folders.into_iter().filter_map(of).collect()
}

fn of(folder: &Path) -> Option<Finding> {
    const ABOUT: &str = "disk";
    if let Some(full) = hints::full(folder) {
        return Some(Finding::fault(ABOUT, full));
    }
    let left = hints::room_of(folder)?;
    let told = format!("{} MB are left for {}", left / 1_000_000, folder.display());
    Some(match left {
        0..ROOM_FAULT_BYTES => {
            Finding::fault(ABOUT, format!("{told}; make room before changes and uploads are refused"))
        }
        ROOM_FAULT_BYTES..ROOM_WARNING_BYTES => Finding::warning(ABOUT, format!("{told}; make room soon")),
        _ => Finding::well(ABOUT, told),
    })
}
