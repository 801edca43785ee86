//! ZIP, as far as an Office document needs it: the central directory and each entry's content, inflated within a
//! budget of counted bytes, whatever the headers declare.

use std::collections::HashSet;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use memchr::memmem;
use rebuttal_protocol::FileFormat;

use super::InvalidFile;
use super::reader::{index, slice, u16_le, u32_le, u64_le};

const FORMAT: FileFormat = FileFormat::Xlsx;

/// Most entries of an archive. A workbook of 1,000 sheets with drawings has about 4,000.
const ENTRIES_MAX: u16 = 4_096;
/// Most bytes of all entries together, once inflated.
const INFLATED_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most inflated bytes for each byte of the archive; sheets of one repeated value reach about 60.
const INFLATION_RATIO_MAX: usize = 200;
/// Up to this size the ratio is not checked.
const INFLATED_FREE_BYTES: usize = 4 * 1024 * 1024;

const INFLATE_BLOCK_BYTES: usize = 16 * 1024;
const END_BYTES: usize = 22;
const END: &[u8] = b"PK\x05\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
const ZIP64_EXTRA: u16 = 1;
/// A 32-bit field whose value is in the ZIP64 extra field instead.
const IN_EXTRA: u32 = u32::MAX;
const FLAG_ENCRYPTED: u16 = 1;
/// The central directory itself is encrypted.
const FLAG_MASKED: u16 = 1 << 13;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const fn damaged(fault: &'static str) -> InvalidFile {
    InvalidFile::damaged(FORMAT, fault)
}

const CUT_SHORT: InvalidFile = damaged("its directory is missing or cut short");
const INCONSISTENT: InvalidFile = damaged("its directory contradicts its parts");

/// One entry of an archive.
pub(super) struct ZipEntry<'a> {
    /// As in the directory, but in lower case, with `/` between folders and none before the first: Office looks up
    /// parts case-insensitively, so the search for macros must, too.
    pub(super) name: String,
    method: u16,
    checksum: u32,
    size: u64,
    compressed: &'a [u8],
}

/// The offset of the directory, and its number of entries.
struct Directory {
    at: usize,
    end: usize,
    entries: u16,
}

/// Reads the directory of an archive: every entry, none twice, each agreeing with its local header.
pub(super) fn entries(content: &[u8]) -> Result<Vec<ZipEntry<'_>>, InvalidFile> {
    let directory = find_directory(content)?;
    let mut entries = Vec::with_capacity(directory.entries.into());
    let mut at = directory.at;
    for _ in 0..directory.entries {
        let (entry, next) = read_entry(content, at, directory.at)?;
        entries.push(entry);
        at = next;
    }
    let more = slice(content, at, CENTRAL.len()) == Some(CENTRAL);
    if more || at > directory.end {
        return Err(INCONSISTENT);
    }
    // Overlapping parts would be inflated many times at almost no cost in file size.
    if entries.iter().map(|entry| entry.compressed.len()).sum::<usize>() > content.len() {
        return Err(INCONSISTENT);
    }
    let mut names = HashSet::new();
    if !entries.iter().all(|entry: &ZipEntry<'_>| names.insert(entry.name.as_str())) {
        return Err(damaged("a part occurs twice"));
    }
    Ok(entries)
}

fn find_directory(content: &[u8]) -> Result<Directory, InvalidFile> {
    let tail_at = content.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let tail = content.get(tail_at..).unwrap_or_default();
    let end = memmem::rfind_iter(tail, END)
        .map(|found| tail_at + found)
        .find(|at| {
            u16_le(content, at + 20).map(|comment| at + END_BYTES + usize::from(comment))
                == Some(content.len())
        })
        .ok_or(CUT_SHORT)?;
    let [disk, directory_disk, here, entries] = [4, 6, 8, 10].map(|field| u16_le(content, end + field));
    let [size, at] = [12, 16].map(|field| u32_le(content, end + field).map_or(usize::MAX, index));
    let entries = entries.ok_or(CUT_SHORT)?;
    if entries > ENTRIES_MAX {
        return Err(InvalidFile::too_much(FORMAT, "more than 4,096 parts"));
    }
    let one_disk = disk == Some(0) && directory_disk == Some(0) && here == Some(entries);
    if !one_disk || at.checked_add(size).is_none_or(|directory_end| directory_end > end) {
        return Err(INCONSISTENT);
    }
    Ok(Directory { at, end, entries })
}

fn read_entry(content: &[u8], at: usize, directory_at: usize) -> Result<(ZipEntry<'_>, usize), InvalidFile> {
    let header =
        slice(content, at, CENTRAL_BYTES).filter(|header| header.starts_with(CENTRAL)).ok_or(CUT_SHORT)?;
    let short = |field| u16_le(header, field).unwrap_or_default();
    let long = |field| u32_le(header, field).unwrap_or_default();
    if short(8) & (FLAG_ENCRYPTED | FLAG_MASKED) != 0 {
        return Err(InvalidFile::Encrypted { format: FORMAT });
    }
    let [name_bytes, extra_bytes, comment_bytes] = [28, 30, 32].map(|field| usize::from(short(field)));
    let name_at = at + CENTRAL_BYTES;
    let raw_name = slice(content, name_at, name_bytes).ok_or(CUT_SHORT)?;
    let extra = slice(content, name_at + name_bytes, extra_bytes).ok_or(CUT_SHORT)?;
    let sizes = widen([long(24), long(20), long(42)], extra).ok_or(INCONSISTENT)?;
    let [size, compressed_size, local_at] = sizes;
    let compressed =
        local_content(content, local_at, compressed_size, raw_name, directory_at).ok_or(INCONSISTENT)??;
    let name = String::from_utf8_lossy(raw_name).replace('\\', "/").to_lowercase();
    let entry = ZipEntry {
        name: name.trim_start_matches('/').to_owned(),
        method: short(10),
        checksum: long(16),
        size,
        compressed,
    };
    Ok((entry, name_at + name_bytes + extra_bytes + comment_bytes))
}

/// Size, compressed size and offset, each from the ZIP64 extra field where the header says so.
fn widen(fields: [u32; 3], extra: &[u8]) -> Option<[u64; 3]> {
    let mut wide = zip64_extra(extra);
    let mut sizes = [0; 3];
    for (size, field) in sizes.iter_mut().zip(fields) {
        *size = u64::from(field);
        if field == IN_EXTRA {
            *size = u64_le(wide, 0)?;
            wide = wide.get(8..)?;
        }
    }
    Some(sizes)
}

fn zip64_extra(mut extra: &[u8]) -> &[u8] {
    while let (Some(tag), Some(length)) = (u16_le(extra, 0), u16_le(extra, 2)) {
        let end = 4 + usize::from(length);
        if tag == ZIP64_EXTRA {
            return slice(extra, 4, length.into()).unwrap_or_default();
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// The compressed bytes after a local header, which must name the same entry; they must end before the directory.
fn local_content<'a>(
    content: &'a [u8],
    local_at: u64,
    compressed_size: u64,
    raw_name: &[u8],
    directory_at: usize,
) -> Option<Result<&'a [u8], InvalidFile>> {
    let at = usize::try_from(local_at).ok()?;
    let header = slice(content, at, LOCAL_BYTES).filter(|header| header.starts_with(LOCAL))?;
    if u16_le(header, 6)? & FLAG_ENCRYPTED != 0 {
        return Some(Err(InvalidFile::Encrypted { format: FORMAT }));
    }
    let name_at = at + LOCAL_BYTES;
    if slice(content, name_at, usize::from(u16_le(header, 26)?))? != raw_name {
        return None;
    }
    let data_at = name_at + raw_name.len() + usize::from(u16_le(header, 28)?);
    let data = slice(content, data_at, usize::try_from(compressed_size).ok()?)?;
    (data_at + data.len() <= directory_at).then_some(Ok(data))
}

/// Inflates the parts of an archive, one after another, within one budget and with one window.
pub(super) struct Inflater {
    /// How many inflated bytes are left of the budget.
    budget: usize,
    state: Decompress,
    block: Vec<u8>,
}

impl Inflater {
    pub(super) fn of(content: &[u8]) -> Self {
        let by_ratio = content.len().saturating_mul(INFLATION_RATIO_MAX);
        Self {
            budget: by_ratio.clamp(INFLATED_FREE_BYTES, INFLATED_MAX_BYTES),
            state: Decompress::new(false),
            block: vec![0; INFLATE_BLOCK_BYTES],
        }
    }

    /// Inflates an entry block by block and checks its size and checksum.
    pub(super) fn inflate(
        &mut self,
        entry: &ZipEntry<'_>,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), InvalidFile> {
        let mut crc = Crc::new();
        let mut counted = 0;
        let budget = &mut self.budget;
        let mut take = |block: &[u8]| {
            let left = budget.checked_sub(block.len());
            *budget = left.ok_or(InvalidFile::too_much(
                FORMAT,
                "more decompressed content than 64 MB or 200 times its size",
            ))?;
            counted += block.len() as u64;
            crc.update(block);
            sink(block);
            Ok(())
        };
        match entry.method {
            STORED => take(entry.compressed)?,
            DEFLATED => inflate(&mut self.state, &mut self.block, entry.compressed, take)?,
            _ => return Err(damaged("a part uses a compression method that Office does not support")),
        }
        if counted == entry.size && crc.sum() == entry.checksum {
            Ok(())
        } else {
            Err(damaged("a part's size or checksum is wrong"))
        }
    }
}

fn inflate(
    state: &mut Decompress,
    block: &mut [u8],
    compressed: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<(), InvalidFile>,
) -> Result<(), InvalidFile> {
    state.reset(false);
    let mut rest = compressed;
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.decompress(rest, block, FlushDecompress::None);
        let status = status.map_err(|_| damaged("a part cannot be decompressed"))?;
        let advance = |total: u64, before: u64| usize::try_from(total - before).unwrap_or_default();
        let (read, written) = (advance(state.total_in(), read), advance(state.total_out(), written));
        rest = rest.get(read..).unwrap_or_default();
        take(block.get(..written).unwrap_or_default())?;
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(()),
            Status::StreamEnd => return Err(INCONSISTENT),
            _ if read == 0 && written == 0 => return Err(damaged("a part cannot be decompressed")),
            _ => {}
        }
    }
}
