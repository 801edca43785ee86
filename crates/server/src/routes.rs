//! What each listener serves. Everything that is not a merchant's call lies beside them; whatever path nobody knows is
//! answered, and signed, as a merchant's call.

use std::sync::Arc;

use axum::Router;

use crate::api::{self, upload};
use crate::gateway::Gateway;
use crate::openapi::{self, Apis};
use crate::{health, operator};

/// The merchants' listener, which serves operators, too, where they have none of their own.
pub(crate) fn merchants(gateway: &Arc<Gateway>, operators_too: bool) -> Router {
    let uploads = gateway.evidence.folder().is_some();
    beside(gateway, Apis { merchants: true, uploads, operators: operators_too })
        .fallback_service(api::merchant_calls(Arc::clone(gateway)))
}

/// The operators' own listener.
pub(crate) fn operators(gateway: &Arc<Gateway>) -> Router {
    beside(gateway, Apis { merchants: false, uploads: false, operators: true })
        .fallback_service(api::no_calls(Arc::clone(gateway)))
}

/// Everything but the merchants' signed calls.
pub(crate) fn beside(gateway: &Arc<Gateway>, apis: Apis) -> Router {
    let mut router = health::router(Arc::clone(gateway));
    if apis.uploads {
        router = router.merge(upload::router(Arc::clone(gateway)));
    }
    if apis.operators {
        router = router.merge(operator::router(Arc::clone(gateway)));
    }
    if gateway.tells_of_itself {
        router = router.merge(openapi::router(apis));
    }
    router
}
