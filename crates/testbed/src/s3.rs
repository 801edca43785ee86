//! A real S3-compatible store: each test has a bucket in the store that the whole run shares. Accesses it without the
//! gateway, so that a test can put, read, replace and delete what the gateway relies on.

mod exchange;
mod proxy;
mod server;

use std::net::SocketAddr;

pub use exchange::Reply;
pub use proxy::{Fault, Proxy};
pub use server::Server;

use exchange::exchange;

/// The shared store, as `http://<access key>:<secret>@<address>`; set by `cargo xtask test`.
pub const VARIABLE: &str = "REBUTTAL_TEST_S3";
/// The region that requests are signed for; the store accepts any.
pub const REGION: &str = "us-east-1";

const BUCKET_NAME_BYTES: usize = 12;

/// A store and a key pair with all permissions.
#[derive(Clone, Debug)]
pub struct Store {
    pub address: SocketAddr,
    pub access_key: String,
    pub secret_key: String,
}

impl Store {
    /// The store that the run shares.
    #[must_use]
    pub fn shared() -> Self {
        let text = std::env::var(VARIABLE).unwrap_or_else(|_| panic!("{VARIABLE}: run cargo xtask test"));
        Self::parse(&text).unwrap_or_else(|| panic!("{VARIABLE} is not http://key:secret@address: {text}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (keys, address) = text.strip_prefix("http://")?.split_once('@')?;
        let (access_key, secret_key) = keys.split_once(':')?;
        Some(Self {
            address: address.parse().ok()?,
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
        })
    }

    /// The text of [`VARIABLE`].
    #[must_use]
    pub fn variable(&self) -> String {
        format!("http://{}:{}@{}", self.access_key, self.secret_key, self.address)
    }

    /// The variables with these keys for AWS tools.
    #[must_use]
    pub fn credentials(&self) -> [(&'static str, String); 2] {
        [("AWS_ACCESS_KEY_ID", self.access_key.clone()), ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone())]
    }

    /// A new bucket with a unique name.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        let mut random = [0; BUCKET_NAME_BYTES];
        getrandom::fill(&mut random).expect("the system has randomness");
        let bucket = Bucket { store: self.clone(), name: format!("test-{}", hex::encode(random)) };
        let reply = bucket.send("PUT", "", &[], &[]);
        assert_eq!(reply.status, 200, "making {}: {}", bucket.name, reply.text());
        bucket
    }
}

/// A bucket; its objects are deleted with the store.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub store: Store,
    pub name: String,
}

impl Bucket {
    /// The `evidence_url` of this bucket, at the given address.
    #[must_use]
    pub fn evidence_url_through(&self, address: SocketAddr) -> String {
        format!("s3://{}?endpoint=http://{address}&region={REGION}&path_style=true", self.name)
    }

    #[must_use]
    pub fn evidence_url(&self) -> String {
        self.evidence_url_through(self.store.address)
    }

    pub fn put(&self, key: &str, content: &[u8]) {
        let reply = self.send("PUT", key, &[], content);
        assert_eq!(reply.status, 200, "putting {key}: {}", reply.text());
    }

    /// The object's content, if there is one.
    #[must_use]
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        let reply = self.send("GET", key, &[], &[]);
        match reply.status {
            200 => Some(reply.body),
            404 => None,
            status => panic!("reading {key}: {status}: {}", reply.text()),
        }
    }

    pub fn delete(&self, key: &str) {
        let reply = self.send("DELETE", key, &[], &[]);
        assert_eq!(reply.status, 204, "deleting {key}: {}", reply.text());
    }

    /// The keys below a prefix, in order; at most a thousand, which no test exceeds.
    #[must_use]
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let reply = self.send("GET", "", &[("list-type", "2"), ("prefix", prefix)], &[]);
        assert_eq!(reply.status, 200, "listing {prefix}: {}", reply.text());
        let text = reply.text();
        let parts = text.split("<Key>").skip(1);
        parts.filter_map(|part| Some(part.split_once("</Key>")?.0.to_owned())).collect()
    }

    fn send(&self, method: &str, key: &str, query: &[(&str, &str)], body: &[u8]) -> Reply {
        let path = format!("/{}/{key}", self.name);
        exchange(&self.store, method, path.trim_end_matches('/'), query, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_survives_a_round_trip() {
        let store = Store {
            address: "127.0.0.1:18333".parse().unwrap(),
            access_key: "AK".into(),
            secret_key: "sec/ret".into(),
        };
        assert_eq!(Store::parse(&store.variable()).unwrap().variable(), store.variable());
    }

    #[test]
    #[ignore = "needs S3, which cargo xtask test starts"]
    fn objects_are_stored_read_listed_and_deleted() {
        let bucket = Store::shared().bucket();
        bucket.put("m/80/a b+c.png", b"content");
        bucket.put("by-hash/x", b"");
        assert_eq!(bucket.read("m/80/a b+c.png").as_deref(), Some(b"content".as_slice()));
        assert_eq!(bucket.keys("m/"), ["m/80/a b+c.png"]);
        bucket.delete("m/80/a b+c.png");
        assert_eq!(bucket.read("m/80/a b+c.png"), None);
        assert_eq!(bucket.keys(""), ["by-hash/x"]);
    }

    #[test]
    #[ignore = "needs S3, which cargo xtask test starts"]
    fn another_secret_opens_nothing() {
        let store = Store::shared();
        let bucket = store.bucket();
        let other = Store { secret_key: "another".into(), ..store };
        let reply = Bucket { store: other, ..bucket }.send("GET", "m/80/x.png", &[], &[]);
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
}
