//! Lists of disputes: the same plan for both databases. However many disputes there are, only a bounded number of rows
//! is read.
//!
//! 1. Every filter has an index. Its matches are counted, up to a limit.
//! 2. If one filter has few matches, all of them are read and the other filters applied to them: the total is exact.
//! 3. Otherwise disputes are examined from the newest to the oldest, up to a limit, where the next page continues.

use rebuttal_protocol::MerchantId;
use rebuttal_protocol::dispute::Status;

use crate::views::{DisputeCursor, DisputeFilter, DisputePage, DisputeRecord, EntryId};

/// Most matches of one filter of which all are read.
const CANDIDATES_MAX: u64 = DisputePage::COUNT_MAX;
/// Most disputes that a page examines where no filter has few matches.
const EXAMINED_MAX: usize = 10_000;

/// A value of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SqlValue {
    Number(i64),
    Text(String),
}

/// A statement with its values. `$1` is the first one.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<SqlValue>,
}

impl Sql {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// Numbered in the order of the text, as SQLite numbers `$1`.
    fn value(mut self, value: SqlValue) -> Self {
        self.values.push(value);
        let number = self.values.len();
        self.text(format!("${number}"))
    }

    fn compare(self, column: &str, operator: &str, value: SqlValue) -> Self {
        self.text(format!("{column} {operator} ")).value(value)
    }
}

/// A condition of a list.
#[derive(Debug, Clone)]
enum Condition {
    Compare {
        column: &'static str,
        operator: &'static str,
        value: SqlValue,
    },
    /// The status, and the time before which the deadline must be.
    Status {
        status: &'static str,
        deadline_before: Option<i64>,
    },
    Prefix {
        start: String,
        end: String,
    },
}

/// The order of a list. Ids increase with time.
const NEWEST_FIRST: &str = " ORDER BY dispute_id DESC";

/// The columns that a search text is compared with.
const NUMBERS: [&str; 4] = ["dispute_no", "payment_no", "merchant_trade_no", "rrn"];

impl Condition {
    fn of(filter: &DisputeFilter) -> Vec<Self> {
        let compare = |column, operator, value| Self::Compare { column, operator, value };
        let number = |value| SqlValue::Number(value);
        let merchant = filter.merchant_id.map(MerchantId::number).map(i64::from);
        let deadline_before = filter.deadline_before.map(|at| at.0);
        [
            merchant.map(|merchant| compare("merchant_id", "=", number(merchant))),
            filter.status.map(|status| Self::Status { status: status.as_str(), deadline_before }),
            filter.stage.map(|stage| compare("stage", "=", SqlValue::Text(stage.as_str().to_owned()))),
            deadline_before.map(|at| compare("deadline", "<", number(at))),
            filter.created_after.map(|at| compare("created_at", ">", number(at.0))),
            // A prefix is a range, so that an index can be used.
            filter.q.clone().map(|q| Self::Prefix { end: format!("{q}\u{10ffff}"), start: q }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The ids of at most `limit` disputes that match this condition alone, read from an index. With a search text, up
    /// to four times as many.
    fn ids(&self, sql: Sql, limit: u64) -> Sql {
        match self {
            Self::Compare { column, operator, value } => sql
                .text("SELECT dispute_id FROM disputes WHERE ")
                .compare(column, operator, value.clone())
                .text(format!(" LIMIT {limit}")),
            Self::Status { status, deadline_before } => {
                let sql = sql.text("SELECT dispute_id FROM dispute_queue WHERE ");
                let sql = sql.compare("status", "=", SqlValue::Text((*status).to_owned()));
                let sql = match deadline_before {
                    Some(at) if *status == Status::NeedsResponse.as_str() => {
                        sql.compare(" AND position", "<", SqlValue::Number(*at))
                    }
                    _ => sql,
                };
                sql.text(format!(" LIMIT {limit}"))
            }
            Self::Prefix { start, end } => {
                NUMBERS.into_iter().enumerate().fold(sql, |sql, (index, column)| {
                    let sql = sql.text(if index == 0 { "" } else { " UNION ALL " });
                    let sql = sql.text("SELECT dispute_id FROM (SELECT dispute_id FROM disputes WHERE ");
                    let sql = sql.compare(column, ">=", SqlValue::Text(start.clone()));
                    let sql = sql.compare(&format!(" AND {column}"), "<", SqlValue::Text(end.clone()));
                    sql.text(format!(" LIMIT {limit}) AS found"))
                })
            }
        }
    }

    /// Whether its index has the matches in the order of the list.
    const fn is_ordered(&self) -> bool {
        matches!(self, Self::Compare { operator, .. } if matches!(operator.as_bytes(), b"="))
    }

    /// The condition on a row of `disputes`.
    fn filter(&self, sql: Sql) -> Sql {
        match self {
            Self::Compare { column, operator, value } => sql.compare(column, operator, value.clone()),
            Self::Status { status, .. } => sql.compare("status", "=", SqlValue::Text((*status).to_owned())),
            Self::Prefix { start, end } => NUMBERS
                .into_iter()
                .enumerate()
                .fold(sql, |sql, (index, column)| {
                    let sql = sql.text(if index == 0 { "(" } else { " OR " });
                    let sql = sql.compare(column, ">=", SqlValue::Text(start.clone()));
                    sql.compare(&format!(" AND {column}"), "<", SqlValue::Text(end.clone()))
                })
                .text(")"),
        }
    }
}

/// How a page is read.
pub(crate) struct ListPlan<'f> {
    filter: &'f DisputeFilter,
    conditions: Vec<Condition>,
}

/// How the ids of a page are read, and of those after it.
pub(crate) struct PageIds {
    pub(crate) sql: Sql,
    /// Reads the last dispute that was examined. It finds none if all were.
    pub(crate) end: Option<Sql>,
    /// The number of matches, if it is known without reading them.
    total: Option<u64>,
}

impl<'f> ListPlan<'f> {
    pub(crate) fn of(filter: &'f DisputeFilter) -> Self {
        Self { filter, conditions: Condition::of(filter) }
    }

    /// Statements that count the matches of each condition; without any, all disputes.
    pub(crate) fn counts(&self) -> Vec<Sql> {
        let limit = CANDIDATES_MAX + 1;
        let count = || Sql::new("SELECT count(*) FROM (");
        let of = |condition: &Condition| condition.ids(count(), limit).text(") AS counted");
        match &self.conditions[..] {
            [] => vec![count().text(format!("SELECT 1 FROM disputes LIMIT {limit}) AS counted"))],
            conditions => conditions.iter().map(of).collect(),
        }
    }

    /// Chooses how to read the ids of a page, by the results of [`Self::counts`].
    pub(crate) fn page_ids(&self, counts: &[u64]) -> PageIds {
        let fewest = self.conditions.iter().zip(counts).min_by_key(|(_, count)| **count);
        if let Some((condition, _)) = fewest.filter(|(_, count)| **count <= CANDIDATES_MAX) {
            let sql = Sql::new("SELECT dispute_id FROM disputes WHERE dispute_id IN (");
            let sql = self.filters(condition.ids(sql, CANDIDATES_MAX).text(")"));
            return PageIds { sql: sql.text(NEWEST_FIRST), end: None, total: None };
        }
        let total = match &self.conditions[..] {
            // Rows of the queue may be stale.
            [Condition::Status { .. }] | [_, _, ..] => None,
            [] | [_] => counts.first().copied(),
        };
        // Every examined dispute is on the page, or some may not be.
        let most = match &self.conditions[..] {
            [] => self.filter.limit as usize + 1,
            [only] if only.is_ordered() => self.filter.limit as usize + 1,
            _ => EXAMINED_MAX,
        };
        let sql = self.examined(Sql::new("SELECT dispute_id FROM ("), "*");
        let sql = self.filters(sql.text(format!(" LIMIT {most}) AS examined WHERE TRUE")));
        let end = self.examined(Sql::default(), "dispute_id").text(format!(" LIMIT 1 OFFSET {}", most - 1));
        PageIds { sql: sql.text(NEWEST_FIRST), end: (most == EXAMINED_MAX).then_some(end), total }
    }

    /// Disputes from the newest to the oldest, after the cursor: of the merchant or stage if that is a condition,
    /// because their indexes are in this order.
    fn examined(&self, sql: Sql, columns: &str) -> Sql {
        let sql = sql.text(format!("SELECT {columns} FROM disputes WHERE TRUE"));
        let sql = match self.conditions.iter().find(|condition| condition.is_ordered()) {
            Some(condition) => condition.filter(sql.text(" AND ")),
            None => sql,
        };
        let sql = match &self.filter.after {
            Some(DisputeCursor(id)) => sql.compare(" AND dispute_id", "<", SqlValue::Number(*id)),
            None => sql,
        };
        sql.text(NEWEST_FIRST)
    }

    fn filters(&self, sql: Sql) -> Sql {
        self.conditions.iter().fold(sql, |sql, condition| condition.filter(sql.text(" AND ")))
    }

    /// Those of the ids that are on the page.
    pub(crate) fn on_page<'i>(&self, ids: &'i [EntryId]) -> &'i [EntryId] {
        let start = match &self.filter.after {
            Some(DisputeCursor(after)) => ids.partition_point(|id| id >= after),
            None => 0,
        };
        let ids = ids.get(start..).unwrap_or_default();
        ids.get(..self.filter.limit as usize).unwrap_or(ids)
    }

    /// The page with these disputes. `ids` are all that [`PageIds`] read, `end` is the last dispute that was examined.
    pub(crate) fn page(
        &self,
        how: &PageIds,
        ids: &[EntryId],
        end: Option<EntryId>,
        items: Vec<DisputeRecord>,
    ) -> DisputePage {
        let last = self.on_page(ids).last();
        let next = last.filter(|last| ids.last().is_some_and(|oldest| oldest < *last)).copied().or(end);
        let total = how.total.unwrap_or(ids.len() as u64);
        let is_all = how.end.is_none() || end.is_none() && self.filter.after.is_none();
        DisputePage {
            items,
            next: next.map(DisputeCursor),
            total: total.min(DisputePage::COUNT_MAX),
            total_exact: is_all && total <= DisputePage::COUNT_MAX,
        }
    }
}

/// A filter for each combination of conditions.
#[cfg(test)]
pub(crate) fn every_filter() -> impl Iterator<Item = DisputeFilter> {
    use rebuttal_protocol::UnixMillis;
    use rebuttal_protocol::dispute::Stage;

    (0_u32..1 << 7).map(|choice| {
        let asked = |bit: u32| choice & 1 << bit != 0;
        DisputeFilter {
            merchant_id: asked(0).then_some(MerchantId::try_from(1).unwrap()),
            status: asked(1).then_some(Status::NeedsResponse),
            stage: asked(2).then_some(Stage::Chargeback),
            deadline_before: asked(3).then_some(UnixMillis(1)),
            created_after: asked(4).then_some(UnixMillis(1)),
            q: asked(5).then(|| "D".to_owned()),
            after: asked(6).then_some(DisputeCursor(1)),
            limit: 1,
        }
    })
}

/// All statements of a page, where its conditions have few matches, and where they have many.
#[cfg(test)]
pub(crate) fn every_statement(filter: &DisputeFilter) -> Vec<Sql> {
    let plan = ListPlan::of(filter);
    let counts = plan.counts();
    let pages = [0, CANDIDATES_MAX + 1].map(|count| plan.page_ids(&vec![count; counts.len()]));
    counts
        .into_iter()
        .chain(pages.into_iter().flat_map(|page| [Some(page.sql), page.end].into_iter().flatten()))
        .collect()
}
