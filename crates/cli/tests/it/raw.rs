//! The contract read a second time, byte by byte: uses none of the project's crates, only the test ground's sockets
//! and its own signer. Every answer seen here is checked for form, sign and binding by the ground.

mod accept_and_query;
mod body;
mod check_order;
mod codes;
mod contest;
mod deadlines;
mod dependency_loss;
mod extension;
mod finality;
mod freshness;
mod header;
mod http_layer;
mod invalid_files;
mod operator;
mod resource_limits;
mod signature;
mod states;
mod tokens;
mod upload;
mod upload_url;
