//! Small repairs of OLE containers, for what writers do and Office ignores, but the reader of containers refuses.

const FREE: [u8; 4] = [0xff; 4];
// Where the header has the sector size as a power of two, the number of table sectors, and the list of them.
const SECTOR_SHIFT_AT: usize = 30;
const TABLE_SECTORS_AT: usize = 44;
const TABLES_AT: usize = 76;
const HEADER_BYTES: usize = 512;

/// A copy in which unused places of the lists of sectors are empty and the last sector is whole.
pub(super) fn tidy(content: &[u8]) -> Vec<u8> {
    let mut tidy = content.to_vec();
    let sector_bytes = if content.get(SECTOR_SHIFT_AT) == Some(&12) { 4_096 } else { HEADER_BYTES };
    tidy.resize(content.len().next_multiple_of(sector_bytes), 0);
    let sectors = (tidy.len() / sector_bytes).saturating_sub(1);
    let number_at = |at: usize| {
        let bytes = content.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.and_then(|bytes| usize::try_from(u32::from_le_bytes(*bytes)).ok()).unwrap_or(usize::MAX)
    };
    let tables = number_at(TABLE_SECTORS_AT);
    let tables_end = tables.saturating_mul(4).saturating_add(TABLES_AT);
    fill(&mut tidy, tables_end..HEADER_BYTES);
    // Entries for sectors behind the end of the file.
    let entries_per_table = sector_bytes / 4;
    for (index, slot) in (TABLES_AT..HEADER_BYTES.min(tables_end)).step_by(4).enumerate() {
        let used = sectors.saturating_sub(index * entries_per_table).min(entries_per_table);
        let table_at = number_at(slot).saturating_add(1).saturating_mul(sector_bytes);
        fill(&mut tidy, table_at.saturating_add(used * 4)..table_at.saturating_add(sector_bytes));
    }
    tidy
}

fn fill(content: &mut [u8], range: std::ops::Range<usize>) {
    let slots = content.get_mut(range).unwrap_or_default();
    slots.chunks_exact_mut(FREE.len()).for_each(|slot| slot.copy_from_slice(&FREE));
}
