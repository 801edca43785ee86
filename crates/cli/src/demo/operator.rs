//! The operator's side of the demo, over HTTP like everybody else's.

use anyhow::{Context as _, Result, bail};
use rebuttal_client::{AppId, AppSecret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::gateway::Gateway;
use crate::settings::Secret;

/// Somebody with an operator's token.
pub(super) struct Operator {
    http: reqwest::Client,
    url: String,
    token: Secret,
}

/// What a merchant's integration is given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    pub(super) app_id: AppId,
    pub(super) app_secret: Secret,
}

impl App {
    pub(super) fn secret(&self) -> Result<AppSecret> {
        Ok(self.app_secret.expose().parse()?)
    }
}

impl Operator {
    pub(super) fn of(gateway: &Gateway) -> Result<Self> {
        // reqwest wants a provider even where no TLS is spoken. Losing the race to install one is as good as winning.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let url = format!("{}/operator/v1", gateway.url());
        Ok(Self { http, url, token: Secret::read(&gateway.token_file())? })
    }

    pub(super) async fn register_merchant(&self, name: &str, time_zone: &str) -> Result<u64> {
        let merchant = self.post("/merchants", &json!({ "name": name, "timeZone": time_zone })).await?;
        merchant.get("merchantId").and_then(Value::as_u64).context("a merchant has a number")
    }

    pub(super) async fn register_app(&self, merchant_id: u64) -> Result<App> {
        let app = self.post(&format!("/merchants/{merchant_id}/apps"), &json!({})).await?;
        Ok(serde_json::from_value(app)?)
    }

    pub(super) async fn open_dispute(&self, dispute: &Value) -> Result<()> {
        self.post("/disputes", dispute).await.map(drop)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(self.token.expose())
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", format!("demo-{:016x}", getrandom::u64()?))
            .body(body.to_string())
            .send()
            .await?;
        let created = answer.status().is_success();
        let text = answer.text().await?;
        if !created {
            bail!("the operator API refused {path}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}
