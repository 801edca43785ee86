//! What holds for every evidence store.

use crate::{Inspection, InvalidUpload};
use rebuttal_testbed::samples;
use sha2::{Digest as _, Sha256};

use super::common::{Fixture, LARGEST, Readers, uri};

macro_rules! every_case {
    ($($case:ident),+ $(,)?) => {
        mod folder {
            use super::Fixture;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(Fixture::folder()).await;
            })+
        }
        mod s3 {
            use super::Fixture;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs S3, which cargo xtask test starts"]
            async fn $case() {
                super::$case(Fixture::s3()).await;
            })+
        }
    };
}

every_case! {
    what_was_uploaded_is_found_and_read_back,
    nothing_is_found_where_nothing_was_uploaded,
    both_stores_report_the_same_fault_of_a_file,
    form_is_valid_only_for_its_purpose,
    what_is_deleted_is_gone,
    a_store_in_its_place_answers,
}

async fn what_was_uploaded_is_found_and_read_back(fixture: Fixture) {
    for sample in samples::all() {
        let uri = uri('a', sample.filename.rsplit('.').next().unwrap());
        fixture.upload(&uri, &sample.bytes).await;
        let sha256: [u8; 32] = Sha256::digest(&sample.bytes).into();
        // In the folder it was judged when it arrived.
        let judged = fixture.store.records_at_contest();
        let judged = judged.then(|| rebuttal_documents::inspect(&sample.bytes, uri.format).unwrap());
        let found = Inspection::Valid { sha256, size: sample.bytes.len() as u64, judged };
        assert_eq!(fixture.store.inspect(&uri, None, &Readers).await.unwrap(), found, "{}", sample.filename);
        assert_eq!(fixture.store.read(&uri, &sha256).await.unwrap().unwrap(), sample.bytes);
    }
}

async fn nothing_is_found_where_nothing_was_uploaded(fixture: Fixture) {
    assert_eq!(fixture.store.inspect(&uri('b', "png"), None, &Readers).await.unwrap(), Inspection::Absent);
    assert_eq!(fixture.store.read(&uri('b', "png"), &[0; 32]).await.unwrap(), None);
}

/// The folder rejects an invalid file at upload, with S3 the contest rejects it: with the same message.
async fn both_stores_report_the_same_fault_of_a_file(fixture: Fixture) {
    let png = samples::receipt(1).bytes;
    let invalid_files = [
        ("pdf", png.as_slice()),
        ("png", b"%PDF-1.7"),
        ("xlsx", b"PK\x03\x04"),
        ("png", &png[..png.len() / 2]),
    ];
    let mut messages = Vec::new();
    for (extension, content) in invalid_files {
        let uri = uri('c', extension);
        if fixture.store.records_at_contest() {
            fixture.upload(&uri, content).await;
            match fixture.store.inspect(&uri, None, &Readers).await.unwrap() {
                Inspection::Invalid(invalid_file) => messages.push(invalid_file.to_string()),
                other => panic!("{extension}: {other:?}"),
            }
        } else {
            let mut form = fixture.form(&uri).await;
            form.parts.last_mut().unwrap().content = content.to_vec();
            match fixture.receive(&form).await {
                Err(InvalidUpload::InvalidFile(invalid_file)) => messages.push(invalid_file.to_string()),
                other => panic!("{extension}: {other:?}"),
            }
        }
    }
    for (message, word) in messages.iter().zip(["named .pdf", "named .png", "xlsx", "png"]) {
        assert!(message.contains(word), "{message}");
    }
}

async fn form_is_valid_only_for_its_purpose(fixture: Fixture) {
    let png = samples::receipt(1).bytes;
    let (mine, other) = (uri('d', "png"), uri('e', "png"));
    let form = fixture.form(&mine).await;
    let key = |_: &str| other.key();
    for (bent, code) in [
        (form.clone().altered("key", key), "AccessDenied"),
        (form.clone().altered("Content-Type", |_| "text/html".into()), "AccessDenied"),
        (form.clone().altered("x-amz-signature", |_| "0".repeat(64)), "SignatureDoesNotMatch"),
    ] {
        assert_eq!(fixture.post(bent, &png).await.as_deref(), Some(code));
    }
    // Each store finds its own word for a form without a policy.
    assert!(fixture.post(form.clone().without("policy"), &png).await.is_some());
    assert_eq!(fixture.post(form.clone(), b"").await.as_deref(), Some("EntityTooSmall"));
    assert_eq!(fixture.post(form.clone(), &vec![0; LARGEST + 1]).await.as_deref(), Some("EntityTooLarge"));
    for uri in [mine, other] {
        assert_eq!(fixture.store.inspect(&uri, None, &Readers).await.unwrap(), Inspection::Absent);
    }
    assert_eq!(fixture.post(form, &png).await, None);
}

async fn what_is_deleted_is_gone(fixture: Fixture) {
    let (uri, sample) = (uri('f', "png"), samples::receipt(1));
    fixture.upload(&uri, &sample.bytes).await;
    let sha256: [u8; 32] = Sha256::digest(&sample.bytes).into();
    assert!(matches!(fixture.store.inspect(&uri, None, &Readers).await.unwrap(), Inspection::Valid { .. }));
    fixture.store.delete(&uri).await.unwrap();
    assert_eq!(fixture.store.inspect(&uri, None, &Readers).await.unwrap(), Inspection::Absent);
    assert_eq!(fixture.store.read(&uri, &sha256).await.unwrap(), None);
    fixture.store.delete(&uri).await.unwrap();
}

async fn a_store_in_its_place_answers(fixture: Fixture) {
    fixture.store.answers().await.unwrap();
    fixture.store.answers().await.unwrap();
}
