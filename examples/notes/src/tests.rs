//! The service over HTTP, with an issuer of its own that publishes its keys on a port.

mod issuer;
mod live;
mod notes;
mod people;
mod tokens;
