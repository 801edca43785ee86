//! TLS: what each sslmode requires of a server's certificate.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rebuttal_testbed::postgres::Cluster;

use super::super::address::Address;
use super::super::rows;
use super::super::session::{LANE, Session};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Whether a connection succeeds, and is encrypted.
async fn encrypted(cluster: &Cluster, host: &str, query: &str) -> Result<bool, String> {
    let url = format!("postgres://postgres@{host}:{}/postgres?{query}", cluster.port());
    let address = Address::parse(&url).unwrap();
    let session = Session::open(&address, LANE).await.map_err(|error| error.to_string())?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = session.row(sql, &[]).await.map_err(|error| error.to_string())?.unwrap();
    Ok(rows::value(&row, 0).unwrap())
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
async fn each_sslmode_requires_what_libpq_requires() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &right).unwrap();
    let cluster = Cluster::with_tls(&certificate.pem(), &key.serialize_pem());
    let root = |name: &str, authority: &CertifiedIssuer<'static, KeyPair>| {
        let path = folder.path().join(name);
        std::fs::write(&path, authority.pem()).unwrap();
        format!("sslrootcert={}", path.display())
    };
    let (right, wrong) = (root("right.pem", &right), root("wrong.pem", &wrong));
    for (host, query, expected) in [
        ("localhost", "sslmode=disable".to_owned(), Some(false)),
        ("localhost", String::new(), Some(true)),
        ("localhost", "sslmode=prefer".to_owned(), Some(true)),
        ("localhost", "sslmode=require".to_owned(), Some(true)),
        ("localhost", format!("sslmode=verify-full&{right}"), Some(true)),
        ("localhost", format!("sslmode=verify-full&{wrong}"), None),
        ("localhost", "sslmode=verify-full".to_owned(), None),
        ("127.0.0.1", format!("sslmode=verify-full&{right}"), None),
        ("127.0.0.1", format!("sslmode=verify-ca&{right}"), Some(true)),
        ("127.0.0.1", format!("sslmode=require&{wrong}"), None),
    ] {
        let outcome = encrypted(&cluster, host, &query).await;
        assert_eq!(outcome.as_ref().ok().copied(), expected, "{host} {query}: {outcome:?}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
async fn a_server_without_tls_is_used_with_sslmode_prefer() {
    let cluster = Cluster::start();
    assert_eq!(encrypted(&cluster, "127.0.0.1", "sslmode=prefer").await, Ok(false));
    assert!(encrypted(&cluster, "127.0.0.1", "sslmode=require").await.is_err());
}
