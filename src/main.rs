//! The server and its command line. In the browser there is nothing to do here: the library is what hydrates.

#[cfg(feature = "ssr")]
fn main() -> std::process::ExitCode {
    tokenlife::server::boot::main()
}

#[cfg(not(feature = "ssr"))]
fn main() {}
