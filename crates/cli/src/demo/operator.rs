//! The operator's side of the demo, over HTTP like everybody else's.

use anyhow::{Context as _, Result};
use rebuttal_client::{AppId, AppSecret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::gateway::Gateway;
use crate::operator::{Client, Key, Token};
use crate::settings::Secret;

/// Somebody with an operator's token.
pub(super) struct Operator(Client);

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
        Client::new(gateway.url(), &Token::beside(gateway.token_file())?, &[]).map(Self)
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
        Ok(serde_json::from_slice(&self.0.post(path, body, &Key::default()).await?)?)
    }
}
