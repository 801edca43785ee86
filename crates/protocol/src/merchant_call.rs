//! The calls of the merchant API: one table, which the gateway's router and metrics, the OpenAPI document and the
//! command line read.

use crate::dispute::{AcceptRequest, ContestRequest, EvidenceUrl, QueryRequest};
use crate::fields::RequestBody;
use crate::file::GenerateUploadUrlRequest;

/// The effect of a call that changes nothing: its nonce is used up in memory.
#[derive(Debug)]
pub struct Read;

/// The effect of a call that changes something: its nonce is used up in the transaction of its outcome.
#[derive(Debug)]
pub struct Write;

/// The request of a merchant's call. Implemented by the table only.
pub trait MerchantRequest: RequestBody {
    /// Which call it is.
    const CALL: MerchantCall;
    /// [`Read`] or [`Write`].
    type Effect;
}

macro_rules! merchant_calls {
    ($($(#[$doc:meta])* $call:ident: $effect:ident $path:literal [$($generics:tt)*] $request:ty;)*) => {
        /// A call of the merchant API; each is a `POST`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum MerchantCall {
            $($(#[$doc])* $call,)*
        }

        impl MerchantCall {
            /// Every call, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$call),*];

            /// The path under the public base URL.
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$call => $path,)*
                }
            }
        }

        $(impl<$($generics)*> MerchantRequest for $request {
            const CALL: MerchantCall = MerchantCall::$call;
            type Effect = $effect;
        })*
    };
}

merchant_calls! {
    /// Where to upload a file, and with which form (contract §3).
    GenerateUploadUrl: Write "/pg/v2/file/generateUploadUrl" [] GenerateUploadUrlRequest;
    /// Contest a dispute with all its evidence (contract §4).
    Contest: Write "/pg/v2/dispute/contest" [Url: EvidenceUrl] ContestRequest<Url>;
    /// Accept a dispute (contract §5).
    Accept: Write "/pg/v2/dispute/accept" [] AcceptRequest;
    /// Query a dispute (contract §5).
    Query: Read "/pg/v2/dispute/query" [] QueryRequest;
}

impl MerchantCall {
    /// The last segment of the path, the call's name in metrics and messages.
    pub fn name(self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// Whether it can change a dispute. Requesting an upload form, though a [`Write`], cannot.
    pub const fn changes_dispute(self) -> bool {
        match self {
            Self::Contest | Self::Accept => true,
            Self::GenerateUploadUrl | Self::Query => false,
        }
    }

    /// The call at a path.
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.path() == path)
    }
}
