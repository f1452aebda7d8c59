//! The application over HTTP: the real router on a real store, driven by browsers with real cookie jars, and a clock
//! that is moved.

#![cfg(feature = "ssr")]

mod access;
mod access_tokens;
mod cookie_states;
mod csrf;
mod forgeries;
mod forms;
mod gateway;
mod headers;
mod instances;
mod introspection;
mod limits;
mod master_secret;
mod notes;
mod other_user;
mod outage;
mod pages;
mod privacy;
mod published_keys;
mod redirects;
mod refresh;
mod reuse_notice;
mod revocation;
mod secrets;
mod sessions;
mod sign_in;
mod sign_up;
mod signing_keys;
mod smuggling;
mod support;
mod token_service;
