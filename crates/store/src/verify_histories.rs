//! Verifies every dispute's history, while a gateway may serve. Disputes are read one by one, so that memory use does
//! not depend on the size of the database.

use crate::location::{Location, PostgresAddress};
use crate::views::{DisputeDetail, HistorySource};
use crate::{StoreError, postgres, sqlite};

/// Dispute numbers that are read in one query.
const PAGE: u32 = 1_000;
/// Damaged disputes that are named; the others are counted.
const NAMED_MAX: usize = 20;

/// The result of verifying the histories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryReport {
    /// How many disputes there are.
    pub disputes: u64,
    /// How many entries their histories have.
    pub entries: u64,
    /// How many are damaged.
    pub damaged: u64,
    /// The first of those: number, and what is wrong.
    pub named: Vec<(String, String)>,
}

impl HistoryReport {
    fn damaged(&mut self, dispute_no: &str, what: impl ToString) {
        self.damaged += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push((dispute_no.to_owned(), what.to_string()));
        }
    }
}

/// Verifies every history, unless there are more than `most` disputes. Reports how many are verified, and how many
/// there are, and awaits `on_detail` with each dispute.
///
/// # Errors
/// Where the database cannot be read. A single dispute that cannot be read counts as damaged.
pub async fn verify_histories(
    location: &Location,
    most: Option<u64>,
    on_progress: &mut (dyn FnMut(u64, u64) + Send),
    on_detail: &mut impl AsyncFnMut(&DisputeDetail),
) -> Result<Option<HistoryReport>, StoreError> {
    match location {
        Location::Sqlite(path) => match sqlite::Inspector::at(path)? {
            Some(inspector) => verify(&inspector, most, on_progress, on_detail).await,
            None => Ok(Some(HistoryReport::default())),
        },
        Location::Postgres(PostgresAddress(address)) => {
            verify(&postgres::HistoryReader::open(address).await?, most, on_progress, on_detail).await
        }
    }
}

async fn verify(
    source: &impl HistorySource,
    most: Option<u64>,
    on_progress: &mut (dyn FnMut(u64, u64) + Send),
    on_detail: &mut impl AsyncFnMut(&DisputeDetail),
) -> Result<Option<HistoryReport>, StoreError> {
    let limit = most.map_or(i64::MAX as u64, |most| most + 1);
    let of = source.count(limit).await?;
    if most.is_some_and(|most| of > most) {
        return Ok(None);
    }
    let mut found = HistoryReport::default();
    let mut after = 0;
    loop {
        let numbers = source.numbers(after, PAGE).await?;
        let Some((last, _)) = numbers.last() else { break };
        after = *last;
        for (_, number) in &numbers {
            found.disputes += 1;
            let read = match number.parse() {
                Ok(dispute_no) => source.detail(&dispute_no).await,
                Err(_) => Err(StoreError::Unreadable("its number has an invalid format".to_owned())),
            };
            match read {
                Ok(Some(detail)) => {
                    found.entries += detail.history.len() as u64;
                    on_detail(&detail).await;
                    if let Err(error) = detail.check_integrity() {
                        found.damaged(number, error);
                    }
                }
                Ok(None) => found.damaged(number, "it was deleted while it was verified"),
                Err(StoreError::Damaged(why) | StoreError::Unreadable(why)) => {
                    found.damaged(number, format!("it cannot be read: {why}"))
                }
                Err(error) => return Err(error),
            }
        }
        on_progress(found.disputes, of.max(found.disputes));
    }
    // One that is damaged may be there under another status.
    if found.damaged == 0
        && let Some(number) = source.unqueued().await?
    {
        found.damaged(
            &number,
            "the table dispute_queue does not have it under its status: it would not expire",
        );
    }
    if let Some(stray) = source.stray().await? {
        found.damaged(
            &format!("the dispute of history entry {stray}"),
            "its history is stored, but its row is missing",
        );
    }
    Ok(Some(found))
}
