//! The operator's side of the demo, over HTTP like everybody else's.

use anyhow::{Context as _, Result};
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::answers::{self, SecretText};
use rebuttal_client::protocol::operator::{AppSettings, CreateMerchant, OpenDispute};
use rebuttal_client::{AppId, AppSecret};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::gateway::Gateway;
use crate::operator::{Client, Key, Token};

/// Somebody with an operator's token.
pub(super) struct Operator(Client);

/// What a merchant's integration is given.
pub(super) struct App {
    pub(super) app_id: AppId,
    pub(super) app_secret: SecretText,
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

    pub(super) async fn register_merchant(&self, name: &str, time_zone: &str) -> Result<MerchantId> {
        let asked = CreateMerchant { name: name.parse()?, time_zone: time_zone.parse()? };
        let merchant: answers::Merchant = self.post("/merchants", &asked).await?;
        Ok(merchant.merchant_id)
    }

    pub(super) async fn register_app(&self, merchant_id: MerchantId) -> Result<App> {
        let path = format!("/merchants/{merchant_id}/apps");
        let answers::App { app_id, app_secret, .. } = self.post(&path, &AppSettings::default()).await?;
        Ok(App { app_id, app_secret: app_secret.context("a new app has a secret")? })
    }

    pub(super) async fn open_dispute(&self, dispute: &OpenDispute) -> Result<()> {
        self.post("/disputes", dispute).await.map(|_: answers::Dispute| ())
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        Ok(serde_json::from_slice(&self.0.post(path, body, &Key::default()).await?)?)
    }
}
