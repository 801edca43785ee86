//! Reads histories one by one, on a separate connection.

use rebuttal_protocol::DisputeNo;

use super::address::Address;
use super::session::{Session, SessionError};
use super::statements::{COUNT_NUMBERS, NUMBERS, STRAY_HISTORY, UNQUEUED};
use super::{queries, rows};
use crate::StoreError;
use crate::views::EntryId;
use crate::views::{DisputeDetail, HistorySource};

pub(crate) struct HistoryReader(Session);

impl HistoryReader {
    pub(crate) async fn open(address: &Address) -> Result<Self, StoreError> {
        Ok(Self(Session::plain(address).await?))
    }
}

impl HistorySource for HistoryReader {
    async fn count(&self, most: u64) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let row = self.0.row(COUNT_NUMBERS, &[&most]).await?;
        Ok(row.map_or(Ok(0), |row| rows::number(&row, 0))?)
    }

    async fn numbers(&self, after: EntryId, limit: u32) -> Result<Vec<(EntryId, String)>, StoreError> {
        let found = self.0.rows(NUMBERS, &[&after, &i64::from(limit)]).await?;
        let number = |row| Ok::<_, SessionError>((rows::value(row, 0)?, rows::value(row, 1)?));
        Ok(found.iter().map(number).collect::<Result<_, _>>()?)
    }

    async fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>, StoreError> {
        Ok(queries::detail(&self.0, dispute_no).await?)
    }

    async fn unqueued(&self) -> Result<Option<String>, StoreError> {
        let row = self.0.row(UNQUEUED, &[]).await?;
        Ok(row.map(|row| rows::value(&row, 0)).transpose()?)
    }

    async fn stray(&self) -> Result<Option<EntryId>, StoreError> {
        let row = self.0.row(STRAY_HISTORY, &[]).await?;
        Ok(row.map(|row| rows::value(&row, 0)).transpose()?)
    }
}
