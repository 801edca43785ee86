//! Merchants, apps and secrets.

use rebuttal_protocol::operator::AppSettings;
use rebuttal_protocol::{AppId, MerchantId, Scheme, UnixMillis};
use rebuttal_store::{
    AccountChange, ChangedApp, Idempotency, Maintenance, MerchantRecord, Outcome, SingleOperation, Store,
    WriteRequest, WriteResult,
};

use crate::common::{APP, Fixture, NOW, code, commit, key, merchant, settings};

fn create_app(merchant_id: MerchantId, app_id: AppId, secret: u8) -> SingleOperation {
    let (secret_id, ciphertext) = ([secret; 16], vec![secret; 44]);
    SingleOperation::Account(AccountChange::CreateApp {
        merchant_id,
        app_id,
        settings: settings(),
        secret_id,
        ciphertext,
    })
}

fn change_app(merchant_id: MerchantId, settings: AppSettings) -> SingleOperation {
    SingleOperation::Account(AccountChange::ChangeApp { merchant_id, app_id: APP, settings })
}

pub(crate) async fn merchants_and_apps_are_created_and_changed(fixture: &Fixture) {
    let store = fixture.store().await;
    let (one, two) = (merchant(&store).await, merchant(&store).await);
    assert_ne!(one, two);
    commit(&store, Idempotency::None, create_app(one, APP, 1)).await.unwrap();
    let app = store.app(APP).await.unwrap().unwrap();
    assert_eq!((app.merchant_id, app.scheme, app.enabled), (one, Scheme::V2Sha256, true));
    assert_eq!(app.time_zone, "Asia/Shanghai");
    assert_eq!(app.secrets[0].ciphertext, vec![1; 44]);

    let notify_url = Some(Some("https://shop.example/hook".parse().unwrap()));
    let stronger = AppSettings { notify_url, scheme: Some(Scheme::V2HmacSha256), enabled: Some(false) };
    commit(&store, Idempotency::None, change_app(one, stronger)).await.unwrap();
    commit(&store, Idempotency::None, change_app(one, settings())).await.unwrap();
    let app = store.app(APP).await.unwrap().unwrap();
    assert_eq!((app.scheme, app.enabled), (Scheme::V2HmacSha256, false));
    assert_eq!(app.notify_url.as_deref(), Some("https://shop.example/hook"));
    let silent = AppSettings { notify_url: Some(None), ..settings() };
    commit(&store, Idempotency::None, change_app(one, silent)).await.unwrap();
    assert_eq!(store.app(APP).await.unwrap().unwrap().notify_url, None);

    assert_eq!(
        code(commit(&store, Idempotency::None, change_app(two, settings())).await),
        "Operator.NotFound"
    );
    let unknown_merchant = 99.try_into().unwrap();
    let orphan = create_app(unknown_merchant, AppId::from_bytes([8; 16]), 2);
    assert_eq!(code(commit(&store, Idempotency::None, orphan).await), "Operator.NotFound");
    assert_eq!(store.apps_of(one).await.unwrap().len(), 1);
    let numbers: Vec<_> =
        store.merchants(Some(one), 10).await.unwrap().iter().map(|m| m.merchant_id).collect();
    assert_eq!(numbers, [two]);
}

async fn rotate(
    store: &Store,
    merchant_id: MerchantId,
    secret: u8,
    now: UnixMillis,
    until: impl Into<Option<UnixMillis>>,
) -> WriteResult {
    let operation = SingleOperation::Account(AccountChange::RotateSecret {
        merchant_id,
        app_id: APP,
        secret_id: [secret; 16],
        ciphertext: vec![secret; 44],
        overlap_until: until.into(),
    });
    store
        .commit(WriteRequest { arrived_at: now, idempotency: Idempotency::None, token: None, operation })
        .await
        .unwrap()
}

pub(crate) async fn a_second_rotation_waits_for_the_first_overlap(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    commit(&store, Idempotency::None, create_app(merchant_id, APP, 1)).await.unwrap();
    let until = UnixMillis(NOW.0 + 1_000);
    let rotated = rotate(&store, merchant_id, 2, NOW, until).await.unwrap();
    let Outcome::App(ChangedApp { app, overlap_until }) = rotated else { panic!("{rotated:?}") };
    assert_eq!((app.secrets.len(), app.secrets[0].secret_id, overlap_until), (1, [2; 16], Some(until)));
    let app = store.app(APP).await.unwrap().unwrap();
    assert_eq!(
        [NOW, UnixMillis(until.0 - 1), until].map(|now| app.overlap_until(now)),
        [Some(until), Some(until), None]
    );
    let secrets: Vec<_> =
        app.secrets.iter().map(|secret| (secret.ciphertext[0], secret.expires_at)).collect();
    assert_eq!(secrets, [(1, Some(until)), (2, None)], "the oldest first");

    let running = rotate(&store, merchant_id, 3, UnixMillis(NOW.0 + 999), until).await;
    assert_eq!(code(running), "Operator.Conflict");
    rotate(&store, merchant_id, 3, until, UnixMillis(NOW.0 + 2_000)).await.unwrap();
}

pub(crate) async fn older_secrets_end_during_an_overlap(fixture: &Fixture) {
    let store = fixture.store().await;
    let (merchant_id, other) = (merchant(&store).await, merchant(&store).await);
    let bystander = AppId::from_bytes([8; 16]);
    commit(&store, Idempotency::None, create_app(merchant_id, APP, 1)).await.unwrap();
    commit(&store, Idempotency::None, create_app(merchant_id, bystander, 9)).await.unwrap();
    let secrets = async |app_id| {
        let app = store.app(app_id).await.unwrap().unwrap();
        app.secrets.iter().map(|secret| (secret.ciphertext[0], secret.expires_at)).collect::<Vec<_>>()
    };
    let end_overlap =
        |merchant_id| SingleOperation::Account(AccountChange::EndOverlap { merchant_id, app_id: APP });
    let until = UnixMillis(NOW.0 + 1_000);
    rotate(&store, merchant_id, 2, NOW, until).await.unwrap();

    let not_its_app = commit(&store, Idempotency::None, end_overlap(other)).await;
    assert_eq!(code(not_its_app), "Operator.NotFound");
    assert_eq!(secrets(APP).await, [(1, Some(until)), (2, None)]);
    let ended = commit(&store, key("end", 1), end_overlap(merchant_id)).await.unwrap();
    let Outcome::App(ChangedApp { app, overlap_until }) = &ended else { panic!("{ended:?}") };
    assert_eq!((app.secrets.len(), *overlap_until), (0, None), "no secret was made");
    assert_eq!(secrets(APP).await, [(2, None)]);

    rotate(&store, merchant_id, 3, NOW, until).await.unwrap();
    assert_eq!(commit(&store, key("end", 1), end_overlap(merchant_id)).await.unwrap(), ended);
    assert_eq!(secrets(APP).await, [(2, Some(until)), (3, None)], "the key's change was made before");
    let Outcome::App(ChangedApp { app, overlap_until }) =
        rotate(&store, merchant_id, 4, NOW, None).await.unwrap()
    else {
        panic!("no app was answered")
    };
    assert_eq!((app.secrets[0].secret_id, overlap_until), ([4; 16], None));
    assert_eq!(secrets(APP).await, [(4, None)]);
    assert_eq!(secrets(bystander).await, [(9, None)]);
}

pub(crate) async fn the_first_use_of_a_secret_is_stored(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    commit(&store, Idempotency::None, create_app(merchant_id, APP, 1)).await.unwrap();
    rotate(&store, merchant_id, 2, NOW, UnixMillis(NOW.0 + 1_000)).await.unwrap();
    for used_at in [UnixMillis(NOW.0 + 1), UnixMillis(NOW.0 + 2)] {
        let operation = SingleOperation::Account(AccountChange::SecretUsed { secret_id: [2; 16] });
        store
            .commit(WriteRequest {
                arrived_at: used_at,
                idempotency: Idempotency::None,
                token: None,
                operation,
            })
            .await
            .unwrap()
            .unwrap();
    }
    let app = store.app(APP).await.unwrap().unwrap();
    let uses: Vec<_> = app.secrets.iter().map(|secret| secret.first_used_at).collect();
    assert_eq!(uses, [None, Some(UnixMillis(NOW.0 + 1))], "the other's, and a later use");
}

pub(crate) async fn account_changes_are_made_once_per_key(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let made = commit(&store, key("k", 1), create_app(merchant_id, APP, 1)).await.unwrap();
    let app = store.app(APP).await.unwrap().unwrap();
    assert_eq!(made, Outcome::App(ChangedApp { app, overlap_until: None }));
    let other = AppId::from_bytes([8; 16]);
    assert_eq!(commit(&store, key("k", 1), create_app(merchant_id, other, 2)).await.unwrap(), made);
    assert!(store.app(other).await.unwrap().is_none());
    assert_eq!(
        code(commit(&store, key("k", 2), create_app(merchant_id, other, 2)).await),
        "Operator.Conflict"
    );
}

pub(crate) async fn a_repeated_key_returns_the_account_as_it_was(fixture: &Fixture) {
    let store = fixture.store().await;
    let named = |name: &str| {
        let (name, time_zone) = (name.parse().unwrap(), "UTC".parse().unwrap());
        SingleOperation::Account(AccountChange::CreateMerchant { name, time_zone })
    };
    let merchant = commit(&store, key("merchant", 1), named("Before")).await.unwrap();
    let Outcome::Merchant(MerchantRecord { merchant_id, .. }) = merchant else { panic!("{merchant:?}") };
    let app = commit(&store, key("app", 1), create_app(merchant_id, APP, 1)).await.unwrap();

    let renamed =
        AccountChange::ChangeMerchant { merchant_id, name: Some("After".parse().unwrap()), time_zone: None };
    commit(&store, Idempotency::None, SingleOperation::Account(renamed)).await.unwrap();
    let disabled = AppSettings { enabled: Some(false), ..settings() };
    commit(&store, Idempotency::None, change_app(merchant_id, disabled)).await.unwrap();
    rotate(&store, merchant_id, 2, NOW, UnixMillis(NOW.0 + 1)).await.unwrap();
    let drop_expired = SingleOperation::Maintenance(Maintenance::DropExpiredSecrets);
    let later = WriteRequest {
        arrived_at: UnixMillis(NOW.0 + 2),
        idempotency: Idempotency::None,
        token: None,
        operation: drop_expired,
    };
    assert_eq!(store.commit(later).await.unwrap(), Ok(Outcome::Rows(1)));

    assert_eq!(commit(&store, key("merchant", 1), named("Before")).await.unwrap(), merchant);
    assert_eq!(commit(&store, key("app", 1), create_app(merchant_id, APP, 1)).await.unwrap(), app);
    let Outcome::App(ChangedApp { app, .. }) = app else { panic!("{app:?}") };
    assert_eq!((app.enabled, app.secrets[0].ciphertext.as_slice()), (true, [1; 44].as_slice()));
}

pub(crate) async fn the_first_evidence_location_is_kept(fixture: &Fixture) {
    let store = fixture.store().await;
    let set_location = async |location: &str, expected: Option<&str>| {
        let (location, expected) = (location.to_owned(), expected.map(str::to_owned));
        let operation = SingleOperation::Account(AccountChange::SetEvidenceLocation { location, expected });
        commit(&store, Idempotency::None, operation).await.unwrap();
        store.evidence_location().await.unwrap().unwrap()
    };
    assert_eq!(store.evidence_location().await.unwrap(), None);
    assert_eq!(set_location("s3://first/", None).await, "s3://first/");
    assert_eq!(set_location("s3://second/", None).await, "s3://first/");
    assert_eq!(set_location("s3://second/", Some("s3://third/")).await, "s3://first/");
    assert_eq!(set_location("s3://second/", Some("s3://first/")).await, "s3://second/");
}
