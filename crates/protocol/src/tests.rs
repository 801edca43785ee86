//! Tests of the wire protocol through the public names: the vectors of an independent implementation, and the requests.

mod limits;
mod operator_requests;
mod requests;
mod vectors;
