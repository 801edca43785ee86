//! What holds whichever store a gateway has.

use rebuttal_evidence::{Look, Refusal};
use rebuttal_testbed::samples;
use sha2::{Digest as _, Sha256};

use crate::ground::{Ground, uri};

macro_rules! every_case {
    ($($case:ident),+ $(,)?) => {
        mod folder {
            use super::Ground;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(Ground::folder()).await;
            })+
        }
        mod s3 {
            use super::Ground;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs an S3, which cargo xtask test starts"]
            async fn $case() {
                super::$case(Ground::s3()).await;
            })+
        }
    };
}

every_case! {
    what_was_uploaded_is_found_and_read_back,
    nothing_is_found_where_nothing_was_uploaded,
    the_same_lie_is_told_of_the_same_file,
    a_form_is_good_for_what_it_was_issued_for_alone,
    what_is_deleted_is_gone,
    a_store_in_its_place_answers,
}

async fn what_was_uploaded_is_found_and_read_back(ground: Ground) {
    for sample in samples::all() {
        let uri = uri('a', sample.filename.rsplit('.').next().unwrap());
        ground.upload(&uri, &sample.bytes).await;
        let sha256: [u8; 32] = Sha256::digest(&sample.bytes).into();
        let found = Look::True { sha256, size: sample.bytes.len() as u64 };
        assert_eq!(ground.store.look(&uri, None).await.unwrap(), found, "{}", sample.filename);
        assert_eq!(ground.store.read(&uri, &sha256).await.unwrap().unwrap(), sample.bytes);
    }
}

async fn nothing_is_found_where_nothing_was_uploaded(ground: Ground) {
    assert_eq!(ground.store.look(&uri('b', "png"), None).await.unwrap(), Look::Absent);
    assert_eq!(ground.store.read(&uri('b', "png"), &[0; 32]).await.unwrap(), None);
}

/// The folder refuses a lie when it is uploaded, an S3 takes it and the contest refuses it: in the same words.
async fn the_same_lie_is_told_of_the_same_file(ground: Ground) {
    let png = samples::receipt(1).bytes;
    let lies = [
        ("pdf", png.as_slice()),
        ("png", b"%PDF-1.7"),
        ("xlsx", b"PK\x03\x04"),
        ("png", &png[..png.len() - 20]),
    ];
    let mut told = Vec::new();
    for (extension, content) in lies {
        let uri = uri('c', extension);
        if ground.store.records_at_contest() {
            ground.upload(&uri, content).await;
            match ground.store.look(&uri, None).await.unwrap() {
                Look::Lie(lie) => told.push(lie.to_string()),
                other => panic!("{extension}: {other:?}"),
            }
        } else {
            let mut form = ground.form(&uri).await;
            form.parts.last_mut().unwrap().content = content.to_vec();
            match ground.receive(&form).await {
                Err(Refusal::Untrue(lie)) => told.push(lie.to_string()),
                other => panic!("{extension}: {other:?}"),
            }
        }
    }
    for (told, word) in told.iter().zip(["named .pdf", "named .png", "xlsx", "png"]) {
        assert!(told.contains(word), "{told}");
    }
}

async fn a_form_is_good_for_what_it_was_issued_for_alone(ground: Ground) {
    let png = samples::receipt(1).bytes;
    let (mine, other) = (uri('d', "png"), uri('e', "png"));
    let form = ground.form(&mine).await;
    let key = |_: &str| other.key();
    for (bent, code) in [
        (form.clone().altered("key", key), "AccessDenied"),
        (form.clone().altered("Content-Type", |_| "text/html".into()), "AccessDenied"),
        (form.clone().altered("x-amz-signature", |_| "0".repeat(64)), "SignatureDoesNotMatch"),
    ] {
        assert_eq!(ground.post(bent, &png).await.as_deref(), Some(code));
    }
    // Each store finds its own word for a form without a policy.
    assert!(ground.post(form.clone().without("policy"), &png).await.is_some());
    assert_eq!(ground.post(form.clone(), b"").await.as_deref(), Some("EntityTooSmall"));
    assert_eq!(ground.post(form.clone(), &vec![0; 2_097_153]).await.as_deref(), Some("EntityTooLarge"));
    for uri in [mine, other] {
        assert_eq!(ground.store.look(&uri, None).await.unwrap(), Look::Absent);
    }
    assert_eq!(ground.post(form, &png).await, None);
}

async fn what_is_deleted_is_gone(ground: Ground) {
    let (uri, sample) = (uri('f', "png"), samples::receipt(1));
    ground.upload(&uri, &sample.bytes).await;
    let sha256: [u8; 32] = Sha256::digest(&sample.bytes).into();
    assert!(matches!(ground.store.look(&uri, None).await.unwrap(), Look::True { .. }));
    ground.store.delete(&uri).await.unwrap();
    assert_eq!(ground.store.look(&uri, None).await.unwrap(), Look::Absent);
    assert_eq!(ground.store.read(&uri, &sha256).await.unwrap(), None);
    ground.store.delete(&uri).await.unwrap();
}

async fn a_store_in_its_place_answers(ground: Ground) {
    ground.store.answers().await.unwrap();
    ground.store.answers().await.unwrap();
}
