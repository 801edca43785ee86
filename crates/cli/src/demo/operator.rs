//! The operator's calls of the demo, over HTTP.

use anyhow::Result;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::answers::{self, SecretText};
use rebuttal_client::protocol::operator::{AppSettings, CreateMerchant, OpenDispute};
use rebuttal_client::{AppId, AppSecret};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::gateway::DemoGateway;
use crate::operator::{IdempotencyKeyArg, OperatorClient, SourcedToken};

/// A client with the first operator's token.
pub(super) struct DemoOperator(OperatorClient);

/// The app of the demo's merchant.
pub(super) struct DemoApp {
    pub(super) app_id: AppId,
    pub(super) app_secret: SecretText,
}

impl DemoApp {
    pub(super) fn secret(&self) -> Result<AppSecret> {
        Ok(self.app_secret.expose().parse()?)
    }
}

impl DemoOperator {
    pub(super) fn of(gateway: &DemoGateway) -> Result<Self> {
        OperatorClient::new(
            gateway.url(),
            "the demo's address".to_owned(),
            &SourcedToken::from_file(gateway.token_file())?,
            &[],
        )
        .map(Self)
    }

    pub(super) async fn register_merchant(&self, name: &str, time_zone: &str) -> Result<MerchantId> {
        let request = CreateMerchant { name: name.parse()?, time_zone: time_zone.parse()? };
        let merchant: answers::Merchant = self.post("/merchants", &request).await?;
        Ok(merchant.merchant_id)
    }

    pub(super) async fn register_app(&self, merchant_id: MerchantId) -> Result<DemoApp> {
        let path = format!("/merchants/{merchant_id}/apps");
        let answers::NewApp { app, app_secret } = self.post(&path, &AppSettings::default()).await?;
        Ok(DemoApp { app_id: app.app_id, app_secret })
    }

    pub(super) async fn open_dispute(&self, dispute: &OpenDispute) -> Result<()> {
        self.post("/disputes", dispute).await.map(|_: answers::OperatorDispute| ())
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        Ok(serde_json::from_slice(&self.0.post(path, body, &IdempotencyKeyArg::default()).await?)?)
    }
}
