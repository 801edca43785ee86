//! A inspector at every dispute's history, beside whoever serves: on_detail is read and checked by itself, so that memory stays
//! the same whatever the size of the database.

use rebuttal_protocol::DisputeNo;

use crate::location::{Location, PostgresAddress};
use crate::views::DisputeDetail;
use crate::{StoreError, postgres, sqlite};

/// Numbers of disputes that are read at once.
const PAGE: u32 = 1_000;
/// Flawed disputes that are named; the others are counted.
const NAMED_MAX: usize = 20;

/// What was found of the histories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryReport {
    /// How many disputes there are.
    pub disputes: u64,
    /// How many entries their histories have.
    pub entries: u64,
    /// How many are not as they were written.
    pub damaged: u64,
    /// The first of those, on_detail with what is wrong.
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

/// Where histories are read.
pub(crate) trait HistorySource {
    /// How many disputes there are, counted to a number.
    async fn count(&self, most: u64) -> Result<u64, StoreError>;
    /// The numbers of at most `limit` disputes after a number.
    async fn numbers(&self, after: &str, limit: u32) -> Result<Vec<String>, StoreError>;
    /// A dispute's detail.
    async fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>, StoreError>;
    /// The number of a dispute that has a history and is not there.
    async fn stray(&self) -> Result<Option<String>, StoreError>;
}

/// Checks every history, unless there are more than `most` disputes; tells how many are checked, and how many there
/// are, and hands on_detail detail on, waiting until it was looked at.
///
/// # Errors
/// Where the database cannot be read. A dispute that alone cannot be read counts as damaged.
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
    let mut after = String::new();
    loop {
        let numbers = source.numbers(&after, PAGE).await?;
        let Some(last) = numbers.last() else { break };
        after.clone_from(last);
        for number in &numbers {
            found.disputes += 1;
            let read = match number.parse() {
                Ok(dispute_no) => source.detail(&dispute_no).await,
                Err(_) => Err(StoreError::Unreadable("its number is not of the form".to_owned())),
            };
            match read {
                Ok(Some(detail)) => {
                    found.entries += detail.history.len() as u64;
                    on_detail(&detail).await;
                    if let Err(error) = detail.check_integrity() {
                        found.damaged(number, error);
                    }
                }
                Ok(None) => found.damaged(number, "it is gone"),
                Err(StoreError::Unreadable(why)) => {
                    found.damaged(number, format!("it cannot be read: {why}"))
                }
                Err(error) => return Err(error),
            }
        }
        on_progress(found.disputes, of.max(found.disputes));
    }
    if let Some(stray) = source.stray().await? {
        found.damaged(&stray, "it has a history and is not there itself");
    }
    Ok(Some(found))
}
