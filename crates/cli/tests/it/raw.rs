//! The contract, tested byte by byte with none of the project's crates: only the sockets and the signer of `testbed`,
//! which also checks form, signature and binding of every response.

mod accept_and_query;
mod body;
mod check_order;
mod contest;
mod deadlines;
mod dependency_loss;
pub(crate) mod extension;
mod finality;
mod freshness;
mod http_layer;
mod invalid_files;
mod operator;
mod resource_limits;
mod signature;
mod states;
mod tokens;
mod upload;
mod upload_url;
