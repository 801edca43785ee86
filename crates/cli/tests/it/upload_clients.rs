//! Uploads by the clients that merchants have: pages in a browser, and programs that send all of a file that is too
//! large before they read the answer.

mod browser;
mod large;
