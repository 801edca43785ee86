//! A look at every dispute's history, beside whoever serves: each is read and checked by itself, so that memory stays
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
pub struct Histories {
    /// How many disputes there are.
    pub disputes: u64,
    /// How many entries their histories have.
    pub entries: u64,
    /// How many are not as they were written.
    pub damaged: u64,
    /// The first of those, each with what is wrong.
    pub named: Vec<(String, String)>,
}

impl Histories {
    fn damaged(&mut self, dispute_no: &str, what: impl ToString) {
        self.damaged += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push((dispute_no.to_owned(), what.to_string()));
        }
    }
}

/// Where histories are read.
pub(crate) trait Archive {
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
/// are, and hands each detail on, waiting until it was looked at.
///
/// # Errors
/// Where the database cannot be read. A dispute that alone cannot be read counts as damaged.
pub async fn verify_histories(
    location: &Location,
    most: Option<u64>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
    each: &mut impl AsyncFnMut(&DisputeDetail),
) -> Result<Option<Histories>, StoreError> {
    match location {
        Location::Sqlite(path) => match sqlite::Look::at(path)? {
            Some(look) => verify(&look, most, tell, each).await,
            None => Ok(Some(Histories::default())),
        },
        Location::Postgres(PostgresAddress(address)) => {
            verify(&postgres::Archive::open(address).await?, most, tell, each).await
        }
    }
}

async fn verify(
    archive: &impl Archive,
    most: Option<u64>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
    each: &mut impl AsyncFnMut(&DisputeDetail),
) -> Result<Option<Histories>, StoreError> {
    let limit = most.map_or(i64::MAX as u64, |most| most + 1);
    let of = archive.count(limit).await?;
    if most.is_some_and(|most| of > most) {
        return Ok(None);
    }
    let mut found = Histories::default();
    let mut after = String::new();
    loop {
        let numbers = archive.numbers(&after, PAGE).await?;
        let Some(last) = numbers.last() else { break };
        after.clone_from(last);
        for number in &numbers {
            found.disputes += 1;
            let read = match number.parse() {
                Ok(dispute_no) => archive.detail(&dispute_no).await,
                Err(_) => Err(StoreError::Unreadable("its number is not of the form".to_owned())),
            };
            match read {
                Ok(Some(detail)) => {
                    found.entries += detail.history.len() as u64;
                    each(&detail).await;
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
        tell(found.disputes, of.max(found.disputes));
    }
    if let Some(stray) = archive.stray().await? {
        found.damaged(&stray, "it has a history and is not there itself");
    }
    Ok(Some(found))
}
