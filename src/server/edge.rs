//! The layers that every request passes before it is authenticated, and that its response passes last.

pub mod client_address;
pub mod error_response;
pub mod limits;
pub mod origin_check;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
pub mod trace_context;
pub mod websocket;
