//! Evidence in an S3 bucket that merchants post to: what counts as evidence there, and what happens to a contest when
//! the store fails.

mod evidence_integrity;
mod failures;
mod fence;
mod links;
mod races;

use rebuttal_testbed::TestGateway;
use rebuttal_testbed::s3::{Bucket, Store};
use serde_json::Value;

use crate::common::gateway;

/// A gateway with its own evidence bucket.
fn test_gateway() -> (Bucket, TestGateway) {
    let bucket = Store::shared().bucket();
    let fixture = TestGateway::with_builder(gateway().bucket(&bucket));
    (bucket, fixture)
}

/// Where a form stores the file of a storageUri.
fn key(url: &str) -> &str {
    url.strip_prefix("s3://uploaded/").unwrap()
}

/// The first evidence that a dispute's first submission holds.
fn submitted(fixture: &TestGateway, dispute: &str) -> Value {
    fixture.show(dispute)["submissions"][0]["evidence"][0].clone()
}
