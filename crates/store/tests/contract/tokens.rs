//! Operators' tokens: what their holders may do, their expiry, and how older binaries handle them.

use rebuttal_disputes::Command;
use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::operator::{Role, TokenName};
use rebuttal_store::{
    AccountChange, CreatedToken, Idempotency, Operation, Outcome, QueuedRequest, SingleOperation, Store,
    TokenHash, WriteRequest, WriteResult,
};

use crate::common::{
    DEADLINE, Fixture, NOW, code, commit, detail, key, merchant, open, opening, operation, operator,
};

fn named(name: &str) -> TokenName {
    name.parse().unwrap()
}

fn create(name: &str, role: Role, value: u8) -> SingleOperation {
    let (hash, ciphertext) = (TokenHash([value; 32]), vec![value; 92]);
    SingleOperation::Account(AccountChange::CreateToken(CreatedToken {
        name: named(name),
        role,
        hash,
        ciphertext,
    }))
}

fn put(name: &str, value: u8) -> SingleOperation {
    SingleOperation::Account(AccountChange::PutToken { name: named(name), hash: TokenHash([value; 32]) })
}

async fn revoke(store: &Store, name: &str, at: UnixMillis) -> WriteResult {
    let operation = SingleOperation::Account(AccountChange::RevokeToken { name: named(name) });
    store
        .commit(WriteRequest { arrived_at: at, idempotency: Idempotency::None, token: None, operation })
        .await
        .unwrap()
}

/// The role that a token authenticates as.
async fn holder(store: &Store, value: u8) -> Option<(String, Role)> {
    store.token(TokenHash([value; 32])).await.unwrap().map(|token| (token.name.to_string(), token.role))
}

pub(crate) async fn a_token_is_found_by_its_hash(fixture: &Fixture) {
    let store = fixture.store().await;
    let put = async |name: &str, value| code(commit(&store, Idempotency::None, put(name, value)).await);
    assert_eq!(put("first", 1).await, "OK");
    assert_eq!(put("first", 1).await, "OK");
    assert_eq!(put("second", 1).await, "Operator.Conflict");
    assert_eq!(put("first", 2).await, "OK");
    assert_eq!(holder(&store, 1).await, None);
    assert_eq!(holder(&store, 2).await, Some(("first".to_owned(), Role::Admin)));
}

pub(crate) async fn a_token_has_its_role_until_it_is_revoked(fixture: &Fixture) {
    let store = fixture.store().await;
    for (value, role) in (1..).zip(Role::ALL) {
        assert_eq!(code(commit(&store, Idempotency::None, create(role.as_str(), *role, value)).await), "OK");
        assert_eq!(holder(&store, value).await, Some((role.to_string(), *role)));
    }
    let first = revoke(&store, "viewer", NOW).await.unwrap();
    let Outcome::Token(token) = &first else { panic!("{first:?}") };
    assert_eq!((token.role, token.created_at, token.revoked_at), (Role::Viewer, NOW, Some(NOW)));
    assert_eq!(revoke(&store, "viewer", UnixMillis(NOW.0 + 1)).await.unwrap(), first, "revoked once");
    assert_eq!(holder(&store, 1).await, None);
    assert!(holder(&store, 2).await.is_some() && holder(&store, 3).await.is_some());
    assert_eq!(code(revoke(&store, "nobody", NOW).await), "Operator.NotFound");
}

pub(crate) async fn a_revoked_token_commits_nothing(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    commit(&store, Idempotency::None, create("gone", Role::Admin, 1)).await.unwrap();
    fn request<O>(idempotency: Idempotency, operation: O) -> WriteRequest<O> {
        WriteRequest { arrived_at: NOW, idempotency, token: Some(TokenHash([1; 32])), operation }
    }
    let requests = |idempotency: fn(u8) -> Idempotency| -> [QueuedRequest; 3] {
        let opening = Operation::Open { opening: opening(merchant_id, "D2", DEADLINE), actor: operator() };
        [
            request(idempotency(1), opening).into(),
            request(idempotency(2), operation(&no, Command::Accept)).into(),
            request(idempotency(3), create("heir", Role::Admin, 2)).into(),
        ]
    };
    let keyed = || request(key("before", 1), create("viewer", Role::Viewer, 3));
    let asked = async |request: QueuedRequest| code(store.commit(request).await.unwrap());
    assert_eq!(asked(keyed().into()).await, "OK");
    revoke(&store, "gone", NOW).await.unwrap();
    for request in requests(|number| key("after", number)).into_iter().chain(requests(|_| Idempotency::None))
    {
        assert_eq!(asked(request).await, "Operator.Unauthorized");
    }
    let repeated = asked(keyed().into()).await;
    assert_eq!(repeated, "Operator.Unauthorized", "a revoked token does not get the first answer");
    assert_eq!((holder(&store, 2).await, detail(&store, &no).await.history.len()), (None, 1));
    assert!(store.dispute(&"D2".parse().unwrap()).await.unwrap().is_none());
    assert_eq!(
        code(commit(&store, key("after", 9), create("ci", Role::Viewer, 4)).await),
        "OK",
        "its key is free"
    );
}

pub(crate) async fn a_name_belongs_to_one_active_token(fixture: &Fixture) {
    let store = fixture.store().await;
    commit(&store, key("k", 1), create("ci", Role::Operator, 1)).await.unwrap();
    let taken =
        async |value| code(commit(&store, Idempotency::None, create("ci", Role::Viewer, value)).await);
    assert_eq!(taken(2).await, "Operator.Conflict");
    assert_eq!(holder(&store, 2).await, None);
    revoke(&store, "ci", NOW).await.unwrap();
    assert_eq!(taken(3).await, "OK");
    assert_eq!((holder(&store, 1).await, holder(&store, 3).await.unwrap().1), (None, Role::Viewer));
    // The first answer, although its token is revoked.
    let again = commit(&store, key("k", 1), create("ci", Role::Operator, 9)).await.unwrap();
    let Outcome::NewToken(again) = again else { panic!("{again:?}") };
    assert_eq!((again.role, again.hash, again.ciphertext), (Role::Operator, TokenHash([1; 32]), vec![1; 92]));
    // Nor is the value of a revoked one accepted under another name.
    revoke(&store, "ci", NOW).await.unwrap();
    assert_eq!(code(commit(&store, Idempotency::None, put("first", 3)).await), "Operator.Conflict");
}

pub(crate) async fn active_tokens_are_listed_by_name(fixture: &Fixture) {
    let store = fixture.store().await;
    for (value, name) in (1..).zip(["b", "a", "~", "B", "c"]) {
        commit(&store, Idempotency::None, create(name, Role::Viewer, value)).await.unwrap();
    }
    revoke(&store, "c", NOW).await.unwrap();
    let page = async |after: Option<&str>, limit| {
        let tokens = store.tokens(after.map(named), limit).await.unwrap();
        tokens.into_iter().map(|token| token.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 9).await, ["B", "a", "b", "~"]);
    assert_eq!(page(None, 2).await, ["B", "a"]);
    assert_eq!(page(Some("a"), 2).await, ["b", "~"]);
}
