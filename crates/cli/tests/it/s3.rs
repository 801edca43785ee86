//! Evidence in an S3 that merchants post to: what counts as evidence there, and what becomes of a contest when the
//! store fails.

mod failures;
mod fence;
mod links;
mod races;
mod truth;

use rebuttal_testbed::Scene;
use rebuttal_testbed::s3::{Bucket, Store};
use serde_json::Value;

use crate::ground::gateway;

/// A gateway whose evidence lies in a bucket of its own.
fn scene() -> (Bucket, Scene) {
    let bucket = Store::shared().bucket();
    let scene = Scene::of(gateway().bucket(&bucket));
    (bucket, scene)
}

/// Where a form stores the file of a storageUri.
fn key(url: &str) -> &str {
    url.strip_prefix("s3://uploaded/").unwrap()
}

/// The first evidence that a dispute's first submission holds.
fn submitted(scene: &Scene, dispute: &str) -> Value {
    scene.show(dispute)["submissions"][0]["evidence"][0].clone()
}
