//! The target of a data migration, a PostgreSQL database. Until the migration is finished, a row of `meta` prevents
//! every gateway from serving, and stores where the next run continues. It is written in each page's transaction.

use futures_util::TryStreamExt as _;
use rusqlite::types::Value;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use rebuttal_protocol::UnixMillis;

use super::address::Address;
use super::session::{Session, SessionError};
use super::statements::{CONTINUE_NUMBERS, FORGET_META, IS_EMPTY, LOCK_DATA_MIGRATION, PUT_META};
use super::{nonces, queries, rows, schema};
use crate::StoreError;
use crate::meta::DATA_MIGRATION;
use crate::table_digest::TableDigest;
use crate::tables::{Kind, NONCES, TableSchema};

/// No timeout: a page, or the check of a whole table, may take long.
const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = '5s'; SET synchronous_commit = on";

pub(crate) struct MigrationTarget {
    session: Session,
}

impl MigrationTarget {
    /// Connects and migrates the schema. `None` where another data migration is running.
    pub(crate) async fn open(address: &Address) -> Result<Option<Self>, StoreError> {
        schema::prepare(address).await?;
        let session = Session::plain(address).await?;
        session.batch(SETTINGS).await?;
        match session.batch(LOCK_DATA_MIGRATION).await {
            Ok(()) => Ok(Some(Self { session })),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(queries::meta(&self.session, name).await?)
    }

    /// Where an unfinished migration continues.
    pub(crate) async fn resume_point(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.meta(DATA_MIGRATION).await
    }

    /// Whether the database has no data of a gateway.
    pub(crate) async fn is_empty(&self) -> Result<bool, StoreError> {
        let row = self.session.row(IS_EMPTY, &[]).await?;
        Ok(row.map_or(Ok(false), |row| rows::value(&row, 0))?)
    }

    /// Stores the resume point and the rows of `meta`, in one transaction.
    pub(crate) async fn begin(
        &self,
        resume_point: &[u8],
        values: &[(&str, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let done = async {
            self.session.batch("BEGIN").await?;
            self.session.run(PUT_META, &[&DATA_MIGRATION, &resume_point]).await?;
            for (name, value) in values {
                self.session.run(PUT_META, &[name, value]).await?;
            }
            self.session.batch("COMMIT").await
        };
        Ok(self.roll_back_on_error(done.await).await?)
    }

    /// Writes a page and the resume point.
    pub(crate) async fn write(
        &self,
        table: &TableSchema,
        page: &[Vec<Value>],
        resume_point: &[u8],
    ) -> Result<(), StoreError> {
        let done = async {
            self.session.batch("BEGIN").await?;
            if table.name == NONCES {
                let timestamps = page.iter().filter_map(|row| match row.first() {
                    Some(Value::Integer(timestamp)) => Some(UnixMillis(*timestamp)),
                    _ => None,
                });
                nonces::make(&self.session, timestamps).await?;
            }
            self.insert(table, page).await?;
            self.session.run(PUT_META, &[&DATA_MIGRATION, &resume_point]).await?;
            self.session.batch("COMMIT").await
        };
        Ok(self.roll_back_on_error(done.await).await?)
    }

    /// Plain inserts that fail rather than skip: the rows must be new.
    async fn insert(&self, table: &TableSchema, page: &[Vec<Value>]) -> Result<(), SessionError> {
        let parameters: Vec<_> = (1..)
            .zip(table.columns)
            .map(|(number, (_, kind))| format!("${number}::{}", kind.array()))
            .collect();
        let (name, columns) = (table.name, table.column_list());
        let sql = format!("INSERT INTO {name} ({columns}) SELECT * FROM unnest({})", parameters.join(", "));
        let arrays: Vec<_> = (0..)
            .zip(table.columns)
            .map(|(column, (_, kind))| array(*kind, page.iter().map(move |row| row.get(column))))
            .collect::<Result<_, _>>()?;
        let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| &**array as _).collect();
        Ok(self.session.client.execute(&sql, &values).await.map(drop)?)
    }

    /// Counts and hashes a table's rows in the order of their keys, byte by byte.
    pub(crate) async fn digest(&self, table: &TableSchema) -> Result<TableDigest, StoreError> {
        let order: Vec<_> = table
            .key_columns()
            .map(|(name, kind)| match kind {
                Kind::Text => format!("{name} COLLATE \"C\""),
                _ => name.to_owned(),
            })
            .collect();
        let (name, columns) = (table.name, table.column_list());
        let sql = format!("SELECT {columns} FROM {name} ORDER BY {}", order.join(", "));
        let nothing: [&str; 0] = [];
        let mut found =
            std::pin::pin!(self.session.client.query_raw(&sql, nothing).await.map_err(SessionError::from)?);
        let mut digest = TableDigest::default();
        while let Some(row) = found.try_next().await.map_err(SessionError::from)? {
            digest.row(&cells(table, &row)?);
        }
        Ok(digest)
    }

    /// Finishes the migration: generated numbers continue after the source's, and gateways may serve.
    pub(crate) async fn finish(&self) -> Result<(), StoreError> {
        let done = async {
            self.session.batch("BEGIN").await?;
            self.session.batch(CONTINUE_NUMBERS).await?;
            self.session.run(FORGET_META, &[&DATA_MIGRATION]).await?;
            self.session.batch("COMMIT").await
        };
        Ok(self.roll_back_on_error(done.await).await?)
    }

    /// Rolls back a failed transaction. If that fails, too, the connection is lost, and the server rolls back.
    async fn roll_back_on_error(&self, done: Result<(), SessionError>) -> Result<(), SessionError> {
        if done.is_err() {
            let _ = self.session.batch("ROLLBACK").await;
        }
        done
    }
}

/// A column of a page as a parameter.
fn array<'v>(
    kind: Kind,
    values: impl Iterator<Item = Option<&'v Value>>,
) -> Result<Box<dyn ToSql + Sync + 'v>, SessionError> {
    fn of<'v, T>(
        values: impl Iterator<Item = Option<&'v Value>>,
        read: impl Fn(&'v Value) -> Option<T>,
    ) -> Result<Vec<Option<T>>, SessionError> {
        values
            .map(|value| match value {
                None | Some(Value::Null) => Ok(None),
                Some(value) => read(value).map(Some).ok_or_else(|| {
                    SessionError::Unreadable("a value of another type than its column".to_owned())
                }),
            })
            .collect()
    }
    Ok(match kind {
        Kind::Number => Box::new(of(values, |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        })?),
        Kind::Flag => Box::new(of(values, |value| match value {
            Value::Integer(flag @ (0 | 1)) => Some(*flag == 1),
            _ => None,
        })?),
        Kind::Text => Box::new(of(values, |value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })?),
        Kind::Bytes => Box::new(of(values, |value| match value {
            Value::Blob(bytes) => Some(bytes.as_slice()),
            _ => None,
        })?),
    })
}

/// A row of the source.
fn cells(table: &TableSchema, row: &Row) -> Result<Vec<Value>, SessionError> {
    let cell = |(column, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match kind {
            Kind::Number => rows::value::<Option<i64>>(row, column)?.map(Value::Integer),
            Kind::Flag => rows::value::<Option<bool>>(row, column)?.map(|flag| Value::Integer(flag.into())),
            Kind::Text => rows::value::<Option<String>>(row, column)?.map(Value::Text),
            Kind::Bytes => rows::value::<Option<Vec<u8>>>(row, column)?.map(Value::Blob),
        }
        .unwrap_or(Value::Null))
    };
    table.columns.iter().enumerate().map(cell).collect()
}
