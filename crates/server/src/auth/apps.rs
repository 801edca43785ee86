//! Cache of recently used apps, with their secrets decrypted, so that a call needs no read and no decryption.
//!
//! An app that is unknown, or whose signature does not match, is read again at most once a second, because another
//! process may have created or changed it (contract §2). A failed read is not cached. The two apps of `doctor` are in
//! no database and always disabled: all they can get is a signed refusal.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use parking_lot::{Mutex, RwLock};
use rebuttal_protocol::{AppId, AppSecret, MerchantId, Scheme, UnixMillis};
use rebuttal_store::{AppRecord, SecretId, Store};

use crate::auth::keys::{DecryptError, Keys};
use crate::auth::negative_cache::{LookupLimiter, NegativeCache, READ_PAUSE, make_room};
use crate::http::error::Refusal;

/// Apps that are cached, at about 500 bytes each.
const APPS_CACHED_MAX: usize = 20_000;
/// How long an app is cached. A change by this process takes effect immediately; one by another replica within this
/// time.
const CACHE_TTL: Duration = Duration::from_secs(4);
/// Reads in flight that are kept before those without waiters are removed.
const IN_FLIGHT_KEPT: usize = 1_000;
/// The signature scheme of `doctor`.
pub(crate) const DOCTORS_SCHEME: Scheme = Scheme::V2HmacSha256;

/// An app with its decrypted secrets.
#[derive(Debug)]
pub(crate) struct KnownApp {
    pub(crate) app_id: AppId,
    pub(crate) merchant_id: MerchantId,
    /// The time zone in which the merchant's times are written.
    pub(crate) zone: TimeZone,
    pub(crate) scheme: Scheme,
    pub(crate) enabled: bool,
    /// Oldest first.
    pub(crate) secrets: Vec<KnownSecret>,
}

/// A secret that is valid, indefinitely or until its overlap ends.
#[derive(Debug)]
pub(crate) struct KnownSecret {
    pub(crate) secret_id: SecretId,
    pub(crate) secret: AppSecret,
    expires_at: Option<UnixMillis>,
    /// Whether its first use is recorded in the database or is being recorded.
    used: AtomicBool,
}

impl KnownApp {
    /// The secrets that are valid at a time, oldest first.
    pub(crate) fn valid_secrets(&self, at: UnixMillis) -> impl Iterator<Item = &KnownSecret> {
        self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|expires_at| at < expires_at))
    }

    /// The app as which `doctor` calls. Only holders of the master key can sign as it or answer it.
    fn of_doctor((app_id, secret): &(AppId, AppSecret)) -> Self {
        let secret = KnownSecret {
            secret_id: *app_id.as_bytes(),
            secret: secret.clone(),
            expires_at: None,
            // There is no row to record a first use in.
            used: AtomicBool::new(true),
        };
        Self {
            app_id: *app_id,
            merchant_id: MerchantId::LAST,
            zone: TimeZone::UTC,
            scheme: DOCTORS_SCHEME,
            enabled: false,
            secrets: vec![secret],
        }
    }

    fn decrypt(app: AppRecord, keys: &Keys) -> Result<Self, DecryptError> {
        let decrypt = |stored: &rebuttal_store::EncryptedSecret| {
            Ok(KnownSecret {
                secret_id: stored.secret_id,
                secret: keys.decrypt(app.app_id, stored.secret_id, &stored.ciphertext)?,
                expires_at: stored.expires_at,
                used: AtomicBool::new(stored.first_used_at.is_some()),
            })
        };
        let secrets = app.secrets.iter().map(decrypt).collect::<Result<_, _>>()?;
        let AppRecord { app_id, merchant_id, time_zone, scheme, enabled, .. } = app;
        let zone = TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC);
        Ok(Self { app_id, merchant_id, zone, scheme, enabled, secrets })
    }
}

impl KnownSecret {
    /// Whether this is the first use seen by this process. Returns true once.
    pub(crate) fn is_first_use(&self) -> bool {
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }
}

struct CachedApp {
    app: Arc<KnownApp>,
    read_at: Instant,
}

struct AppCache {
    known: HashMap<AppId, CachedApp>,
    unknown: NegativeCache<AppId>,
    /// Incremented by every invalidation, so that a read that began before one is not cached after it.
    changes: u64,
}

/// The app, or `None` if the database does not have it.
type Lookup = Option<Arc<KnownApp>>;
type LookupResult = Result<Lookup, Refusal>;

/// Locked by the request that reads the app (single flight). Contains the time and the error of a failed read.
type InFlightRead = tokio::sync::Mutex<Option<(Instant, Refusal)>>;

pub(crate) struct AppLookup {
    memory: RwLock<AppCache>,
    in_flight: Mutex<HashMap<AppId, Arc<InFlightRead>>>,
    lookups: LookupLimiter,
    doctor_apps: [Arc<KnownApp>; 2],
    store: Store,
    keys: Arc<Keys>,
}

impl AppLookup {
    /// `identity` is the identity of the installation.
    pub(crate) fn new(store: Store, keys: Arc<Keys>, identity: &[u8]) -> Self {
        let doctor_apps = [&keys.installation_app(identity), keys.master_key_app()]
            .map(|app| Arc::new(KnownApp::of_doctor(app)));
        let memory = AppCache { known: HashMap::new(), unknown: NegativeCache::new(), changes: 0 };
        Self {
            memory: RwLock::new(memory),
            in_flight: Mutex::default(),
            lookups: LookupLimiter::new(),
            doctor_apps,
            store,
            keys,
        }
    }

    fn doctor_app(&self, app_id: AppId) -> Option<Arc<KnownApp>> {
        self.doctor_apps.iter().find(|doctor| doctor.app_id == app_id).map(Arc::clone)
    }

    /// The app, from the cache or the database.
    pub(crate) async fn find(&self, app_id: AppId) -> LookupResult {
        self.read(app_id, CACHE_TTL).await
    }

    /// The app from the database, unless it was read within the last second.
    pub(crate) async fn read_again(&self, app_id: AppId) -> LookupResult {
        self.read(app_id, READ_PAUSE).await
    }

    async fn read(&self, app_id: AppId, max_age: Duration) -> LookupResult {
        if let Some(doctor) = self.doctor_app(app_id) {
            return Ok(Some(doctor));
        }
        let (cached, is_known) = self.memory.read().cached(app_id, max_age);
        if let Some(app) = cached {
            return Ok(app);
        }
        let requested_at = Instant::now();
        let _permit = if is_known { None } else { Some(self.lookups.wait().await?) };
        let in_flight = self.in_flight(app_id);
        let mut failed = in_flight.lock().await;
        // Another request may have read it, or failed to, while this one waited.
        let (cached, _) = self.memory.read().cached(app_id, max_age);
        if let Some(app) = cached {
            return Ok(app);
        }
        if let Some((_, refusal)) = failed.as_ref().filter(|(at, _)| *at >= requested_at) {
            return Err(refusal.clone());
        }
        // Rare and large: without the box, each request's future would have room for it.
        let outcome = Box::pin(self.read_from_store(app_id)).await;
        *failed = outcome.as_ref().err().map(|refusal| (Instant::now(), refusal.clone()));
        outcome
    }

    /// The lock of the read in flight for this app; further requests wait for its result.
    fn in_flight(&self, app_id: AppId) -> Arc<InFlightRead> {
        let mut in_flight = self.in_flight.lock();
        if in_flight.len() >= IN_FLIGHT_KEPT {
            in_flight.retain(|_, read| Arc::strong_count(read) > 1);
        }
        Arc::clone(in_flight.entry(app_id).or_default())
    }

    async fn read_from_store(&self, app_id: AppId) -> LookupResult {
        let changes = self.memory.read().changes;
        let app = match self.store.app(app_id).await? {
            Some(app) => Some(Arc::new(KnownApp::decrypt(app, &self.keys).map_err(Refusal::internal)?)),
            None => None,
        };
        let mut memory = self.memory.write();
        if memory.changes == changes {
            memory.insert(app_id, app.clone());
        }
        Ok(app)
    }

    /// Invalidates an app that was created or changed by this process.
    pub(crate) fn invalidate(&self, app_id: AppId) {
        let mut memory = self.memory.write();
        memory.changes += 1;
        memory.known.remove(&app_id);
        memory.unknown.remove(&app_id);
    }

    /// Invalidates the apps of a merchant that was changed by this process.
    pub(crate) fn invalidate_merchant(&self, merchant_id: MerchantId) {
        let mut memory = self.memory.write();
        memory.changes += 1;
        memory.known.retain(|_, entry| entry.app.merchant_id != merchant_id);
    }
}

impl AppCache {
    /// A result no older than `max_age`, and whether the app is known, whatever its age.
    fn cached(&self, app_id: AppId, max_age: Duration) -> (Option<Lookup>, bool) {
        match self.known.get(&app_id) {
            Some(entry) if entry.read_at.elapsed() < max_age => (Some(Some(Arc::clone(&entry.app))), true),
            Some(_) => (None, true),
            None => (self.unknown.contains(&app_id).then_some(None), false),
        }
    }

    fn insert(&mut self, app_id: AppId, app: Lookup) {
        match app {
            Some(app) => {
                self.unknown.remove(&app_id);
                make_room(&mut self.known, APPS_CACHED_MAX, &app_id);
                self.known.insert(app_id, CachedApp { app, read_at: Instant::now() });
            }
            None => {
                self.known.remove(&app_id);
                self.unknown.insert(app_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_protocol::operator::AppSettings;
    use rebuttal_store::{AccountChange, Location, Options, Outcome, SingleOperation, WriteRequest};

    use super::*;
    use crate::auth::keys::MasterKey;
    use crate::clock;

    const APP: AppId = AppId::from_bytes([1; 16]);
    const UNKNOWN: AppId = AppId::from_bytes([2; 16]);
    const DEFAULTS: AppSettings = AppSettings { notify_url: None, scheme: None, enabled: None };

    struct Fixture {
        folder: tempfile::TempDir,
        apps: AppLookup,
        merchant_id: MerchantId,
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let location = Location::from(folder.path().join("rebuttal.db").as_path());
            Self::on(folder, location).await
        }

        async fn on(folder: tempfile::TempDir, location: Location) -> Self {
            let store = Store::open(&location, &Options::default()).await.unwrap();
            let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
            let apps = AppLookup::new(store, Arc::new(Keys::derive(&master)), &[1; 16]);
            let mut fixture = Self { folder, apps, merchant_id: MerchantId::try_from(1).unwrap() };
            let (name, time_zone) = ("Acme".parse().unwrap(), "Asia/Shanghai".parse().unwrap());
            let outcome = fixture.commit(AccountChange::CreateMerchant { name, time_zone }).await;
            let Outcome::Merchant(merchant) = outcome else { panic!("{outcome:?}") };
            fixture.merchant_id = merchant.merchant_id;
            fixture
        }

        async fn commit(&self, account: AccountChange) -> Outcome {
            let operation = SingleOperation::Account(account);
            let request = WriteRequest::internal(clock::now(), operation);
            self.apps.store.commit(request).await.unwrap().unwrap()
        }

        async fn create(&self, app_id: AppId) {
            let secret_id = *app_id.as_bytes();
            let ciphertext =
                self.apps.keys.encrypt(app_id, secret_id, &AppSecret::from_bytes(&[7; 16])).unwrap();
            let merchant_id = self.merchant_id;
            let settings = DEFAULTS;
            self.commit(AccountChange::CreateApp { merchant_id, app_id, settings, secret_id, ciphertext })
                .await;
        }

        fn is_cached(&self, app_id: AppId) -> bool {
            self.apps.memory.read().cached(app_id, CACHE_TTL).1
        }

        async fn disable(&self) {
            let settings = AppSettings { enabled: Some(false), ..DEFAULTS };
            let merchant_id = self.merchant_id;
            self.commit(AccountChange::ChangeApp { merchant_id, app_id: APP, settings }).await;
        }
    }

    #[tokio::test]
    async fn app_is_cached_until_invalidated() {
        let fixture = Fixture::new().await;
        fixture.create(APP).await;
        assert!(!fixture.is_cached(APP));
        let app = fixture.apps.find(APP).await.unwrap().unwrap();
        assert_eq!((app.merchant_id, app.enabled, app.secrets.len()), (fixture.merchant_id, true, 1));
        assert_eq!(app.zone.iana_name(), Some("Asia/Shanghai"));
        fixture.disable().await;
        // The cache has not been invalidated, and the app was read within the last second.
        assert!(fixture.apps.read_again(APP).await.unwrap().unwrap().enabled && fixture.is_cached(APP));
        fixture.apps.invalidate(APP);
        assert!(!fixture.apps.read_again(APP).await.unwrap().unwrap().enabled);
        fixture.apps.invalidate_merchant(fixture.merchant_id);
        assert!(!fixture.is_cached(APP));
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL, which cargo xtask test starts"]
    async fn concurrent_requests_share_one_read_of_an_app() {
        let database = rebuttal_testbed::postgres::Database::shared();
        let location = database.url().parse().unwrap();
        let fixture = Fixture::on(tempfile::tempdir().unwrap(), location).await;
        fixture.create(APP).await;
        let all = || async { futures_util::future::join_all((0..100).map(|_| fixture.apps.find(APP))).await };
        let apps: Vec<_> = all().await.into_iter().map(|app| app.unwrap().unwrap()).collect();
        assert!(apps.iter().all(|app| Arc::ptr_eq(app, &apps[0])), "each request read the app itself");
        fixture.apps.invalidate(APP);
        let again = all().await.into_iter().map(|app| app.unwrap().unwrap()).collect::<Vec<_>>();
        assert!(again.iter().all(|app| Arc::ptr_eq(app, &again[0]) && !Arc::ptr_eq(app, &apps[0])));
    }

    /// The futures of all requests contain it, and they are moved several times.
    #[tokio::test]
    async fn future_of_a_lookup_is_small() {
        let fixture = Fixture::new().await;
        let size = size_of_val(&fixture.apps.find(APP));
        assert!(size <= 1024, "{size} bytes");
    }

    #[tokio::test]
    async fn unknown_app_is_looked_up_once_a_second() {
        let fixture = Fixture::new().await;
        assert!(fixture.apps.read_again(UNKNOWN).await.unwrap().is_none());
        fixture.create(UNKNOWN).await;
        assert!(fixture.apps.read_again(UNKNOWN).await.unwrap().is_none());
        fixture.apps.invalidate(UNKNOWN);
        assert!(fixture.apps.read_again(UNKNOWN).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn secret_encrypted_with_another_master_key_is_an_error() {
        let fixture = Fixture::new().await;
        fixture.create(APP).await;
        let other = MasterKey::create(&fixture.folder.path().join("other.key")).unwrap();
        let apps = AppLookup::new(fixture.apps.store.clone(), Arc::new(Keys::derive(&other)), &[1; 16]);
        let refusal = apps.read_again(APP).await.unwrap_err();
        assert_eq!(refusal.code, rebuttal_protocol::Code::SystemError);
    }

    #[tokio::test]
    async fn doctor_apps_are_disabled_and_bound_to_key_and_identity() {
        let fixture = Fixture::new().await;
        let keys = &fixture.apps.keys;
        for (app_id, secret) in [keys.installation_app(&[1; 16]), keys.master_key_app().clone()] {
            for app in [fixture.apps.find(app_id).await, fixture.apps.read_again(app_id).await] {
                let app = app.unwrap().unwrap();
                assert!(
                    !app.enabled && app.merchant_id == MerchantId::LAST && !app.secrets[0].is_first_use()
                );
                assert_eq!(app.secrets[0].secret.expose_ascii(), secret.expose_ascii());
            }
        }
        let other = MasterKey::create(&fixture.folder.path().join("other.key")).unwrap();
        let other = Keys::derive(&other);
        for (others, _) in [
            keys.installation_app(&[2; 16]),
            other.installation_app(&[1; 16]),
            other.master_key_app().clone(),
        ] {
            assert!(fixture.apps.find(others).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn first_use_is_reported_once() {
        let fixture = Fixture::new().await;
        fixture.create(APP).await;
        let app = fixture.apps.read_again(APP).await.unwrap().unwrap();
        let secret = app.valid_secrets(clock::now()).next().unwrap();
        assert_eq!((secret.is_first_use(), secret.is_first_use()), (true, false));
    }
}
