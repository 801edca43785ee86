//! The testbed: starts the real binary, speaks raw HTTP to it, and signs by an independent implementation of contract
//! §2. Depends on none of the project's crates, so that a mistake in them cannot hide itself here.
//!
//! Everything here is for tests and panics with details: a failure of the testbed is a failed test.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use this crate, and a test fails by a panic with the details"
)]

pub mod backend;
pub mod balancer;
pub mod browser;
pub mod call;
pub mod clock;
pub mod document;
pub mod fake_clock;
pub mod fault_proxy;
pub mod gateway;
pub mod http;
pub mod invalid_files;
pub mod operator;
pub mod page;
pub mod postgres;
pub mod recorder;
pub mod s3;
pub mod samples;
pub mod scanner;
pub mod signer;
pub mod test_gateway;
pub mod upload;

pub use call::{Answer, SignedCall};
pub use document::Document;
pub use fake_clock::FakeClock;
pub use fault_proxy::{Action, FaultProxy, Upstream};
pub use gateway::Gateway;
pub use http::{Connection, Request, Response};
pub use operator::Operator;
pub use page::Page;
pub use samples::Sample;
pub use signer::{Scheme, Signer};
pub use test_gateway::{Item, TestGateway};
pub use upload::{Form, Ticket};
