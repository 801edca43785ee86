//! OLE compound files, as far as an old workbook needs them: the directory and the bytes of a stream.
//!
//! Nothing is allocated by what a header declares: chains are followed in place, and all of them together for no more
//! steps than the file has sectors, because no two chains of a valid file share one.

use std::cell::{Cell, OnceCell};

use rebuttal_protocol::FileFormat;

use super::InvalidFile;
use super::reader::{byte, index, slice, u16_le, u32_le, u64_le};

const HEADER_BYTES: usize = 512;
const FAT_IN_HEADER_AT: usize = 76;
/// Sector numbers from here on mean "end", "free" and the like.
const LAST_SECTOR: u32 = 0xffff_fff9;
const END_OF_CHAIN: u32 = 0xffff_fffe;
const NO_ENTRY: u32 = 0xffff_ffff;
const ENTRY_BYTES: usize = 128;
const MINI_SECTOR_BYTES: usize = 64;

const STREAM: u8 = 2;
const ROOT: u8 = 5;

/// Streams of a document that Office encrypted, or protected by rights management.
const ENCRYPTED_NAMES: [&str; 3] = ["encryptedpackage", "encryptioninfo", "\u{9}drmcontent"];

/// A compound file.
pub(super) struct Container<'a> {
    format: FileFormat,
    content: &'a [u8],
    sector_bytes: usize,
    /// The sectors that hold the allocation table.
    fat: Vec<u32>,
    mini_cutoff: u64,
    mini_fat: Vec<u32>,
    directory: Vec<u32>,
    /// The sectors that hold the mini sectors, once they were needed.
    mini_stream: OnceCell<Vec<u32>>,
    /// Steps along chains that are left: at first, as many as there are sectors and mini sectors.
    steps: Cell<usize>,
}

/// A storage or stream.
#[derive(Debug, Clone)]
pub(super) struct DirectoryEntry {
    /// In lower case, because names are case-insensitive.
    pub(super) name: String,
    kind: u8,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: u64,
}

impl DirectoryEntry {
    pub(super) fn is_stream(&self) -> bool {
        self.kind == STREAM
    }
}

impl<'a> Container<'a> {
    /// Opens a file that begins like a compound file.
    pub(super) fn open(format: FileFormat, content: &'a [u8]) -> Result<Self, InvalidFile> {
        let malformed = InvalidFile::damaged(format, "its OLE header is invalid");
        let header = slice(content, 0, HEADER_BYTES).ok_or(malformed.clone())?;
        let long = |at| u32_le(header, at).unwrap_or(NO_ENTRY);
        let sector_bytes = match (u16_le(header, 26), u16_le(header, 30)) {
            (Some(3), Some(9)) => 512,
            (Some(4), Some(12)) => 4096,
            _ => return Err(malformed),
        };
        let mut container = Self {
            format,
            content,
            sector_bytes,
            fat: Vec::new(),
            mini_cutoff: long(56).into(),
            mini_fat: Vec::new(),
            directory: Vec::new(),
            mini_stream: OnceCell::new(),
            steps: Cell::new(content.len() / sector_bytes + content.len() / MINI_SECTOR_BYTES + 1),
        };
        container.fat = container.fat_sectors(header)?;
        container.directory = container.chain(long(48))?;
        // Every entry must be read: a missing sector would hide the entries after it.
        let whole =
            |number: &u32| container.sector(*number).is_some_and(|sector| sector.len() == sector_bytes);
        if !container.directory.iter().all(whole) {
            return Err(InvalidFile::damaged(format, "its OLE directory is cut short"));
        }
        if long(64) > 0 {
            container.mini_fat = container.chain(long(60))?;
        }
        Ok(container)
    }

    fn damaged(&self, fault: &'static str) -> InvalidFile {
        InvalidFile::damaged(self.format, fault)
    }

    fn sectors_max(&self) -> usize {
        self.content.len() / self.sector_bytes + 1
    }

    /// A sector's bytes; the last one of a file may be cut short.
    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let at = index(number).checked_add(1)?.checked_mul(self.sector_bytes)?;
        let end = at.checked_add(self.sector_bytes)?.min(self.content.len());
        self.content.get(at..end)
    }

    /// The allocation table's sectors: 109 in the header, more in a separate chain. The header also has the count of
    /// each; the unused slots after them do not always have the value that the format requires.
    fn fat_sectors(&self, header: &[u8]) -> Result<Vec<u32>, InvalidFile> {
        let broken = || self.damaged("its OLE allocation table is broken");
        let long = |at| u32_le(header, at).unwrap_or_default();
        let [sectors_max, lists_max] = [long(44), long(72)].map(index);
        if sectors_max.max(lists_max) > self.sectors_max() {
            return Err(broken());
        }
        let mut sectors = Vec::new();
        collect(&mut sectors, header.get(FAT_IN_HEADER_AT..).unwrap_or_default());
        let mut next = long(68);
        for _ in 0..lists_max {
            let list = self.sector(next).and_then(|sector| sector.split_at_checked(self.sector_bytes - 4));
            let (list, rest) = list.ok_or_else(broken)?;
            collect(&mut sectors, list);
            next = u32_le(rest, 0).unwrap_or(END_OF_CHAIN);
        }
        sectors.truncate(sectors_max);
        Ok(sectors)
    }

    fn chain(&self, start: u32) -> Result<Vec<u32>, InvalidFile> {
        self.follow(start, &self.fat)
    }

    /// The numbers of a chain's sectors, in a table that is stored in the sectors `table`.
    fn follow(&self, start: u32, table: &[u32]) -> Result<Vec<u32>, InvalidFile> {
        let entries_per_sector = self.sector_bytes / 4;
        let mut chain = Vec::new();
        let mut next = start;
        while next <= LAST_SECTOR {
            let steps = self.steps.get().checked_sub(1);
            self.steps.set(steps.ok_or(self.damaged("its OLE chains have a cycle or share sectors"))?);
            chain.push(next);
            let sector = table.get(index(next) / entries_per_sector).copied();
            next = sector
                .and_then(|sector| u32_le(self.sector(sector)?, index(next) % entries_per_sector * 4))
                .ok_or(self.damaged("an OLE chain points outside the file"))?;
        }
        if next == END_OF_CHAIN {
            Ok(chain)
        } else {
            Err(self.damaged("an OLE chain points outside the file"))
        }
    }

    fn entry(&self, number: u32) -> Option<DirectoryEntry> {
        let at = index(number).checked_mul(ENTRY_BYTES)?;
        let sector = self.sector(*self.directory.get(at / self.sector_bytes)?)?;
        let bytes = slice(sector, at % self.sector_bytes, ENTRY_BYTES)?;
        let name_bytes = usize::from(u16_le(bytes, 64)?).saturating_sub(2).min(62);
        let units: Vec<u16> =
            slice(bytes, 0, name_bytes)?.chunks_exact(2).filter_map(|pair| u16_le(pair, 0)).collect();
        let size = u64_le(bytes, 120)?;
        Some(DirectoryEntry {
            name: String::from_utf16_lossy(&units).to_lowercase(),
            kind: byte(bytes, 66)?,
            left: u32_le(bytes, 68)?,
            right: u32_le(bytes, 72)?,
            child: u32_le(bytes, 76)?,
            start: u32_le(bytes, 116)?,
            // The upper half is undefined where sectors have 512 bytes.
            size: if self.sector_bytes == HEADER_BYTES { size & u64::from(u32::MAX) } else { size },
        })
    }

    /// Every storage and stream that the directory lists, at any depth.
    pub(super) fn entries(&self) -> impl Iterator<Item = DirectoryEntry> {
        (0..).map_while(|number| self.entry(number)).filter(|entry| entry.kind != 0)
    }

    /// The entries directly under the root.
    pub(super) fn top_entries(&self) -> Result<Vec<DirectoryEntry>, InvalidFile> {
        let root = self.root()?;
        let entries_max = self.directory.len() * (self.sector_bytes / ENTRY_BYTES);
        let mut top = Vec::new();
        let mut waiting = vec![root.child];
        while let Some(number) = waiting.pop() {
            if number == NO_ENTRY {
                continue;
            }
            let entry = self.entry(number).filter(|_| top.len() < entries_max);
            let entry = entry.ok_or(self.damaged("its OLE directory is broken"))?;
            waiting.extend([entry.left, entry.right]);
            top.push(entry);
        }
        Ok(top)
    }

    fn root(&self) -> Result<DirectoryEntry, InvalidFile> {
        self.entry(0).filter(|root| root.kind == ROOT).ok_or(self.damaged("its OLE directory has no root"))
    }

    /// Whether Office wrapped an encrypted document in this container.
    pub(super) fn is_encrypted(&self) -> bool {
        self.entries().any(|entry| ENCRYPTED_NAMES.contains(&entry.name.as_str()))
    }

    fn mini_stream(&self) -> Result<&[u32], InvalidFile> {
        if let Some(sectors) = self.mini_stream.get() {
            return Ok(sectors);
        }
        let sectors = self.chain(self.root()?.start)?;
        Ok(self.mini_stream.get_or_init(|| sectors))
    }

    /// A stream's bytes; never more than the file has.
    pub(super) fn read(&self, entry: &DirectoryEntry) -> Result<Vec<u8>, InvalidFile> {
        let cut_short = self.damaged("an OLE stream is cut short");
        let size = usize::try_from(entry.size)
            .ok()
            .filter(|size| *size <= self.content.len())
            .ok_or(cut_short.clone())?;
        let mut bytes = Vec::with_capacity(size);
        if entry.size >= self.mini_cutoff {
            for number in self.chain(entry.start)? {
                bytes.extend_from_slice(self.sector(number).unwrap_or_default());
            }
        } else {
            let mini_stream = self.mini_stream()?;
            let per_sector = self.sector_bytes / MINI_SECTOR_BYTES;
            for number in self.follow(entry.start, &self.mini_fat)? {
                let sector =
                    mini_stream.get(index(number) / per_sector).and_then(|sector| self.sector(*sector));
                let at = index(number) % per_sector * MINI_SECTOR_BYTES;
                let mini = sector.and_then(|sector| sector.get(at..));
                bytes.extend(mini.unwrap_or_default().iter().take(MINI_SECTOR_BYTES));
            }
        }
        if bytes.len() < size {
            return Err(cut_short);
        }
        bytes.truncate(size);
        Ok(bytes)
    }
}

/// Adds the sector numbers in a piece of the table of tables. An unused slot is kept, so that later ones keep their
/// position.
fn collect(sectors: &mut Vec<u32>, list: &[u8]) {
    sectors.extend(list.chunks_exact(4).filter_map(|bytes| u32_le(bytes, 0)));
}
