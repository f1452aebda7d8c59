//! The application over HTTP: the real router on a real store, driven by browsers with real cookie jars, and a clock
//! that is moved.

#![cfg(feature = "ssr")]

mod cookie_states;
mod refresh;
mod support;
