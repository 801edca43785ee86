//! The bounded steps of maintenance. Several replicas run them at the same time, so locked rows are skipped.

use rebuttal_protocol::{StorageUri, UnixMillis};

use super::nonces;
use super::save::answer_json;
use super::session::{Session, SessionError};
use super::statements::{
    DROP_EXPIRED_SECRETS, DROP_OLD_MARKS, FORGET_SHOWN_SECRETS, FORGET_UPLOADS, MARK_UPLOADS, PROBE,
    PURGE_KEYS, PURGE_OUTBOX, PUT_META, RAISE_NONCE_BOUND, REPLACE_META, WRITE_PROBE,
};
use crate::batch::RecordedAnswer;
use crate::meta::{CLOCK_TRUSTED_AT, SWEEP_FENCE};
use crate::write_request::Maintenance;

/// How long a lane's marker is stored after its last batch: far longer than a commit takes to resolve.
const LANE_MARKER_RETENTION_MS: i64 = 24 * 3600 * 1000;

/// Runs a step within the open transaction, and returns how many rows it changed.
pub(super) async fn apply(
    session: &Session,
    step: &Maintenance,
    now: UnixMillis,
) -> Result<u64, SessionError> {
    match step {
        // The bound never moves back, so that a clock that was set back does not make deleted nonces usable
        // (contract §2). Partitions below it are dropped once it is committed.
        Maintenance::PurgeNonces { bound, .. } => {
            session.run(RAISE_NONCE_BOUND, &[&bound.0]).await?;
            session.run(DROP_OLD_MARKS, &[&(now.0 - LANE_MARKER_RETENTION_MS)]).await?;
            nonces::make_ahead(session, now).await?;
            Ok(0)
        }
        // Its transactions delete the rows of the disputes that they change.
        Maintenance::DeleteStaleQueueRows { .. } => Ok(0),
        Maintenance::MarkUnreferenced { uploaded_before, limit } => {
            session.run(MARK_UPLOADS, &[&now.0, &uploaded_before.0, &i64::from(*limit)]).await
        }
        Maintenance::ForgetUploads { urls } => {
            let urls: Vec<String> = urls.iter().map(StorageUri::key).collect();
            session.run(FORGET_UPLOADS, &[&urls]).await
        }
        Maintenance::PurgeOutbox { created_before, limit } => {
            session.run(PURGE_OUTBOX, &[&created_before.0, &i64::from(*limit)]).await
        }
        Maintenance::PurgeKeys { created_before, limit } => {
            session.run(PURGE_KEYS, &[&created_before.0, &i64::from(*limit)]).await
        }
        Maintenance::ForgetShownSecrets { created_before, limit } => {
            let answer = answer_json(&RecordedAnswer::secret_expired())?;
            session.run(FORGET_SHOWN_SECRETS, &[&created_before.0, &i64::from(*limit), &answer]).await
        }
        Maintenance::DropExpiredSecrets => session.run(DROP_EXPIRED_SECRETS, &[&now.0]).await,
        Maintenance::AdvanceFence { fence, expected } => {
            let expected = expected.as_deref().map(str::as_bytes);
            session.run(REPLACE_META, &[&SWEEP_FENCE, &fence.as_bytes(), &expected]).await
        }
        Maintenance::NoteClock => {
            session.run(PUT_META, &[&CLOCK_TRUSTED_AT, &now.0.to_string().as_bytes()]).await
        }
        // A small row in `meta` would not prove that other tables can be written.
        Maintenance::Probe => {
            session.batch(WRITE_PROBE).await?;
            session.run(PROBE, &[]).await
        }
    }
}
