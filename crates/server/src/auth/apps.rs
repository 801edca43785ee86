//! The apps that have called lately, with their secrets opened, so that a call costs no read and no decryption.
//!
//! An app that is unknown, or whose sign does not match, is read again, at most once a second: another process may have
//! made or changed it (contract §2).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use parking_lot::RwLock;
use rebuttal_protocol::{AppId, AppSecret, MerchantId, Scheme, UnixMillis};
use rebuttal_store::{App, SecretId, Store};

use crate::auth::keys::{DoesNotOpen, Keys};
use crate::error::Refusal;

/// Apps that are remembered at once, at about 500 bytes each.
const KNOWN_MAX: usize = 20_000;
/// App ids that are remembered as unknown at once. Failures per address are limited, so that it takes a hundred
/// addresses to fill this.
const UNKNOWN_MAX: usize = 10_000;
/// How seldom one app is read again.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// How long an app is remembered. Changes made here are forgotten at once; this bounds everything else.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// An app as calls are checked against it.
#[derive(Debug)]
pub(crate) struct KnownApp {
    pub(crate) app_id: AppId,
    pub(crate) merchant_id: MerchantId,
    /// In which zone its merchant's times are told.
    pub(crate) zone: TimeZone,
    pub(crate) scheme: Scheme,
    pub(crate) enabled: bool,
    /// The oldest first.
    pub(crate) secrets: Vec<KnownSecret>,
}

/// A secret that verifies, for ever or until its overlap ends.
#[derive(Debug)]
pub(crate) struct KnownSecret {
    pub(crate) secret_id: SecretId,
    pub(crate) secret: AppSecret,
    expires_at: Option<UnixMillis>,
    /// Whether the database knows that it has verified a request.
    used: AtomicBool,
}

impl KnownApp {
    /// The secrets that verify at a moment, the oldest first.
    pub(crate) fn valid_secrets(&self, at: UnixMillis) -> impl Iterator<Item = &KnownSecret> {
        self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|expires_at| at < expires_at))
    }

    fn open(app: App, keys: &Keys) -> Result<Self, DoesNotOpen> {
        let open = |sealed: &rebuttal_store::SealedSecret| {
            Ok(KnownSecret {
                secret_id: sealed.secret_id,
                secret: keys.open(app.app_id, sealed.secret_id, &sealed.sealed)?,
                expires_at: sealed.expires_at,
                used: AtomicBool::new(sealed.first_used_at.is_some()),
            })
        };
        let secrets = app.secrets.iter().map(open).collect::<Result<_, _>>()?;
        let App { app_id, merchant_id, time_zone, scheme, enabled, .. } = app;
        let zone = TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC);
        Ok(Self { app_id, merchant_id, zone, scheme, enabled, secrets })
    }
}

impl KnownSecret {
    /// Whether this is the first use that the process has seen; asked once, it is no longer.
    pub(crate) fn is_first_use(&self) -> bool {
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }
}

struct Entry {
    app: Arc<KnownApp>,
    read_at: Instant,
}

#[derive(Default)]
struct Memory {
    known: HashMap<AppId, Entry>,
    unknown: HashMap<AppId, Instant>,
    /// Counts the changes, so that a read that began before one is not remembered after it.
    changes: u64,
}

pub(crate) struct Apps {
    memory: RwLock<Memory>,
    store: Store,
    keys: Arc<Keys>,
}

impl Apps {
    pub(crate) fn new(store: Store, keys: Arc<Keys>) -> Self {
        Self { memory: RwLock::default(), store, keys }
    }

    /// The app, if it is remembered; read again where it has been remembered for long.
    pub(crate) async fn remembered(&self, app_id: AppId) -> Result<Option<Arc<KnownApp>>, Refusal> {
        match self.memory.read().known.get(&app_id) {
            Some(entry) if entry.read_at.elapsed() < REMEMBERED_FOR => {
                return Ok(Some(Arc::clone(&entry.app)));
            }
            Some(_) => {}
            None => return Ok(None),
        }
        self.read_again(app_id).await
    }

    /// The app as the database has it, unless it was read within the last second.
    pub(crate) async fn read_again(&self, app_id: AppId) -> Result<Option<Arc<KnownApp>>, Refusal> {
        let changes = {
            let memory = self.memory.read();
            match (memory.known.get(&app_id), memory.unknown.get(&app_id)) {
                (Some(entry), _) if entry.read_at.elapsed() < READ_PAUSE => {
                    return Ok(Some(Arc::clone(&entry.app)));
                }
                (None, Some(read_at)) if read_at.elapsed() < READ_PAUSE => return Ok(None),
                _ => memory.changes,
            }
        };
        let app = match self.store.app(app_id).await? {
            Some(app) => Some(Arc::new(KnownApp::open(app, &self.keys).map_err(Refusal::internal)?)),
            None => None,
        };
        let mut memory = self.memory.write();
        if memory.changes == changes {
            memory.remember(app_id, app.clone());
        }
        Ok(app)
    }

    /// Forgets an app that was made or changed here.
    pub(crate) fn forget(&self, app_id: AppId) {
        let mut memory = self.memory.write();
        memory.changes += 1;
        memory.known.remove(&app_id);
        memory.unknown.remove(&app_id);
    }

    /// Forgets the apps of a merchant that was changed here.
    pub(crate) fn forget_merchant(&self, merchant_id: MerchantId) {
        let mut memory = self.memory.write();
        memory.changes += 1;
        memory.known.retain(|_, entry| entry.app.merchant_id != merchant_id);
    }
}

impl Memory {
    fn remember(&mut self, app_id: AppId, app: Option<Arc<KnownApp>>) {
        let read_at = Instant::now();
        match app {
            Some(app) => {
                self.unknown.remove(&app_id);
                make_room(&mut self.known, KNOWN_MAX, &app_id);
                self.known.insert(app_id, Entry { app, read_at });
            }
            None => {
                self.known.remove(&app_id);
                self.unknown.retain(|_, read_at| read_at.elapsed() < READ_PAUSE);
                make_room(&mut self.unknown, UNKNOWN_MAX, &app_id);
                self.unknown.insert(app_id, read_at);
            }
        }
    }
}

/// Drops any one entry where a new one would be too many: what is dropped is only read again.
fn make_room<T>(map: &mut HashMap<AppId, T>, max: usize, for_key: &AppId) {
    if map.len() >= max && !map.contains_key(for_key) {
        let any = map.keys().next().copied();
        any.and_then(|key| map.remove(&key));
    }
}
